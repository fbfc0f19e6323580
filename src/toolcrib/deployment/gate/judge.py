"""`Judge`: brings together what the gate decides on: a candidate, and what is known of the release it would follow."""

from collections.abc import Awaitable, Callable, Iterable

from toolcrib.core.compat.shapes import Side
from toolcrib.core.errors import DeploymentRejected
from toolcrib.core.ports import ReleaseStore, RunRecord
from toolcrib.core.releases import Acceptable, Change, Channel, Verification, worst
from toolcrib.deployment.gate.gate import ANYTHING, Decision, decide
from toolcrib.deployment.gate.trials import CLOSURE_CHARS
from toolcrib.loader.bundle import Bundle
from toolcrib.loader.compat.compare import compare
from toolcrib.loader.prompts import prompt_texts
from toolcrib.loader.verifier.client import Verdict
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release

Bring = Callable[[str], Awaitable[Release]]


class Judge:
    """The gate's decisions on the releases of one project."""

    def __init__(
        self, *, registry: Registry, store: ReleaseStore, bring: Bring, accept: Iterable[Acceptable] = ()
    ) -> None:
        """Nothing is decided yet.

        Args:
            registry: what is in memory.
            store: what is not.
            bring: loads a stored release; for those that were stored before shapes were.
            accept: what is taken without being asked each time.
        """
        self._registry = registry
        self._store = store
        self._bring = bring
        self._accept = frozenset(accept)

    async def admit(self, release: Release, channel: Channel, *, accept: Iterable[Acceptable]) -> Decision:
        """Whether a candidate may come to serve beside, or after, the stable release; a canary may go on."""
        known = channel.canary is not None and channel.canary.digest == release.digest
        return await self.decide(release, channel.digest, accept=ANYTHING if known else accept)

    async def decide(self, release: Release, former: str, *, accept: Iterable[Acceptable]) -> Decision:
        """Whether a release may follow the one with the digest `former`; empty when there is none."""
        older = await self._side(former) if former and former != release.digest else None
        return decide(_loaded(release), older, accept=self._accept.union(accept))

    async def verify(self, bundle: Bundle, verdict: Verdict, *, accept: Iterable[Acceptable]) -> Verification:
        """What the gate says of a tree that the verifier has seen, beside what serves."""
        digest = self._registry.current.release.digest if self._registry.generation else ""
        older = await self._side(digest) if digest else None
        return verification(bundle, verdict, older, accept=self._accept.union(accept))

    async def difference(self, older: str, newer: str) -> tuple[Change, ...]:
        """What differs between two releases, by digest.

        Raises:
            ReleaseNotFound: one of them is not in the store.
        """
        return compare(await self._side(older), await self._side(newer))

    async def is_safe(self, last: RunRecord, newer: Release) -> bool:
        """Whether the thread of this run may go over from its release to the newer one."""
        agent, older = last.agent, last.release
        resident = self._registry.resident(older)
        stored = resident.shape if resident else await self._store.shape(older)
        shape = stored.seen_by(last.tenant) if stored else None
        if shape is None or agent not in shape.agents:
            return False
        theirs = newer.shape.seen_by(last.tenant)
        changes = compare(Side(release=older, shape=shape), Side(release=newer.id, shape=theirs))
        had = shape.agents[agent].tools
        return worst(one for one in changes if (one.name in had if one.kind == "tool" else one.name == agent)) == "safe"

    def passed(self) -> frozenset[str]:
        """The code that has gone through the gate with the release that serves: beginnings of its modules' digests."""
        known = self._registry.current.release.modules.reachable() if self._registry.generation else ()
        return frozenset(closure[:CLOSURE_CHARS] for _, closure in known)

    async def _side(self, digest: str) -> Side:
        if resident := self._registry.resident(digest):
            return _loaded(resident)
        side = await stored_side(digest, self._store)
        if side.shape is not None:
            return side
        try:
            return _loaded(await self._bring(digest))
        except DeploymentRejected:
            return side


def verification(
    bundle: Bundle, verdict: Verdict, former: Side | None, *, accept: Iterable[Acceptable]
) -> Verification:
    """What the gate says of a tree.

    Args:
        bundle: the tree.
        verdict: what the verifier said; it was asked for the shape.
        former: what serves now; None when nothing does.
        accept: what would be accepted.
    """
    candidate = Side(release=bundle.manifest.release, shape=verdict.shape, prompts=prompt_texts(bundle.contents))
    decision = decide(candidate, former, accept=accept) if not verdict.reasons else Decision(reasons=verdict.reasons)
    return Verification(
        reasons=decision.reasons,
        against=former.release if former else "",
        diff=decision.diff,
        verdict=decision.verdict,
        accepted=decision.accepted,
        untried=verdict.untried,
    )


async def stored_side(digest: str, store: ReleaseStore) -> Side:
    """A release as the store knows it; one that was stored before shapes were has none.

    Raises:
        ReleaseNotFound: the store has no such release.
    """
    found, shape = await store.find(digest), await store.shape(digest)
    return Side(release=found.manifest.release, shape=shape, prompts=prompt_texts(await store.contents(digest)))


def _loaded(release: Release) -> Side:
    return Side(release=release.id, shape=release.shape, prompts=release.prompts)
