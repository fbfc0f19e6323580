"""The task store in memory: the same behaviour as on SQL, gone with the process."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from toolcrib.core.tasks import Claim, TaskRecord, TaskState
from toolcrib.stores.task_moves import check_move, check_same_call, no_task, overtaken, queue_full, skipped


class MemoryTaskStore:
    """`TaskStore` in memory."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskRecord] = {}

    async def add(self, records: Sequence[TaskRecord], *, queue: int) -> Sequence[TaskRecord]:
        """See `TaskStore.add`."""
        after, kept = dict(self._tasks), []
        by_key = {(one.tenant, one.key): one for one in self._tasks.values() if one.key}
        for record in records:
            known = by_key.get((record.tenant, record.key), record) if record.key else record
            check_same_call(record, known)
            if record.key:
                by_key[record.tenant, record.key] = known
            after.setdefault(known.id, deepcopy(known))
            kept.append(known)
        if len(after) > len(self._tasks) and _as_many(after.values(), records) > queue:
            raise queue_full(queue)
        self._tasks = after
        return kept

    async def find(self, task_id: str) -> TaskRecord:
        """See `TaskStore.find`."""
        if found := self._tasks.get(task_id):
            return found
        raise no_task(task_id)

    async def tasks(
        self,
        *,
        states: Collection[TaskState] = (),
        tenant: str | None = None,
        batch: str = "",
        owner: str = "",
        limit: int = 100,
    ) -> Sequence[TaskRecord]:
        """See `TaskStore.tasks`."""
        found = [
            one
            for one in sorted(self._tasks.values(), key=lambda one: (one.created_at, one.id), reverse=True)
            if (not states or one.state in states)
            and tenant in (None, one.tenant)
            and batch in ("", one.batch)
            and owner in ("", one.owner)
        ]
        return found[:limit]

    async def counts(self) -> Mapping[TaskState, int]:
        """See `TaskStore.counts`."""
        return Counter(one.state for one in self._tasks.values())

    async def releases(self) -> frozenset[str]:
        """See `TaskStore.releases`."""
        return frozenset(one.release for one in self._tasks.values() if one.release and not one.ended)

    async def ended(self, ids: Collection[str]) -> Sequence[TaskRecord]:
        """See `TaskStore.ended`."""
        return [one for task_id in ids if (one := self._tasks.get(task_id)) and one.ended]

    async def claim(self, claim: Claim) -> TaskRecord | None:
        """See `TaskStore.claim`."""
        waiting = [one for one in self._tasks.values() if one.state == "queued"]
        if not waiting:
            return None
        first = min(waiting, key=lambda one: (-one.priority, one.created_at, one.id))
        begun = replace(
            first,
            state="running",
            owner=claim.owner,
            leased_until=claim.until,
            started_at=claim.at,
            release=claim.release,
            progress=0.0,
            message="",
            starts=first.starts + 1,
            repeatable=first.tool in claim.repeatable,
            cancel_asked=False,
        )
        self._tasks[first.id] = routed = claim.route(begun)
        return routed

    async def move(self, record: TaskRecord, *, was: TaskState) -> Sequence[TaskRecord]:
        """See `TaskStore.move`."""
        check_move(record, was)
        before = await self.find(record.id)
        if (before.state, before.starts) != (was, record.starts):
            raise overtaken(record, was)
        after = replace(record, cancel_asked=before.cancel_asked, callback_error=before.callback_error)
        self._tasks[record.id] = replace(after, result=deepcopy(record.result))
        if not record.sinks_batch:
            return ()
        rest = [one for one in self._tasks.values() if one.batch == record.batch and one.state == "queued"]
        gone = [skipped(one, record) for one in rest]
        self._tasks |= {one.id: one for one in gone}
        return gone

    async def note(self, record: TaskRecord) -> None:
        """See `TaskStore.note`."""
        before = self._tasks.get(record.id)
        if before and (before.state, before.starts) == ("running", record.starts):
            self._tasks[record.id] = replace(before, progress=record.progress, message=record.message)

    async def note_callback(self, task_id: str, error: str) -> None:
        """See `TaskStore.note_callback`."""
        if before := self._tasks.get(task_id):
            self._tasks[task_id] = replace(before, callback_error=error)

    async def ask_cancel(self, task_id: str) -> None:
        """See `TaskStore.ask_cancel`."""
        before = self._tasks.get(task_id)
        if before and before.state == "running":
            self._tasks[task_id] = replace(before, cancel_asked=True)

    async def renew(self, owner: str, *, until: float) -> Sequence[TaskRecord]:
        """See `TaskStore.renew`."""
        mine = [one for one in self._tasks.values() if (one.owner, one.state) == (owner, "running")]
        self._tasks |= {one.id: replace(one, leased_until=until) for one in mine}
        return [self._tasks[one.id] for one in mine]

    async def orphans(self, now: float) -> Sequence[TaskRecord]:
        """See `TaskStore.orphans`."""
        return [one for one in self._tasks.values() if one.state == "running" and (one.leased_until or 0.0) < now]

    async def sweep(self, now: float) -> int:
        """See `TaskStore.sweep`."""
        gone = [one.id for one in self._tasks.values() if one.expires_at is not None and one.expires_at <= now]
        for task_id in gone:
            del self._tasks[task_id]
        return len(gone)


def _as_many(tasks: Iterable[TaskRecord], added: Sequence[TaskRecord]) -> int:
    """How many tasks are in the state of those that are added."""
    states = {record.state for record in added}
    return sum(one.state in states for one in tasks)
