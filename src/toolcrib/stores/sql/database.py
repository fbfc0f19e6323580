"""Opening a SQL database for the stores."""

import asyncio
import functools
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Column, Connection, ExceptionContext, MetaData, Table, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from toolcrib.core.errors import StoreUnavailable
from toolcrib.stores.sql.schema import metadata

P = ParamSpec("P")
T = TypeVar("T")
_WORK = "toolcrib-sql"
_SPACE = "Free space on its disk."
_RIGHTS = "Let this account read and write the file and its folder."
TROUBLES: Mapping[int, str] = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: _SPACE,
        sqlite3.SQLITE_IOERR: f"{_SPACE} If there is enough, look at the disk itself.",
        sqlite3.SQLITE_READONLY: _RIGHTS,
        sqlite3.SQLITE_CANTOPEN: _RIGHTS,
        sqlite3.SQLITE_BUSY: "Another process holds it locked; see which one with `fuser`.",
        sqlite3.SQLITE_CORRUPT: "Put a backup in its place.",
        sqlite3.SQLITE_NOTADB: "Put a backup in its place, or move the file away: a new one is made.",
    }
)
"""SQLite's result codes that speak of the file, not of the statement, and what to do."""
CONNECTIONS = 5
END_S = 15.0  # more than a transaction waits for another one's lock


@asynccontextmanager
async def open_sqlite(path: Path, tables: MetaData = metadata) -> AsyncIterator[AsyncEngine]:
    """An engine on a SQLite file with these tables made; several processes may have it open.

    Write-ahead logging lets readers and one writer work at once; `synchronous=NORMAL` survives the process's death, and
    after a power failure the database is intact but may lack the last commits (https://sqlite.org/pragma.html).

    Raises:
        StoreUnavailable: the file cannot be used; also from every later statement.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Errors of the database are logged, and parameters are what the tables hold: arguments, results. A connection has a
    # thread and a cache of its own: none are opened above the pool to be closed again, whoever finds none free waits.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", hide_parameters=True, pool_size=CONNECTIONS, max_overflow=0
    )
    event.listen(engine.sync_engine, "connect", _configure)
    event.listen(engine.sync_engine, "handle_error", lambda context: _tell_trouble(path, context))
    try:
        async with engine.begin() as connection:
            for table in tables.sorted_tables:  # `create_all` looks first, and fails when another process is faster
                await connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    await connection.execute(CreateIndex(index, if_not_exists=True))
        await _add_missing_columns(engine, tables)
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


async def _add_missing_columns(engine: AsyncEngine, tables: MetaData) -> None:
    """A database of an older version: its tables get the columns that came later."""
    async with engine.connect() as connection:
        missing = await connection.run_sync(_missing_columns, tables)
    for column in missing:
        what = CreateColumn(column).compile(dialect=engine.dialect)
        try:
            async with engine.begin() as connection:
                await connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {what}")
        except OperationalError as error:
            if "duplicate column" not in str(error):  # another process was faster
                raise


def _missing_columns(connection: Connection, tables: MetaData) -> list[Column[Any]]:
    looking = inspect(connection)
    there = {table.name: {one["name"] for one in looking.get_columns(table.name)} for table in tables.sorted_tables}
    return [column for table in tables.sorted_tables for column in table.c if column.name not in there[table.name]]


def _tell_trouble(path: Path, context: ExceptionContext) -> None:
    """An error of the disk or the file is told as such, not as one of a statement."""
    if trouble := store_trouble(path, context.original_exception):
        raise trouble from context.original_exception


def store_trouble(path: Path, error: BaseException) -> StoreUnavailable | None:
    """What is wrong with a SQLite file, when the error says that it cannot be used (https://sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", None)
    hint = None if code is None else TROUBLES.get(code & 0xFF)
    return None if hint is None else StoreUnavailable(f"{path}: {error}.", hint=hint)


def _configure(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
