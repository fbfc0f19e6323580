"""The call journal on SQL."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.ports import JournalEntry
from toolcrib.core.results import ToolResult
from toolcrib.stores.sql.database import whole
from toolcrib.stores.sql.schema import journal


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
            return await self.find(entry.key) or await self.begin(entry)
        return None

    @whole
    async def finish(self, key: str, result: ToolResult) -> None:
        """See `CallJournal.finish`."""
        text = json.dumps(result.to_dict())  # whole numbers of any size survive
        async with self._engine.begin() as db:
            await db.execute(update(journal).where(journal.c.key == key).values(result=text))

    @whole
    async def leave(self, key: str) -> None:
        """See `CallJournal.leave`."""
        async with self._engine.begin() as db:
            await db.execute(update(journal).where(journal.c.key == key).values(process=""))

    @whole
    async def forget(self, key: str) -> None:
        """See `CallJournal.forget`."""
        async with self._engine.begin() as db:
            await db.execute(delete(journal).where(journal.c.key == key))

    @whole
    async def find(self, key: str) -> JournalEntry | None:
        """See `CallJournal.find`."""
        async with self._engine.connect() as db:
            known = (await db.execute(select(journal).where(journal.c.key == key))).first()
        return None if known is None else _entry(known)

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
        **{**data, "result": ToolResult.from_dict(json.loads(data["result"])) if data["result"] else None}
    )
