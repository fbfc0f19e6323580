"""`Drain`: hurries a release out of memory: soft, then by asking its runs to stop, then by cutting what is left."""

import logging
from dataclasses import asdict
from typing import Literal

from toolcrib.core.errors import ReleaseInUse
from toolcrib.core.events import Deployed
from toolcrib.core.releases import Deployment, Manifest
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.deployment.draining.ports import Drained, DrainPorts, Stopped
from toolcrib.deployment.records import Stopwatch
from toolcrib.deployment.room import in_words
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.05
CUT_S = 5.0
"""What was cut gets so long to end: tools in worker processes are killed, their resources given back."""


class Drain:
    """Drains of one process. One that was refused has changed nothing but the runs it asked to stop."""

    def __init__(self, ports: DrainPorts) -> None:
        self._ports = ports

    async def drain(
        self,
        name: str,
        *,
        deadline_s: float = 0.0,
        cooperative: bool = False,
        hard: bool = False,
        actor: str = "python",
        why: str = "",
    ) -> Drained:
        """Take a release out of memory. No run or call begins on it meanwhile.

        Args:
            name: id of the release.
            deadline_s: seconds for its users to end by themselves; and for runs to stop, if they are asked to.
            cooperative: ask its runs to stop before their next step; they can go on later, on the same release.
            hard: after the deadline cut the runs and tasks that are left, and tell of each.
            actor, why: for the history.

        Raises:
            ReleaseNotFound: there is no such release.
            ReleaseInUse: it serves; or it has users still, who are named.
            ReleaseDraining: somebody else drains it.
        """
        ports, watch = self._ports, Stopwatch(self._ports.clock)
        manifest = (await ports.store.find(name)).manifest
        release = ports.registry.resident(manifest.digest)
        if release is None:
            return Drained(state="absent", release=manifest.release)
        asked: set[str] = set()
        cut: list[Stopped] = []
        retired = False
        with ports.registry.draining(release):
            try:
                await self._until_free(release, deadline_s, ask=asked if cooperative else None)
                if hard and ports.registry.holders(release):
                    await self._cut(release, why or f"release {release.id} was purged", cut)
                if users := in_words(ports.registry, release):
                    raise ReleaseInUse(f"Release {release.id} is in use: {users}.", hint=_HARD if hard else _HURRY)
                retired = await ports.deployer.retire(release)
            finally:
                stopped = (*await self._drained(asked), *cut)
                if retired or stopped:
                    await self._write_down(manifest, stopped, watch, actor=actor, why=why)
        seconds = watch.laps()["total"]
        return Drained(state="retired" if retired else "drained", release=release.id, stopped=stopped, seconds=seconds)

    async def _until_free(self, release: Release, within_s: float, *, ask: set[str] | None) -> None:
        """Wait until nobody uses it, at most so long; runs are asked to stop when `ask` takes their ids."""
        ports, until = self._ports, self._ports.clock.monotonic() + within_s
        if ask is not None:
            ask.update(run.run_id for run in ports.runs.records(release.digest))
            ports.runs.ask_to_stop(release.digest, become="drained")
        while ports.registry.holders(release) and (left := until - ports.clock.monotonic()) > 0:
            await ports.clock.sleep(min(LOOK_EVERY_S, left))

    async def _cut(self, release: Release, why: str, cut: list[Stopped]) -> None:
        """End what still runs on it, note it in `cut`, and wait until it has let go of the release, at most so long."""
        ports = self._ports
        for run in ports.runs.cut(release.digest, why=why):
            cut.append(_run(run, "cut"))
        for task in ports.tasks.running_on(release.id):
            cut.append(Stopped(kind="task", id=task.id, what=task.tool, became="cut", tenant=task.tenant))
            await ports.tasks.stop(task.id)
        await self._until_free(release, CUT_S, ask=None)

    async def _drained(self, asked: set[str]) -> list[Stopped]:
        """Those of the runs that were asked to stop which did; the others came to their end before."""
        found = [await self._ports.ledger.find(run_id) for run_id in sorted(asked)]
        return [_run(run, "drained") for run in found if run is not None and run.status == "drained"]

    async def _write_down(
        self, manifest: Manifest, stopped: tuple[Stopped, ...], watch: Stopwatch, *, actor: str, why: str
    ) -> None:
        """In the history and in the log: no run is ended without a word."""
        ports, told = self._ports, [asdict(one) for one in stopped]
        serving = ports.registry.current.release.id if ports.registry.generation else ""
        log.warning("release drained", extra={"release": manifest.release, "stopped": told, "actor": actor})
        deployment = Deployment(
            state="drained",
            release=manifest.release,
            previous=serving,
            generation=ports.registry.generation,
            timings_s=watch.laps(),
            actor=actor,
            why=why,
            figures={"stopped": told},
            at=ports.clock.now(),
        )
        ports.events.emit(Deployed(deployment=deployment))
        await ports.store.record(deployment)


def _run(run: RunRecord, became: Literal["drained", "cut"]) -> Stopped:
    return Stopped(kind="run", id=run.run_id, what=run.agent, became=became, thread_id=run.thread_id, tenant=run.tenant)


_HURRY = "Wait for them with --deadline 60s, ask runs to stop with --cooperative, or end what is left with --hard."
_HARD = "What is left ends by its own time limit, or belongs to code outside of toolcrib: only that can end it."
