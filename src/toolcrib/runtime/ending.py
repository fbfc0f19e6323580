"""`Ending`: how the work of an open project comes to its end with its process, so that a restart breaks no run."""

import logging
from collections.abc import Sequence

from toolcrib.core.stores.ledger import RunRecord
from toolcrib.execution.tasks.service import TaskService
from toolcrib.runs.service import RunService

log = logging.getLogger(__name__)


class Ending:
    """What whoever ends the process asks for, in this order: `finish`, `suspend` when it takes too long, then `cut`."""

    def __init__(self, *, runs: RunService, tasks: TaskService) -> None:
        self._runs = runs
        self._tasks = tasks

    async def finish(self, within_s: float) -> None:
        """Begin nothing by itself any more, and wait for the background tasks and the runs that were taken up.

        Args:
            within_s: at most so long for the tasks, and so long for the runs.
        """
        self._runs.resumer.take_up_no_more()
        await self._tasks.drain(within_s)
        await self._runs.resumer.settled(within_s)

    def suspend(self) -> None:
        """Let each run stop before its next step; the next process that serves the project takes it up there."""
        self._runs.suspend()

    async def cut(self, why: str) -> Sequence[RunRecord]:
        """End each run in the middle of its step; those that were. The next process goes on from its last whole step.

        Args:
            why: for callers, the ledger and the log.
        """
        runs = await self._runs.cut(why)
        if runs:
            told = [{"run_id": one.run_id, "thread_id": one.thread_id, "agent": one.agent} for one in runs]
            log.warning("runs cut", extra={"why": why, "runs": told})
        return runs
