"""Pointing the channel: which release serves all, which one a part, and which one a single tenant."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from toolcrib.core.errors import DeploymentRejected
from toolcrib.core.events import Deployed
from toolcrib.core.releases import Canary, Channel, Deployment, DeploymentState, Manifest, release_id
from toolcrib.deployment.gate.gate import ANYTHING, NOT_COMPARED
from toolcrib.deployment.gate.judge import Judge
from toolcrib.deployment.ports import DeployerPorts, Plan
from toolcrib.deployment.records import Work
from toolcrib.deployment.residents import Residents
from toolcrib.registry.release import Release
from toolcrib.registry.routing import Published, Split

log = logging.getLogger(__name__)


class Channels:
    """Changes of what serves. The caller holds the lock of deployments and `Residents.lock`.

    The store is changed first, by compare-and-set and together with the history, then the registry: a crash between
    the two restarts on what the store says. `before` is what the store said when the change was decided on: who comes
    second changes nothing.
    """

    def __init__(self, ports: DeployerPorts, residents: Residents, judge: Judge) -> None:
        self._ports = ports
        self._residents = residents
        self._judge = judge

    async def activate(
        self, before: Channel, release: Release, work: Work, *, state: DeploymentState = "active"
    ) -> Deployment:
        """Let a release serve all; a canary ends."""
        after = _next(before, digest=release.digest, canary=None)
        former = before.digest if before.digest != release.digest else ""
        await self._look_at(before, release, work)
        return await self._point(after, release, work, state=state, previous=former and release_id(former))

    async def start_canary(self, before: Channel, release: Release, plan: Plan, work: Work) -> Deployment:
        """Let a release serve a part beside the stable one; of one that does so already, change the part.

        The threads that see it go on seeing it when the percentage grows. What the plan leaves open stays as it was.
        """
        running = before.canary
        if running is None or running.digest != release.digest:
            running = Canary(digest=release.digest, salt=f"{before.generation}:{release.id}", since=work.now())
        canary = replace(
            running,
            percent=plan.percent,
            tenants=plan.tenants,
            bake_s=running.bake_s if plan.bake_s is None else plan.bake_s,
            min_samples=running.min_samples if plan.min_samples is None else plan.min_samples,
        )
        await self._look_at(before, release, work)
        return await self._point(_next(before, canary=canary), release, work, state="canary")

    async def end_canary(self, before: Channel, work: Work) -> Deployment:
        """Let the stable release serve all again; the runs of the canary end on it."""
        assert before.canary is not None
        canary = (await self._ports.store.find(before.canary.digest)).manifest
        return await self._point(_next(before, canary=None), canary, work, state="withdrawn")

    async def hold(self, before: Channel, tenant: str, release: Release | None, work: Work) -> Deployment:
        """Let one tenant see this release whatever else serves; None lets go of the tenant."""
        held = {name: digest for name, digest in before.held.items() if name != tenant}
        if release is not None:
            held[tenant] = release.digest
        subject = release or await self._residents.held_bring(before.digest)
        return await self._point(_next(before, held=held), subject, work, state="held")

    async def restore(self) -> bool:
        """Serve what the store says serves; False when it names nothing.

        Raises:
            DeploymentRejected: the stable release can no longer be loaded, e.g. because a package is gone.
        """
        channel = await self._ports.store.channel()
        if not channel.digest:
            return False
        self._publish(channel, await self._bring(channel, {}))
        return True

    async def _bring(self, channel: Channel, known: Mapping[str, Release]) -> Mapping[str, Release]:
        """All releases that are to serve. Where one beside the stable one cannot be loaded, the stable one serves."""
        releases = dict(known)
        if channel.digest not in known:
            releases[channel.digest] = await self._residents.held_bring(channel.digest)
        for digest in sorted(channel.serving - releases.keys()):
            try:
                releases[digest] = await self._residents.held_bring(digest)
            except DeploymentRejected:
                log.exception("release cannot be loaded", extra={"release": release_id(digest)})
        return releases

    async def _look_at(self, before: Channel, release: Release, work: Work) -> None:
        """Compare with what serves, for the record; what was let through the gate before is not refused."""
        if work.decision is NOT_COMPARED:
            work.decision = await self._judge.decide(release, before.digest, accept=ANYTHING)

    async def _point(
        self,
        after: Channel,
        subject: Release | Manifest,
        work: Work,
        *,
        state: DeploymentState,
        previous: str | None = None,
    ) -> Deployment:
        ports = self._ports
        known = {subject.digest: subject} if isinstance(subject, Release) else {}
        releases = await self._bring(after, known)
        work.watch.lap("activate")
        manifest = subject.manifest if isinstance(subject, Release) else subject
        stable = release_id(after.digest) if previous is None else previous
        deployment = work.outcome(state, manifest, ports.registry, previous=stable, generation=after.generation)
        self._publish(await ports.store.point(after, deployment=deployment), releases)
        ports.events.emit(Deployed(deployment=deployment))
        return deployment

    def _publish(self, channel: Channel, releases: Mapping[str, Release]) -> Published:
        registry, split = self._ports.registry, _split(channel, releases)
        return registry.publish(
            releases[channel.digest], expected=registry.generation, generation=channel.generation, split=split
        )


def _next(before: Channel, **changes: object) -> Channel:
    return replace(before, generation=before.generation + 1, **changes)  # type: ignore[arg-type]  # fields of a channel


def _split(channel: Channel, releases: Mapping[str, Release]) -> Split | None:
    """What serves beside the stable release, as far as it is in memory."""
    canary = channel.canary if channel.canary and channel.canary.digest in releases else None
    held = {tenant: releases[digest] for tenant, digest in channel.held.items() if digest in releases}
    if canary is None:
        return Split(held=held) if held else None
    return Split(
        canary=releases[canary.digest],
        percent=canary.percent,
        tenants=frozenset(canary.tenants),
        salt=canary.salt,
        held=held,
    )
