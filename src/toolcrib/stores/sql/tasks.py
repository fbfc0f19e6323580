"""The task store on SQL."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from toolcrib.core.redaction import Masks
from toolcrib.core.tasks import ENDED, Claim, TaskRecord, TaskState
from toolcrib.stores.sql.database import add_new, whole
from toolcrib.stores.sql.schema import tasks
from toolcrib.stores.task_moves import check_move, check_same_call, no_task, overtaken, queue_full, skipped

CHUNK = 500
JSON_COLUMNS = ("args", "scopes", "result", "sensitive")
# What a move may change; what others write meanwhile (`cancel_asked`, `callback_error`) stays.
MOVED = frozenset(
    {"state", "progress", "message", "release", "started_at", "finished_at", "result", "error", "expires_at"}
    | {"owner", "leased_until", "crashes", "approved"}
)


class SqlTaskStore:
    """`TaskStore` on a SQL database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @whole
    async def add(self, records: Sequence[TaskRecord], *, queue: int) -> Sequence[TaskRecord]:
        """See `TaskStore.add`. The rows come first: from there on nobody else writes, and the count holds."""
        async with self._engine.begin() as db:
            await add_new(db, tasks, [_row(record) for record in records])
            kept = [await self._kept(db, record) for record in records]
            states = {record.state for record in records}
            as_many = await db.scalar(select(func.count()).where(tasks.c.state.in_(states))) or 0
            if as_many > queue and any(one.id == record.id for one, record in zip(kept, records, strict=True)):
                raise queue_full(queue)
        return kept

    @whole
    async def find(self, task_id: str) -> TaskRecord:
        """See `TaskStore.find`."""
        async with self._engine.connect() as db:
            return await _find(db, task_id)

    @whole
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
        asked = _only(states, tenant, batch, owner)
        query = select(tasks).where(asked).order_by(tasks.c.created_at.desc(), tasks.c.id.desc()).limit(limit)
        async with self._engine.connect() as db:
            return [_record(row) for row in await db.execute(query)]

    @whole
    async def counts(self) -> Mapping[TaskState, int]:
        """See `TaskStore.counts`."""
        query = select(tasks.c.state, func.count()).group_by(tasks.c.state)
        async with self._engine.connect() as db:
            return {state: count for state, count in await db.execute(query)}

    @whole
    async def releases(self) -> frozenset[str]:
        """See `TaskStore.releases`."""
        query = select(tasks.c.release).where(~tasks.c.state.in_(ENDED), tasks.c.release != "").distinct()
        async with self._engine.connect() as db:
            return frozenset((await db.scalars(query)).all())

    @whole
    async def ended(self, ids: Collection[str]) -> Sequence[TaskRecord]:
        """See `TaskStore.ended`."""
        found: list[TaskRecord] = []
        every = list(ids)
        async with self._engine.connect() as db:
            for start in range(0, len(every), CHUNK):
                mine = tasks.c.id.in_(every[start : start + CHUNK]) & tasks.c.state.in_(ENDED)
                found += [_record(row) for row in await db.execute(select(tasks).where(mine))]
        return found

    @whole
    async def claim(self, claim: Claim) -> TaskRecord | None:
        """See `TaskStore.claim`."""
        order = (tasks.c.priority.desc(), tasks.c.created_at, tasks.c.id)
        waiting = select(tasks.c.id).where(tasks.c.state == "queued").order_by(*order).limit(1)
        first = waiting.with_for_update(skip_locked=True).scalar_subquery()
        begun = {
            "state": "running",
            "owner": claim.owner,
            "leased_until": claim.until,
            "started_at": claim.at,
            "release": claim.release,
            "progress": 0.0,
            "message": "",
            "starts": tasks.c.starts + 1,
            "cancel_asked": False,
            "repeatable": case((tasks.c.tool.in_(list(claim.repeatable)), True), else_=False),
        }
        begin = update(tasks).where(tasks.c.id == first, tasks.c.state == "queued").values(**begun).returning(*tasks.c)
        async with self._engine.begin() as db:
            row = (await db.execute(begin)).first()
            return None if row is None else await self._routed(db, _record(row), claim)

    @whole
    async def move(self, record: TaskRecord, *, was: TaskState) -> Sequence[TaskRecord]:
        """See `TaskStore.move`."""
        check_move(record, was)
        values = {name: value for name, value in _row(record).items() if name in MOVED}
        mine = (tasks.c.id == record.id) & (tasks.c.state == was) & (tasks.c.starts == record.starts)
        async with self._engine.begin() as db:
            moved = await db.execute(update(tasks).where(mine).values(**values))
            if moved.rowcount != 1:
                await _find(db, record.id)
                raise overtaken(record, was)
            return await self._skip_rest(db, record) if record.sinks_batch else ()

    @whole
    async def note(self, record: TaskRecord) -> None:
        """See `TaskStore.note`."""
        mine = (tasks.c.id == record.id) & (tasks.c.state == "running") & (tasks.c.starts == record.starts)
        await self._write(update(tasks).where(mine).values(progress=record.progress, message=record.message))

    @whole
    async def note_callback(self, task_id: str, error: str) -> None:
        """See `TaskStore.note_callback`."""
        await self._write(update(tasks).where(tasks.c.id == task_id).values(callback_error=error))

    @whole
    async def ask_cancel(self, task_id: str) -> None:
        """See `TaskStore.ask_cancel`."""
        running = (tasks.c.id == task_id) & (tasks.c.state == "running")
        await self._write(update(tasks).where(running).values(cancel_asked=True))

    @whole
    async def renew(self, owner: str, *, until: float) -> Sequence[TaskRecord]:
        """See `TaskStore.renew`."""
        mine = (tasks.c.owner == owner) & (tasks.c.state == "running")
        async with self._engine.begin() as db:
            rows = await db.execute(update(tasks).where(mine).values(leased_until=until).returning(*tasks.c))
            return [_record(row) for row in rows]

    @whole
    async def orphans(self, now: float) -> Sequence[TaskRecord]:
        """See `TaskStore.orphans`."""
        left = (tasks.c.state == "running") & (tasks.c.leased_until < now)
        async with self._engine.connect() as db:
            return [_record(row) for row in await db.execute(select(tasks).where(left))]

    @whole
    async def sweep(self, now: float) -> int:
        """See `TaskStore.sweep`."""
        async with self._engine.begin() as db:
            return (await db.execute(delete(tasks).where(tasks.c.expires_at <= now))).rowcount

    async def _routed(self, db: AsyncConnection, begun: TaskRecord, claim: Claim) -> TaskRecord:
        record = claim.route(begun)
        if record is not begun:
            values = {"release": record.release, "repeatable": record.repeatable}
            await db.execute(update(tasks).where(tasks.c.id == record.id).values(**values))
        return record

    async def _kept(self, db: AsyncConnection, record: TaskRecord) -> TaskRecord:
        """The record that is in the store for `record`: itself, or the one that had its key before."""
        if not record.key:
            return record
        same = (tasks.c.tenant == record.tenant) & (tasks.c.key == record.key)
        known = _record((await db.execute(select(tasks).where(same))).one())
        check_same_call(record, known)
        return known

    async def _skip_rest(self, db: AsyncConnection, end: TaskRecord) -> Sequence[TaskRecord]:
        waiting = (tasks.c.batch == end.batch) & (tasks.c.state == "queued")
        rest = [skipped(_record(row), end) for row in await db.execute(select(tasks).where(waiting))]
        for record in rest:
            values = {name: value for name, value in _row(record).items() if name in MOVED}
            await db.execute(update(tasks).where(tasks.c.id == record.id).values(**values))
        return rest

    async def _write(self, statement: Any) -> None:
        async with self._engine.begin() as db:
            await db.execute(statement)


async def _find(db: AsyncConnection, task_id: str) -> TaskRecord:
    row = (await db.execute(select(tasks).where(tasks.c.id == task_id))).first()
    if row is None:
        raise no_task(task_id)
    return _record(row)


def _only(states: Collection[TaskState], tenant: str | None, batch: str, owner: str) -> ColumnElement[bool]:
    asked: ColumnElement[bool] = true()
    if states:
        asked &= tasks.c.state.in_(list(states))
    if tenant is not None:
        asked &= tasks.c.tenant == tenant
    if batch:
        asked &= tasks.c.batch == batch
    if owner:
        asked &= tasks.c.owner == owner
    return asked


def _row(record: TaskRecord) -> dict[str, Any]:
    """JSON as ASCII text: whole numbers of any size, and half characters, survive."""
    data = asdict(record)
    return data | {name: json.dumps(data[name]) for name in JSON_COLUMNS} | {"key": record.key or None}


def _record(row: Any) -> TaskRecord:
    data = dict(row._mapping)
    data |= {name: json.loads(data[name]) for name in JSON_COLUMNS} | {"key": data["key"] or ""}
    scopes = data["scopes"]
    data |= {"scopes": None if scopes is None else tuple(scopes), "sensitive": Masks(**data["sensitive"])}
    return TaskRecord(**data)
