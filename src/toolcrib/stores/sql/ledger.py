"""The run ledger on SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Insert, Select, bindparam, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.experiments.arms import Arm, told
from toolcrib.core.money import from_picos, picos
from toolcrib.core.stores.ledger import LOST, LedgerSummary, RunRecord, ThreadFilter
from toolcrib.core.stores.pins import STOPPED, ThreadPin
from toolcrib.stores.sql.database import whole
from toolcrib.stores.sql.schema import runs

LISTS = ("releases_seen", "paused_at")


class SqlRunLedger:
    """`RunLedger` on a SQL database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._following = _following()

    @whole
    async def accept(self, record: RunRecord, *, follows: str | None = None) -> bool:
        """See `RunLedger.accept`."""
        row = _row(record)
        async with self._engine.begin() as db:
            if follows is None:
                await db.execute(insert(runs).values(**row))
                return True
            new = {f"new_{name}": value for name, value in row.items()}
            return (await db.execute(self._following, new | {"follows": follows})).rowcount == 1

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
        numbered = _numbered()
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
            query = query.where(_goes_on_with(last.c) == wanted.release)
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
    async def find(self, run_id: str) -> RunRecord | None:
        """See `RunLedger.find`."""
        async with self._engine.connect() as db:
            row = (await db.execute(select(runs).where(runs.c.run_id == run_id))).first()
        return None if row is None else _record(row)

    @whole
    async def suspended(self, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.suspended`."""
        query = select(runs).where(runs.c.status == "suspended").order_by(runs.c.started_at, runs.c.run_id)
        async with self._engine.connect() as db:
            return [_record(row) for row in await db.execute(query.limit(limit))]

    @whole
    async def take_up(self, run_id: str, *, process: str = "") -> bool:
        """See `RunLedger.take_up`."""
        stopped = (runs.c.run_id == run_id) & runs.c.status.in_(STOPPED)
        running = update(runs).where(stopped).values(status="running", error="", finished_at=None, process=process)
        async with self._engine.begin() as db:
            return (await db.execute(running)).rowcount == 1

    @whole
    async def processes(self) -> frozenset[str]:
        """See `RunLedger.processes`."""
        query = select(runs.c.process).where(runs.c.status == "running", runs.c.process != "").distinct()
        async with self._engine.connect() as db:
            return frozenset((await db.scalars(query)).all())

    @whole
    async def lose(self, process: str) -> int:
        """See `RunLedger.lose`."""
        theirs = (runs.c.status == "running") & (runs.c.process == process) & (runs.c.process != "")
        async with self._engine.begin() as db:
            lost = await db.execute(update(runs).where(theirs).values(status="suspended", error=LOST))
            return int(lost.rowcount)

    @whole
    async def pins(self) -> Sequence[ThreadPin]:
        """See `RunLedger.pins`."""
        last = _numbered().subquery()
        alike = (last.c.agent, _goes_on_with(last.c), last.c.status, last.c.moved_to != "")
        query = select(*alike, func.count(), func.min(last.c.started_at)).where(last.c.place == 1).group_by(*alike)
        async with self._engine.connect() as db:
            return [
                ThreadPin(agent=agent, release=release, status=status, moved=moved, threads=threads, since=since)
                for agent, release, status, moved, threads, since in await db.execute(query)
            ]

    @whole
    async def summary(self) -> LedgerSummary:
        """See `RunLedger.summary`."""
        async with self._engine.connect() as db:
            rows = await db.execute(select(runs.c.status, func.count()).group_by(runs.c.status))
            counts: dict[str, int] = {status: count for status, count in rows}
            mixed = await db.scalar(select(func.count()).where(runs.c.releases_seen.like("%,%")))
        stopped = sum(counts.get(status, 0) for status in STOPPED)
        return LedgerSummary(
            started=sum(counts.values()),
            finished=sum(counts.values()) - counts.get("running", 0) - stopped,
            failed=counts.get("error", 0),
            interrupted=counts.get("interrupted", 0),
            running=counts.get("running", 0),
            mixed=mixed or 0,
            stopped=stopped,
        )


def _numbered() -> Select[Any]:
    """All runs, each with its `place` in its thread: the last one has 1."""
    place = func.row_number().over(partition_by=(runs.c.tenant, runs.c.thread_id), order_by=_newest_first())
    return select(runs, place.label("place"))


def _goes_on_with(run: Any) -> Any:
    """See `RunRecord.goes_on_with`; of the columns of `runs`."""
    return case((run.moved_to == "", run.release), else_=run.moved_to)


def _newest_first() -> tuple[Any, Any]:
    return runs.c.started_at.desc(), runs.c.run_id.desc()


def _following() -> Insert:
    """Insert a run where the thread's last one is still the one it follows: one statement, as SQLite writes one."""
    new = {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in runs.c}
    mine = (runs.c.thread_id == new["thread_id"]) & (runs.c.tenant == new["tenant"])
    last = select(runs.c.run_id).where(mine).order_by(*_newest_first()).limit(1).scalar_subquery()
    return insert(runs).from_select(
        list(new), select(*new.values()).where(func.coalesce(last, "") == bindparam("follows"))
    )


def _row(record: RunRecord) -> dict[str, Any]:
    texts = {name: orjson.dumps(getattr(record, name)).decode() for name in LISTS}
    texts["variants"] = orjson.dumps(told(record.variants)).decode()
    return asdict(record) | texts | {"cost_usd": None if record.cost_usd is None else picos(record.cost_usd)}


def _record(row: Any) -> RunRecord:
    data = {name: value for name, value in row._mapping.items() if name != "place"}
    data |= {name: tuple(orjson.loads(data[name])) for name in LISTS}
    data["variants"] = tuple(Arm(*arm) for arm in orjson.loads(data["variants"]).items())
    data["cost_usd"] = None if data["cost_usd"] is None else from_picos(data["cost_usd"])
    return RunRecord(**data)
