"""The run ledger on SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.ports import LedgerSummary, RunRecord
from toolcrib.stores.schema import runs
from toolcrib.stores.sql import whole


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
    async def parked(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """See `RunLedger.parked`."""
        mine = (runs.c.thread_id == thread_id) & (runs.c.tenant == tenant)
        query = select(runs).where(mine).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(1)
        async with self._engine.connect() as db:
            row = (await db.execute(query)).first()
        return _record(row) if row is not None and row.status == "interrupted" else None

    @whole
    async def runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.runs`."""
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(limit)
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


def _row(record: RunRecord) -> dict[str, Any]:
    return asdict(record) | {"releases_seen": orjson.dumps(record.releases_seen).decode()}


def _record(row: Any) -> RunRecord:
    data = dict(row._mapping)
    return RunRecord(**{**data, "releases_seen": tuple(orjson.loads(data["releases_seen"]))})
