"""The twins of every store: in memory, and on SQL in a file."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolcrib.core.ports import CallJournal, Locks, ReleaseStore, ResultCache, RunLedger
from toolcrib.core.tasks import TaskStore
from toolcrib.stores.locks import MemoryLocks
from toolcrib.stores.memory import MemoryJournal, MemoryReleaseStore, MemoryRunLedger
from toolcrib.stores.memory_tasks import MemoryTaskStore
from toolcrib.stores.result_cache import MemoryResultCache
from toolcrib.stores.sql import open_sqlite
from toolcrib.stores.sql_journal import SqlJournal
from toolcrib.stores.sql_ledger import SqlRunLedger
from toolcrib.stores.sql_releases import SqlReleaseStore
from toolcrib.stores.sql_tasks import SqlTaskStore
from toolcrib.testing import FakeClock

OpenStore = Callable[[Path], AbstractAsyncContextManager[ReleaseStore]]


@asynccontextmanager
async def sql_releases(path: Path) -> AsyncIterator[ReleaseStore]:
    async with open_sqlite(path) as engine:
        yield SqlReleaseStore(engine)


@asynccontextmanager
async def sql_ledger(path: Path) -> AsyncIterator[RunLedger]:
    async with open_sqlite(path) as engine:
        yield SqlRunLedger(engine)


@dataclass(frozen=True, kw_only=True)
class CacheUnderTest:
    """A result cache, the clock it lives by, and its bound."""

    cache: ResultCache
    clock: FakeClock
    max_bytes: int


@pytest.fixture
def at() -> CacheUnderTest:
    clock, max_bytes = FakeClock(), 400_000
    cache = MemoryResultCache(max_bytes=max_bytes, clock=clock, memory_used=lambda: 0.0)
    return CacheUnderTest(cache=cache, clock=clock, max_bytes=max_bytes)


@pytest.fixture(params=["memory", "sql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ReleaseStore]:
    if request.param == "memory":
        yield MemoryReleaseStore()
        return
    async with sql_releases(tmp_path / "folder" / "toolcrib.db") as opened:
        yield opened


@pytest.fixture(params=["memory", "sql"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunLedger]:
    if request.param == "memory":
        yield MemoryRunLedger()
        return
    async with sql_ledger(tmp_path / "folder" / "toolcrib.db") as opened:
        yield opened


@pytest.fixture(params=["memory", "sql"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CallJournal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    async with open_sqlite(tmp_path / "folder" / "toolcrib.db") as engine:
        yield SqlJournal(engine)


@pytest.fixture(params=[MemoryLocks])
def locks(request: pytest.FixtureRequest) -> Locks:
    made: Locks = request.param()
    return made


@asynccontextmanager
async def sql_tasks(path: Path) -> AsyncIterator[TaskStore]:
    async with open_sqlite(path) as engine:
        yield SqlTaskStore(engine)


@pytest.fixture(params=["memory", "sql"])
async def tasks(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TaskStore]:
    if request.param == "memory":
        yield MemoryTaskStore()
        return
    async with sql_tasks(tmp_path / "folder" / "toolcrib.db") as opened:
        yield opened
