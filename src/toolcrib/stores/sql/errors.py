"""The error store on SQL."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.stores.history import KEPT, MAX_PAIRS, ErrorRecord
from toolcrib.stores.sql.database import whole
from toolcrib.stores.sql.schema import errors

COLUMNS = tuple(errors.c[name] for name in ErrorRecord.__dataclass_fields__)


class SqlErrorStore:
    """`ErrorStore` on a SQL database."""

    def __init__(self, engine: AsyncEngine, *, kept: int = KEPT, pairs: int = MAX_PAIRS) -> None:
        self._engine = engine
        self._kept = kept
        self._pairs = pairs

    @whole
    async def add(self, records: Sequence[ErrorRecord]) -> None:
        """See `ErrorStore.add`."""
        pair = errors.c.tool, errors.c.tenant
        failed_last = select(*pair).group_by(*pair).order_by(func.max(errors.c.id).desc())
        async with self._engine.begin() as db:
            await db.execute(insert(errors), [asdict(record) for record in records])
            for tool, tenant in {(record.tool, record.tenant) for record in records}:
                mine = (errors.c.tool == tool) & (errors.c.tenant == tenant)
                newest = select(errors.c.id).where(mine).order_by(errors.c.id.desc()).limit(self._kept)
                await db.execute(delete(errors).where(mine, errors.c.id.not_in(newest)))
            for tool, tenant in (await db.execute(failed_last.offset(self._pairs))).all():
                await db.execute(delete(errors).where(errors.c.tool == tool, errors.c.tenant == tenant))

    @whole
    async def newest(self, tool: str, *, tenant: str | None = None, limit: int = KEPT) -> Sequence[ErrorRecord]:
        """See `ErrorStore.newest`."""
        query = select(*COLUMNS).where(errors.c.tool == tool).order_by(errors.c.at.desc(), errors.c.id.desc())
        if tenant is not None:
            query = query.where(errors.c.tenant == tenant)
        async with self._engine.connect() as db:
            return [ErrorRecord(**row._mapping) for row in await db.execute(query.limit(limit))]
