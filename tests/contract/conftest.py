"""The twins of every store: in memory, and on SQL in a file."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from toolcrib.core.ports import CallJournal, Locks, ReleaseStore
from toolcrib.core.releases import Channel
from toolcrib.core.stores.artifacts import ArtifactStore
from toolcrib.core.stores.history import ErrorStore
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.core.stores.results import ResultCache
from toolcrib.core.tasks import TaskStore
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.stores.memory.errors import MemoryErrorStore
from toolcrib.stores.memory.journal import MemoryJournal
from toolcrib.stores.memory.ledger import MemoryRunLedger
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.stores.memory.releases import MemoryReleaseStore
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.stores.memory.tasks import MemoryTaskStore
from toolcrib.stores.sql.artifacts import SqlArtifactStore
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.errors import SqlErrorStore
from toolcrib.stores.sql.journal import SqlJournal
from toolcrib.stores.sql.ledger import SqlRunLedger
from toolcrib.stores.sql.releases import SqlReleaseStore
from toolcrib.stores.sql.schema import large
from toolcrib.stores.sql.tasks import SqlTaskStore
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


@pytest.fixture(params=["memory", "sql"])
async def errors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ErrorStore]:
    """Keeps three errors of each of four pairs of tool and tenant."""
    if request.param == "memory":
        yield MemoryErrorStore(kept=3, pairs=4)
        return
    async with open_sqlite(tmp_path / "folder" / "toolcrib.db") as engine:
        yield SqlErrorStore(engine, kept=3, pairs=4)


async def activate(store: ReleaseStore, digest: str, *, expected: int, seen_tree: str) -> Channel:
    """Point the channel at this release and nothing else."""
    return await store.point(Channel(generation=expected + 1, digest=digest, seen_tree=seen_tree))


@dataclass(frozen=True, kw_only=True)
class ArtifactsUnderTest:
    """An artifact store, the clock it lives by, and its bounds."""

    store: ArtifactStore
    clock: FakeClock
    bounds: Bounds


@asynccontextmanager
async def sql_artifacts(path: Path, clock: FakeClock, bounds: Bounds) -> AsyncIterator[SqlArtifactStore]:
    """A store whose handles are `art_0`, `art_1`, ..."""
    numbers = count()
    async with open_sqlite(path, large) as engine:
        yield SqlArtifactStore(engine, bounds=bounds, clock=clock, new_handle=lambda: f"art_{next(numbers)}")


@pytest.fixture(params=["memory", "sql"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ArtifactsUnderTest]:
    clock, bounds, numbers = FakeClock(), Bounds(max_bytes=3_000_000, ttl_s=60.0), count()
    if request.param == "memory":
        memory = MemoryArtifactStore(bounds=bounds, clock=clock, new_handle=lambda: f"art_{next(numbers)}")
        yield ArtifactsUnderTest(store=memory, clock=clock, bounds=bounds)
        return
    async with sql_artifacts(tmp_path / "folder" / "artifacts.db", clock, bounds) as opened:
        yield ArtifactsUnderTest(store=opened, clock=clock, bounds=bounds)
