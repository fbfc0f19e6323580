"""`Judge`: brings together what the gate decides on: a candidate, and what is known of the release it would follow."""

from collections.abc import Awaitable, Callable, Iterable

from toolcrib.agents.state.passages import Passages
from toolcrib.core.compat.shapes import Shape, Side
from toolcrib.core.errors import DeploymentRejected, ReleaseNotFound
from toolcrib.core.ports import ReleaseStore
from toolcrib.core.releases import Acceptable, Change, Channel, Verification, worst
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.deployment.gate.gate import ANYTHING, Decision, decide
from toolcrib.deployment.gate.options import with_options
from toolcrib.deployment.gate.parked import NOBODY, Parked, look_at_threads, rehearse
from toolcrib.deployment.gate.trials import CLOSURE_CHARS
from toolcrib.deployment.ports import DeployerPorts
from toolcrib.loader.bundle import Bundle
from toolcrib.loader.compat.compare import compare
from toolcrib.loader.prompts import prompt_texts
from toolcrib.loader.verifier.client import Verdict
from toolcrib.registry.release import Release

Bring = Callable[[str], Awaitable[Release]]


class Judge:
    """The gate's decisions on the releases of one project."""

    def __init__(self, ports: DeployerPorts, *, bring: Bring) -> None:
        """Nothing is decided yet.

        Args:
            ports: what is in memory, what is stored, and what is taken without being asked each time.
            bring: loads a stored release; for those that were stored before shapes were, and for rehearsals.
        """
        self._registry = ports.registry
        self._store = ports.store
        self._ledger = ports.ledger
        self._rehearse = ports.rehearse
        self._bring = bring
        self._passages = Passages(bring, scrub=ports.secrets.scrub)
        self._accept = ports.accept

    async def admit(self, release: Release, channel: Channel, *, accept: Iterable[Acceptable]) -> Decision:
        """Whether a candidate may come to serve beside, or after, the stable release; a canary may go on."""
        known = channel.canary is not None and channel.canary.digest == release.digest
        return await self.decide(release, channel.digest, accept=ANYTHING if known else accept)

    async def decide(self, release: Release, former: str, *, accept: Iterable[Acceptable]) -> Decision:
        """Whether a release may follow the one with the digest `former`; empty when there is none."""
        if not former or former == release.digest:
            return decide(_loaded(release), None, accept=())
        parked = await look_at_threads(release.shape, self._ledger, self._shape)
        parked += await rehearse(release, self._ledger, self._passages, most=self._rehearse, but=parked.stranded)
        return decide(_loaded(release), await self._side(former), accept=self._accept.union(accept), parked=parked)

    async def verify(self, bundle: Bundle, verdict: Verdict, *, accept: Iterable[Acceptable]) -> Verification:
        """What the gate says of a tree that the verifier has seen, beside what serves."""
        digest = self._registry.current.release.digest if self._registry.generation else ""
        if not digest:
            return verification(bundle, verdict, None, accept=self._accept.union(accept))
        parked = await look_at_threads(verdict.shape, self._ledger, self._shape) if verdict.shape else NOBODY
        return verification(bundle, verdict, await self._side(digest), accept=self._accept.union(accept), parked=parked)

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
        """What has gone through the gate with the release that serves: code and models, by beginnings of digests."""
        if not self._registry.generation:
            return frozenset()
        release = self._registry.current.release
        agents = (*release.agents.values(), *release.agent_variants.values())
        code = (closure[:CLOSURE_CHARS] for _, closure in release.modules.reachable())
        return with_options(agent.spec for agent in agents).union(code)

    async def _shape(self, digest: str) -> Shape | None:
        try:
            return (await self._side(digest)).shape
        except ReleaseNotFound:
            return None

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
    bundle: Bundle,
    verdict: Verdict,
    former: Side | None,
    *,
    accept: Iterable[Acceptable],
    parked: Parked = NOBODY,
) -> Verification:
    """What the gate says of a tree.

    Args:
        bundle: the tree.
        verdict: what the verifier said; it was asked for the shape.
        former: what serves now; None when nothing does.
        accept: what would be accepted.
        parked: what would become of the threads there are.
    """
    candidate = Side(release=bundle.manifest.release, shape=verdict.shape, prompts=prompt_texts(bundle.contents))
    decision = Decision(reasons=verdict.reasons)
    if not verdict.reasons:
        decision = decide(candidate, former, accept=accept, parked=parked)
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


async def stored_shape(digest: str, store: ReleaseStore) -> Shape | None:
    """The shape of a release as the store knows it; None when it does not."""
    try:
        return await store.shape(digest)
    except ReleaseNotFound:
        return None


def _loaded(release: Release) -> Side:
    return Side(release=release.id, shape=release.shape, prompts=release.prompts)
