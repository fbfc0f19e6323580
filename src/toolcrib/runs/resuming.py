"""`Resumer`: lets runs go on by themselves that the end of a process stopped."""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from toolcrib.core.errors import Conflict, ToolcribError
from toolcrib.core.results import RunResult
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.runs.active import ActiveRuns
from toolcrib.runs.ports import RunPorts
from toolcrib.runs.writing import ended

log = logging.getLogger(__name__)
MOST = 100
"""So many go on at the same time, besides those that somebody asks for."""


class Resumer:
    """The suspended runs that go on here.

    Attributes:
        ending: the process ends: nothing is taken up any more.

    Args:
        resume: lets the run with this id go on, to its end.
        ports: the ledger, which knows the runs that are suspended, and who has died.
        active: the runs under way here.
    """

    def __init__(
        self, *, resume: Callable[[str], Coroutine[Any, Any, RunResult]], ports: RunPorts, active: ActiveRuns
    ) -> None:
        self._resume = resume
        self._ledger = ports.ledger
        self._process = ports.process
        self._has_ended = ports.has_ended
        self._active = active
        self._going_on: dict[str, asyncio.Task[None]] = {}
        self.ending = False

    async def take_up(self) -> int:
        """Let the suspended runs go on, those of dead processes too, beside everything else; how many were begun."""
        await self._find_lost()
        found = [] if self.ending else await self._ledger.suspended(MOST)
        fresh = [record for record in found if record.run_id not in self._going_on][: MOST - len(self._going_on)]
        for record in fresh:
            task = asyncio.create_task(self._go_on(record), name="toolcrib-resumed-run")
            self._going_on[record.run_id] = task
            task.add_done_callback(functools.partial(self._over, record.run_id))
        return len(fresh)

    async def _find_lost(self) -> None:
        for process in await self._ledger.processes() - {self._process}:
            if await asyncio.to_thread(self._has_ended, process):
                lost = await self._ledger.lose(process)
                log.warning("a process died in the middle of runs", extra={"dead": process, "runs": lost})

    def take_up_no_more(self) -> None:
        """The process ends: what is suspended is for the next one."""
        self.ending = True

    async def settled(self, within_s: float) -> None:
        """Wait for the runs that were taken up, at most so long."""
        if self._going_on:
            await asyncio.wait(set(self._going_on.values()), timeout=within_s)

    async def close(self) -> None:
        """Suspend again what was taken up and goes on."""
        self.ending = True
        for run_id in self._going_on:
            self._active.cut(run_id=run_id, why="the process ends", become="suspended")
        await ended(self._going_on.values(), "cut runs")
        for task in self._going_on.values():
            task.cancel()
        await ended(self._going_on.values(), "cancelled runs")

    async def _go_on(self, record: RunRecord) -> None:
        """Let a suspended run go on; one that cannot waits for somebody's word, with the reason."""
        try:
            await self._resume(record.run_id)
        except Conflict:
            return  # it goes on elsewhere, or there is no room for its release now
        except Exception as error:  # outer guard: nobody waits for it, and it must not be tried for ever
            log.exception("suspended run cannot go on", extra={"run_id": record.run_id})
            why = f"{error.code}: {error.message}" if isinstance(error, ToolcribError) else type(error).__name__
            await self._ledger.finish(replace(record, status="drained", error=why))

    def _over(self, run_id: str, task: asyncio.Task[None]) -> None:
        del self._going_on[run_id]
        if not task.cancelled() and (raised := task.exception()):
            log.error("suspended run could not be taken up", exc_info=raised, extra={"run_id": run_id})
