"""`Collector`: removes the files of releases that nothing needs any more; what was written down of them stays."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolcrib.core.ports import Clock, ReleaseStore, StoredRelease
from toolcrib.core.releases import Channel, Deployment
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.core.stores.pins import UNFINISHED, ThreadPin
from toolcrib.core.tasks import TaskStore
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.history import LONG
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
EVERY_S = 3600.0
KEEP = 50
STAY = frozenset({"thread", "compatible"})
"""Thread policies under which a thread between two turns holds on to its release, or may do so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What may need a release.

    Attributes:
        channel: what serves.
        history: past deployments, the newest first.
        pins: what threads hold on to.
        policies: agent -> its thread policies in the releases that serve; `thread` for one that lacks it.
        tasks: ids of releases with tasks that run or wait.
        in_memory: digests.
    """

    channel: Channel
    history: Sequence[Deployment]
    pins: Iterable[ThreadPin]
    policies: Mapping[str, Collection[str]]
    tasks: Collection[str]
    in_memory: Collection[str]


def collectable(stored: Iterable[StoredRelease], needs: Needs, *, keep: int) -> list[StoredRelease]:
    """The releases that nothing needs, the one used last first: neither the last `keep` nor anything in `needs`.

    A release was used last when it arrived, or when a deployment named it last.
    """
    used = {one.release: one.at for one in reversed(needs.history) if one.state != "drained"}
    living = [one for one in stored if one.state != "collected"]
    living.sort(key=lambda one: (max(one.at, used.get(one.manifest.release, 0.0)), one.manifest.digest), reverse=True)
    needed = needs.channel.serving | set(needs.in_memory) | {pin.release for pin in needs.pins if _holds(pin, needs)}
    return [
        one for one in living[keep:] if one.manifest.digest not in needed and one.manifest.release not in needs.tasks
    ]


def _holds(pin: ThreadPin, needs: Needs) -> bool:
    policies = needs.policies.get(pin.agent) or STAY
    return pin.status in UNFINISHED or pin.moved or not STAY.isdisjoint(policies)


def _policy(agent: str, release: Release) -> str:
    return release.agents[agent].spec.thread_policy if agent in release.agents else "thread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was removed, or would be.

    Attributes:
        releases: their ids, the one used last first.
        freed_bytes: size of the files that no other release has; 0 for a dry run.
        kept: how many releases keep their files.
    """

    releases: tuple[str, ...]
    freed_bytes: int
    kept: int
    dry_run: bool

    def to_dict(self) -> dict[str, Any]:
        """The collection as JSON-ready mapping."""
        return asdict(self) | {"releases": list(self.releases)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorPorts:
    """What collecting needs."""

    registry: Registry
    deployer: Deployer
    store: ReleaseStore
    ledger: RunLedger
    tasks: TaskStore
    clock: Clock


class Collector:
    """Collections of one project.

    Args:
        ports: what it needs.
        keep: so many releases are kept whatever happens; None collects nothing by itself.
    """

    def __init__(self, ports: CollectorPorts, *, keep: int | None) -> None:
        self._ports = ports
        self._keep = keep

    async def collect(self, *, keep: int | None = None, dry_run: bool = True) -> Collected:
        """Remove what nothing needs; each release in a transaction of its own, so a crash leaves whole releases.

        Args:
            keep: keep so many of the releases that were used last; by default as the settings say, at least one.
            dry_run: only tell what would go.
        """
        ports, most = self._ports, max(1, keep or self._keep or KEEP)
        stored = await ports.store.releases()
        doomed = collectable(stored, await self._needs(), keep=most)
        freed, gone = 0, []
        for one in doomed:
            size = 0 if dry_run else await ports.deployer.collect(one.manifest.digest)
            if size is not None:
                freed += size
                gone.append(one.manifest.release)
        if gone and not dry_run:
            log.info("releases collected", extra={"releases": gone, "freed_bytes": freed})
        whole = sum(one.state != "collected" for one in stored)
        return Collected(releases=tuple(gone), freed_bytes=freed, kept=whole - len(gone), dry_run=dry_run)

    async def run(self) -> None:
        """Collect once an hour, if the settings want it."""
        while True:
            if self._keep is not None:
                await self.collect(dry_run=False)
            await self._ports.clock.sleep(EVERY_S)

    async def _needs(self) -> Needs:
        ports = self._ports
        pins, serving = await ports.ledger.pins(), ports.registry.current.releases if ports.registry.generation else ()
        return Needs(
            channel=await ports.store.channel(),
            history=await ports.store.history(LONG),
            pins=pins,
            policies={name: {_policy(name, release) for release in serving} for name in {pin.agent for pin in pins}},
            tasks=await ports.tasks.releases(),
            in_memory=[release.digest for release in ports.registry.residents()],
        )
