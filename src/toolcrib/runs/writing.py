"""`RunWriter`: takes up and ends runs in the ledger, so that a cancellation in the middle leaves nothing half done."""

import asyncio
import logging
from collections.abc import Collection, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from toolcrib.core.events import RunFinished
from toolcrib.core.results import RunResult
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.runs.active import ActiveRun
from toolcrib.runs.ports import RunPorts

log = logging.getLogger(__name__)
CLOSE_S = 5.0
"""What ends gets so long."""


async def ended(tasks: Collection[asyncio.Task[Any]], what: str) -> None:
    """Wait until they are done, at most `CLOSE_S`; the log tells of those that are not."""
    if tasks:
        _, left = await asyncio.wait(set(tasks), timeout=CLOSE_S)
        if left:
            log.warning("work does not end in time", extra={"what": what, "left": len(left), "within_s": CLOSE_S})


class RunWriter:
    """Where runs are, in the ledger; what it has begun to write it writes, also when nobody waits for it any more."""

    def __init__(self, ports: RunPorts) -> None:
        self._ports = ports
        self._writing: set[asyncio.Task[None]] = set()

    async def take_up(self, stopped: RunRecord) -> bool:
        """Let it be `running` here, False when it is not stopped any more; after a failure it is as it was."""
        try:
            return await self._ports.ledger.take_up(stopped.run_id, process=self._ports.process)
        except BaseException:  # whether it was taken up is not known, also after a cancellation
            await self._write(stopped.run_id, self._put_back(stopped))
            raise

    async def end(
        self, run: ActiveRun, result: RunResult, status: str, paused_at: tuple[str, ...] = ()
    ) -> asyncio.Task[None]:
        """Write the end and tell of it once, written or not; the task that did, which has what failed.

        A caller that is cancelled meanwhile goes on with that when it is done, or has taken too long.
        """
        return await self._write(run.record.run_id, self._ended(run, result, status, paused_at))

    async def close(self) -> None:
        """Wait for what is being written."""
        await ended(self._writing, "ends of runs")

    async def _write(self, run_id: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="toolcrib-run-record")
        self._writing.add(task)
        task.add_done_callback(partial(self._over, run_id))
        try:
            await asyncio.wait({task})  # as long as the store takes, which bounds its transactions
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=CLOSE_S)
            raise
        return task

    def _over(self, run_id: str, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and (raised := task.exception()):
            log.error("run could not be written down", exc_info=raised, extra={"run_id": run_id})

    async def _ended(self, run: ActiveRun, result: RunResult, status: str, paused_at: tuple[str, ...]) -> None:
        seen = {str(step["release"]) for step in run.steps if step.get("release")} | {run.agent.release}
        seen |= set(run.record.releases_seen)
        record = replace(
            run.record,
            status=status,
            error=f"{result.error.code}: {result.error.message}" if result.error else "",
            releases_seen=tuple(sorted(seen)),
            finished_at=self._ports.clock.now(),
            paused_at=paused_at,
            **run.total(),
        )
        try:
            await self._ports.ledger.finish(record)
        finally:
            self._ports.events.emit(RunFinished(result=result, agent=run.record.agent, tenant=run.record.tenant))

    async def _put_back(self, stopped: RunRecord) -> None:
        now, ports = await self._ports.ledger.find(stopped.run_id), self._ports
        if now is not None and (now.status, now.process) == ("running", ports.process):
            await ports.ledger.finish(stopped)
