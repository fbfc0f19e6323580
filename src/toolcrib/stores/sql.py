"""Opening a SQL database for the stores."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from toolcrib.stores.schema import metadata

P = ParamSpec("P")
T = TypeVar("T")
_WORK = "toolcrib-sql"
END_S = 15.0  # more than a transaction waits for another one's lock


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine on a SQLite file with its tables made; several processes may have it open.

    Write-ahead logging lets readers and one writer work at once; `synchronous=NORMAL` survives the process's death, and
    after a power failure the database is intact but may lack the last commits (https://sqlite.org/pragma.html).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    event.listen(engine.sync_engine, "connect", _configure)
    try:
        async with engine.begin() as connection:
            for table in metadata.sorted_tables:  # `create_all` looks first, and fails when another process is faster
                await connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    await connection.execute(CreateIndex(index, if_not_exists=True))
        yield engine
    finally:
        if under_way := {task for task in asyncio.all_tasks() if task.get_name() == _WORK}:
            await asyncio.wait(under_way, timeout=END_S)  # a connection that comes back later is never closed
        await engine.dispose()


def whole(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Decorator: a transaction that has begun is brought to its end even when its caller is cancelled.

    A connection whose operation is cancelled cannot be used again and is dropped without being closed. The caller hears
    of its cancellation when the transaction is over, so that nobody closes the database under it.
    """

    @functools.wraps(method)
    async def shielded(*args: P.args, **kwargs: P.kwargs) -> T:
        work = asyncio.create_task(method(*args, **kwargs), name=_WORK)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work}, timeout=END_S)
            raise

    return shielded


async def add_new(db: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet; another process may be inserting the same ones."""
    if rows:
        insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
        await db.execute(insert(table).on_conflict_do_nothing(), rows)


def _configure(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
