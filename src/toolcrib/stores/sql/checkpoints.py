"""Where threads live: LangGraph's SQLite checkpointer, with a serializer that builds no class it was not told of."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from toolcrib.stores.sql.database import store_trouble


@asynccontextmanager
async def open_checkpointer(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """A checkpointer on a SQLite file.

    `allowed_msgpack_modules=None` is the strict mode: a forged row cannot run code when it is read (CVE-2026-28277).

    Raises:
        StoreUnavailable: the file cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        try:
            saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(path)))
            saver.serde = JsonPlusSerializer(allowed_msgpack_modules=None)
            await saver.setup()
        except sqlite3.Error as error:
            if trouble := store_trouble(path, error):
                raise trouble from error
            raise
        yield saver
