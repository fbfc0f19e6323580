"""The port of the task store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toolcrib.core.tasks.record import TaskRecord, TaskState


def _as_claimed(record: TaskRecord) -> TaskRecord:
    """One release serves all."""
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants to begin a task, and on what.

    Attributes:
        owner: id of the process.
        at, until: Unix time now, and until when nobody else may take the task over.
        release: id of the release that will serve it.
        repeatable: names of the release's tools that may be run twice.
        route: gives the begun task the `release` and the `repeatable` of the release that serves its tenant, where that
            is another one; asked within the transaction, at most once.
    """

    owner: str
    at: float
    until: float
    release: str
    repeatable: Collection[str] = ()
    route: Callable[[TaskRecord], TaskRecord] = _as_claimed


class TaskStore(Protocol):
    """Where background tasks outlive the process; several processes may work on one store.

    Each method is one transaction. Two processes never begin the same task, and an end is written only by the beginning
    it belongs to (`TaskRecord.starts`).
    """

    async def add(self, records: Sequence[TaskRecord], *, queue: int) -> Sequence[TaskRecord]:
        """Keep new tasks, queued ones or such as wait for a person, all of them or none.

        Args:
            records: the tasks. For one whose tenant and key are known, the task that is there is given back instead.
            queue: how many tasks may be in their state, these included.

        Raises:
            QueueFull: there would be more.
            Conflict: a key is known from a call of another tool or with other arguments.
        """

    async def find(self, task_id: str) -> TaskRecord:
        """The task.

        Raises:
            TaskNotFound: there is none, or it has expired.
        """

    async def tasks(
        self,
        *,
        states: Collection[TaskState] = (),
        tenant: str | None = None,
        batch: str = "",
        owner: str = "",
        limit: int = 100,
    ) -> Sequence[TaskRecord]:
        """Tasks, the newest first; those in one of `states` (any state when empty), and so on."""

    async def counts(self) -> Mapping[TaskState, int]:
        """How many tasks there are in each state; those without any are left out."""

    async def releases(self) -> frozenset[str]:
        """Ids of the releases on which tasks run, or wait for a person."""

    async def ended(self, ids: Collection[str]) -> Sequence[TaskRecord]:
        """Those of the given tasks that have ended, in no order."""

    async def claim(self, claim: Claim) -> TaskRecord | None:
        """Begin the waiting task that is next, by priority and then age; None when none waits."""

    async def move(self, record: TaskRecord, *, was: TaskState) -> Sequence[TaskRecord]:
        """Write a task's new state, with all that changed with it.

        Returns:
            The tasks of its batch that are skipped by this end; see `TaskRecord.sinks_batch`.

        Raises:
            Conflict: the table of legal moves has no such move, or the task has moved or begun anew meanwhile.
            TaskNotFound: there is no such task.
        """

    async def note(self, record: TaskRecord) -> None:
        """Write progress and message, if this beginning of the task still runs."""

    async def note_callback(self, task_id: str, error: str) -> None:
        """Write why its callback failed; nothing happens when the task has expired."""

    async def ask_cancel(self, task_id: str) -> None:
        """Let the process that runs it know that it shall stop; nothing happens when it does not run."""

    async def renew(self, owner: str, *, until: float) -> Sequence[TaskRecord]:
        """Prolong the leases of all that `owner` runs, and tell what that is."""

    async def orphans(self, now: float) -> Sequence[TaskRecord]:
        """Running tasks whose lease is over: their process is gone."""

    async def sweep(self, now: float) -> int:
        """Remove what has expired; how many tasks that were."""
