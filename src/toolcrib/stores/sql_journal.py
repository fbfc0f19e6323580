"""The call journal on SQL."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.ports import JournalEntry
from toolcrib.core.results import ToolResult
from toolcrib.stores.schema import journal
from toolcrib.stores.sql import whole


class SqlJournal:
    """`CallJournal` on a SQL database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @whole
    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        """See `CallJournal.begin`."""
        row = {name: getattr(entry, name) for name in entry.__dataclass_fields__} | {"result": None}
        try:
            async with self._engine.begin() as db:
                await db.execute(insert(journal).values(**row))
        except IntegrityError:
            async with self._engine.connect() as db:
                known = (await db.execute(select(journal).where(journal.c.key == entry.key))).first()
            return _entry(known) if known is not None else await self.begin(entry)
        return None

    @whole
    async def finish(self, key: str, result: ToolResult) -> None:
        """See `CallJournal.finish`."""
        text = orjson.dumps(result.to_dict()).decode()
        async with self._engine.begin() as db:
            await db.execute(update(journal).where(journal.c.key == key).values(result=text))

    @whole
    async def forget(self, key: str) -> None:
        """See `CallJournal.forget`."""
        async with self._engine.begin() as db:
            await db.execute(delete(journal).where(journal.c.key == key))

    @whole
    async def in_doubt(self, limit: int = 100) -> Sequence[JournalEntry]:
        """See `CallJournal.in_doubt`."""
        query = select(journal).where(journal.c.result.is_(None)).order_by(journal.c.began_at).limit(limit)
        async with self._engine.connect() as db:
            return [_entry(row) for row in await db.execute(query)]

    @whole
    async def sweep(self, *, before: float) -> int:
        """See `CallJournal.sweep`."""
        old = journal.c.result.is_not(None) & (journal.c.began_at < before)
        async with self._engine.begin() as db:
            return (await db.execute(delete(journal).where(old))).rowcount


def _entry(row: Any) -> JournalEntry:
    data = dict(row._mapping)
    return JournalEntry(
        **{**data, "result": ToolResult.from_dict(orjson.loads(data["result"])) if data["result"] else None}
    )
