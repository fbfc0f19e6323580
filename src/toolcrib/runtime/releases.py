"""What `Crib` does with releases: deploying, canaries, going back, and looking at what there was."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from toolcrib.core.errors import ReleaseNotFound, ToolcribError
from toolcrib.core.ports import StoredRelease
from toolcrib.core.releases import Acceptable, Change, Channel, ColdChange, Deployment, Revision, Verification
from toolcrib.deployment.draining.census import take_census
from toolcrib.deployment.draining.collect import Collected
from toolcrib.deployment.draining.ports import Drained, ReleaseUse
from toolcrib.deployment.history import LONG
from toolcrib.deployment.ports import Plan
from toolcrib.deployment.proving.canaries import Canaries
from toolcrib.loader.archives.reading import ArchiveLimits, read_archive
from toolcrib.runtime.wings import Closed, Wings


class CribReleases:
    """The part of `Crib` that is about releases."""

    def __init__(self, wings: Wings) -> None:
        self.root = wings.root
        self.settings = wings.settings
        self.secrets = wings.secrets
        self._wings = wings

    def shut(self) -> None:
        """For whoever opened the project, when it is closed: refuse everything from now on."""
        self._wings = cast("Wings", Closed())

    async def deploy(
        self,
        directory: str | Path | None = None,
        *,
        canary: float | None = None,
        tenants: Sequence[str] = (),
        bake_s: float | None = None,
        min_samples: int | None = None,
        activate: bool = True,
        accept: Iterable[Acceptable] = (),
        why: str = "",
        actor: str = "python",
        who: str = "",
    ) -> Deployment:
        """Verify a directory (default: the project) and, if it passes, let it serve from the next run on.

        Args:
            directory: what to deploy.
            canary: let it serve this percentage of threads beside the release that serves now, 0 to 100; asked again
                for the same tree, it changes the percentage. It is promoted or rolled back by itself; see `canary`.
            tenants: let it serve these tenants, as a canary.
            bake_s, min_samples: how long and by how much a canary must prove itself, in place of the settings.
            activate: False keeps it in the store and lets it serve nobody; `activate(id)` does so later.
            accept: `permissions` takes a release that lowers the guards of a tool or an agent.
            why: for the history.
            actor: by which way it is asked for; see `Deployment`.
            who: who asks; the user of this process when empty.

        Returns:
            The deployment; a rejected one carries all its reasons and has changed nothing.

        Raises:
            ValueError: a percentage below 0 or above 100, a canary nobody would see, or one that shall not serve.
        """
        plan = replace(
            _plan(canary, tenants, activate=activate),
            bake_s=bake_s,
            min_samples=min_samples,
            accept=frozenset(accept),
            why=why,
        )
        return await self._wings.deployer.deploy(self._place(directory), actor=actor, who=who, plan=plan)

    async def upload(
        self,
        archive: bytes,
        *,
        media_type: str = "",
        canary: float | None = None,
        tenants: Sequence[str] = (),
        bake_s: float | None = None,
        min_samples: int | None = None,
        activate: bool = True,
        accept: Iterable[Acceptable] = (),
        why: str = "",
        git: Revision | None = None,
        actor: str = "python",
        who: str = "",
    ) -> Deployment:
        """Deploy a project that was sent as an archive. It serves, also over a restart, until something else does.

        Nothing of it is written beside the store: the project's own directory stays as it is, and comes to serve again
        when it changes, or when somebody deploys it.

        Args:
            archive: a tar.gz or a zip of what a project's directory holds.
            media_type: what the sender calls it; empty for whatever it is.
            git: the commit it was packed from.
            canary, tenants, bake_s, min_samples, activate, accept, why, actor, who: see `deploy`.

        Raises:
            ArchiveInvalid: it is damaged, too large, or holds what no project may; see `uploads` in `toolcrib.yaml`.
            ValueError: see `deploy`.
        """
        plan = replace(
            _plan(canary, tenants, activate=activate),
            bake_s=bake_s,
            min_samples=min_samples,
            accept=frozenset(accept),
            why=why,
        )
        uploads = self.settings.uploads
        limits = ArchiveLimits(unpacked_bytes=uploads.max_unpacked_mb << 20, entries=uploads.max_entries)
        bundle = await asyncio.to_thread(read_archive, archive, media_type=media_type, limits=limits)
        return await self._wings.deployer.upload(bundle, actor=actor, who=who, git=git, plan=plan)

    @property
    def canary(self) -> Canaries:
        """The canary: `status`, `change`, `end`."""
        return self._wings.canaries

    async def promote(self, *, why: str = "", actor: str = "python", who: str = "") -> Deployment:
        """Let the canary serve all.

        Raises:
            NotFound: there is no canary.
        """
        return await self._wings.deployer.promote(actor=actor, who=who, why=why)

    async def hold(
        self, tenant: str, release: str | None, *, why: str = "", actor: str = "python", who: str = ""
    ) -> Deployment:
        """Let one tenant see a stored release, whatever else is deployed; None lets go of the tenant.

        Raises:
            ReleaseNotFound: there is no such release.
        """
        return await self._wings.deployer.hold(tenant, release, actor=actor, who=who, why=why)

    async def channel(self) -> Channel:
        """What serves whom: the stable release, the canary, the tenants held on a release of their own."""
        return await self._wings.store.channel()

    async def verify(self, directory: str | Path | None = None, *, accept: Iterable[Acceptable] = ()) -> Verification:
        """The gate without activation: why the directory would be rejected, and what it would change.

        All examples and selftests are tried; a deployment tries those whose code is new.
        """
        return await self._wings.deployer.verify(self._place(directory), accept=accept)

    def _place(self, directory: str | Path | None) -> Path:
        return Path(directory) if directory else self.root

    async def rollback(
        self, release: str | None = None, *, why: str = "", actor: str = "python", who: str = ""
    ) -> Deployment:
        """Serve another release again, by id. Without one: end the canary, or go one further back each time.

        Raises:
            ReleaseNotFound: there is no such release, or none before.
        """
        return await self._wings.deployer.rollback(release, actor=actor, who=who, why=why)

    async def activate(self, release: str, *, actor: str = "python", who: str = "") -> Deployment:
        """Serve the stored release with this id; what `rollback(id)` does, for doors that name it so."""
        return await self._wings.deployer.rollback(release, actor=actor, who=who)

    async def releases(self) -> Sequence[StoredRelease]:
        """All releases in the store, the newest first, with their states."""
        return await self._wings.store.releases()

    async def users(self) -> Sequence[ReleaseUse]:
        """Who uses which release: each that is in memory, serves, or has threads that are under way or wait."""
        return await take_census(self._wings.registry, self._wings.store, self._wings.ledger)

    async def drain(
        self,
        release: str,
        *,
        deadline_s: float = 0.0,
        cooperative: bool = False,
        hard: bool = False,
        why: str = "",
        actor: str = "python",
    ) -> Drained:
        """Take a release that no longer serves out of memory; by default only if nobody uses it.

        Args:
            release: its id.
            deadline_s: seconds to wait for those who use it.
            cooperative: ask its runs to stop before their next step. They become `drained` and go on, on the same
                release, when `resume_run` says so.
            hard: after the deadline end the runs and tasks that are left; each is told of in the result, the history
                and the log.
            why: for the history.
            actor: who asks.

        Raises:
            ReleaseNotFound: there is no such release.
            ReleaseInUse: it serves, or has users still, who are named.
            ReleaseDraining: somebody else drains it.
        """
        return await self._wings.drain.drain(
            release, deadline_s=deadline_s, cooperative=cooperative, hard=hard, why=why, actor=actor
        )

    async def collect_releases(self, *, keep: int | None = None, dry_run: bool = True) -> Collected:
        """Remove the files of old releases from the store; what was written down of them stays.

        Never of one that serves, is in memory, has a thread that holds on to it or a task that runs or waits, nor of
        the last `keep` ones.

        Args:
            keep: so many that were used last are kept; by default the setting `releases.keep`.
            dry_run: only tell which would go.
        """
        return await self._wings.collector.collect(keep=keep, dry_run=dry_run)

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """Past deployments, the newest first."""
        return await self._wings.store.history(limit)

    async def overview(self) -> dict[str, Any]:
        """What serves, all releases in the store and the newest deployments, as JSON-ready mapping."""
        serving = self._wings.registry.current.release.id if self._wings.registry.generation else ""
        return {
            "current": serving,
            "generation": self._wings.registry.generation,
            "channel": (await self.channel()).to_dict(),
            "releases": [
                {
                    "id": stored.manifest.release,
                    "digest": stored.manifest.digest,
                    "state": stored.state,
                    "at": stored.at,
                    "files": len(stored.manifest.files),
                }
                for stored in await self.releases()
            ],
            "history": [deployment.to_dict() for deployment in await self.history()],
        }

    async def describe(self, release: str) -> dict[str, Any]:
        """One release and all that became of it, as JSON-ready mapping: also one that was refused, by its whole id.

        Raises:
            ReleaseNotFound: neither the store nor the history has it, or more than one begins so.
        """
        try:
            stored = await self._wings.store.find(release)
        except ReleaseNotFound:
            if not (past := await self.deployments(release)):
                raise
            known: dict[str, Any] = {"id": release, "digest": "", "state": "rejected", "at": past[-1].at, "files": {}}
        else:
            manifest = stored.manifest
            known = {"id": manifest.release, "digest": manifest.digest, "state": stored.state, "at": stored.at}
            known["files"] = dict(manifest.files)
            past = await self.deployments(manifest.release)
        return {
            **known,
            "current": bool(known["digest"]) and known["digest"] == (await self.channel()).digest,
            "leases": dict(self._wings.registry.census().get(known["id"], {})),
            "deployments": [deployment.to_dict() for deployment in past],
        }

    async def deployments(self, release: str) -> Sequence[Deployment]:
        """What became of one release, by id, the newest first, among the newest 1,000 deployments."""
        return [one for one in await self._wings.store.history(LONG) if one.release == release]

    async def diff(self, older: str | None = None, newer: str | None = None) -> tuple[Change, ...]:
        """What differs between two releases, by id; default: between the former and the current one."""
        return await self._wings.deployer.diff(older, newer)

    @property
    def restart_needed(self) -> tuple[ColdChange, ...]:
        """What has changed in the directory that only a restart of this process takes up; known within seconds."""
        return self._wings.boundary.needed

    @property
    def problem(self) -> ToolcribError | None:
        """Why the newest tree is not what serves: it was rejected, or rolled back from; None when all is well."""
        return self._wings.deployer.problem


def _plan(canary: float | None, tenants: Sequence[str], *, activate: bool) -> Plan:
    """Whom a candidate is to serve.

    Raises:
        ValueError: a percentage below 0 or above 100, a canary nobody would see, or one that shall not serve.
    """
    if canary is None and not tenants:
        return Plan(to="all" if activate else "nobody")
    if not activate:
        raise ValueError("a canary serves: leave `activate` out, or the percentage and the tenants")
    return Plan(to="canary", percent=canary or 0.0, tenants=tuple(tenants))
