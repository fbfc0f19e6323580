"""The run ledger on SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.ports import LedgerSummary, RunRecord, ThreadFilter
from toolcrib.stores.sql.database import whole
from toolcrib.stores.sql.schema import runs

LISTS = ("releases_seen", "paused_at")


class SqlRunLedger:
    """`RunLedger` on a SQL database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @whole
    async def accept(self, record: RunRecord) -> None:
        """See `RunLedger.accept`."""
        async with self._engine.begin() as db:
            await db.execute(insert(runs).values(**_row(record)))

    @whole
    async def finish(self, record: RunRecord) -> None:
        """See `RunLedger.finish`."""
        async with self._engine.begin() as db:
            await db.execute(update(runs).where(runs.c.run_id == record.run_id).values(**_row(record)))

    @whole
    async def last(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """See `RunLedger.last`."""
        mine = (runs.c.thread_id == thread_id) & (runs.c.tenant == tenant)
        query = select(runs).where(mine).order_by(*_newest_first()).limit(1)
        async with self._engine.connect() as db:
            row = (await db.execute(query)).first()
        return None if row is None else _record(row)

    @whole
    async def threads(self, wanted: ThreadFilter, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.threads`."""
        place = func.row_number().over(partition_by=(runs.c.tenant, runs.c.thread_id), order_by=_newest_first())
        numbered = select(runs, place.label("place"))
        if wanted.thread_id:
            numbered = numbered.where(runs.c.thread_id == wanted.thread_id)
        if wanted.tenant is not None:
            numbered = numbered.where(runs.c.tenant == wanted.tenant)
        last = numbered.subquery()
        query = select(last).where(last.c.place == 1).order_by(last.c.started_at.desc(), last.c.run_id.desc())
        if wanted.agent:
            query = query.where(last.c.agent == wanted.agent)
        if wanted.status:
            query = query.where(last.c.status == wanted.status)
        if wanted.release:
            goes_on_with = case((last.c.moved_to == "", last.c.release), else_=last.c.moved_to)
            query = query.where(goes_on_with == wanted.release)
        async with self._engine.connect() as db:
            return [_record(row) for row in await db.execute(query.limit(limit))]

    @whole
    async def move(self, run_id: str, release: str) -> bool:
        """See `RunLedger.move`."""
        async with self._engine.begin() as db:
            run = (await db.execute(select(runs).where(runs.c.run_id == run_id))).first()
            if run is None or run.status == "running":
                return False
            mine = (runs.c.thread_id == run.thread_id) & (runs.c.tenant == run.tenant)
            newest = await db.scalar(select(runs.c.run_id).where(mine).order_by(*_newest_first()).limit(1))
            if newest != run_id:
                return False
            moved = update(runs).where(runs.c.run_id == run_id, runs.c.status == run.status).values(moved_to=release)
            return (await db.execute(moved)).rowcount == 1

    @whole
    async def runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.runs`."""
        query = select(runs).order_by(*_newest_first()).limit(limit)
        async with self._engine.connect() as db:
            return [_record(row) for row in await db.execute(query)]

    @whole
    async def summary(self) -> LedgerSummary:
        """See `RunLedger.summary`."""
        async with self._engine.connect() as db:
            rows = await db.execute(select(runs.c.status, func.count()).group_by(runs.c.status))
            counts: dict[str, int] = {status: count for status, count in rows}
            mixed = await db.scalar(select(func.count()).where(runs.c.releases_seen.like("%,%")))
        done = {status: count for status, count in counts.items() if status != "running"}
        return LedgerSummary(
            started=sum(counts.values()),
            finished=sum(done.values()),
            failed=counts.get("error", 0),
            interrupted=counts.get("interrupted", 0),
            running=counts.get("running", 0),
            mixed=mixed or 0,
        )


def _newest_first() -> tuple[Any, Any]:
    return runs.c.started_at.desc(), runs.c.run_id.desc()


def _row(record: RunRecord) -> dict[str, Any]:
    return asdict(record) | {name: orjson.dumps(getattr(record, name)).decode() for name in LISTS}


def _record(row: Any) -> RunRecord:
    data = {name: value for name, value in row._mapping.items() if name != "place"}
    return RunRecord(**data | {name: tuple(orjson.loads(data[name])) for name in LISTS})
