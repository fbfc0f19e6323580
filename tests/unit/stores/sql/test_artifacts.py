"""What artifacts on SQL add: they outlive the process, and a text half written is nobody's."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.contract.conftest import sql_artifacts
from toolcrib.core.errors import ArtifactNotFound
from toolcrib.stores.artifact_texts import CHUNK_CHARS, Bounds
from toolcrib.stores.sql.artifacts import BATCH, SqlArtifactStore
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.schema import large
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio
BOUNDS = Bounds(max_bytes=100_000_000, ttl_s=60.0)
TURNS = 10
LARGE = "x" * (TURNS * BATCH * CHUNK_CHARS)


def rows(path: Path) -> list[int]:
    """How many artifacts there are, and how many chunks of text."""
    tables = ("toolcrib_artifacts", "toolcrib_artifact_texts")
    with sqlite3.connect(path) as db:
        return [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


class Watched(SqlArtifactStore):
    """Tells when the first chunks of a text are written."""

    def __init__(self, engine: AsyncEngine, clock: FakeClock, bounds: Bounds) -> None:
        numbers = count()
        super().__init__(engine, bounds=bounds, clock=clock, new_handle=lambda: f"art_{next(numbers)}")
        self.began = asyncio.Event()

    async def _write(self, row: dict[str, Any], first: int, chunks: Sequence[bytes]) -> bool:
        done: bool = await super()._write(row, first, chunks)
        self.began.set()
        return done


async def test_a_file_opened_again_has_the_artifact(tmp_path: Path) -> None:
    clock, path = FakeClock(), tmp_path / "artifacts.db"
    async with sql_artifacts(path, clock, BOUNDS) as store:
        handle = await store.put(["kept"], tenant="acme")
    assert handle is not None
    async with sql_artifacts(path, clock, BOUNDS) as store:
        assert (await store.read(handle, tenant="acme")).text == "kept"


async def test_a_large_text_is_written_while_others_have_their_turns(tmp_path: Path) -> None:
    turns, done = 0, False

    async def count_turns() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    async with sql_artifacts(tmp_path / "artifacts.db", FakeClock(), BOUNDS) as store, asyncio.TaskGroup() as group:
        group.create_task(count_turns())
        with anyio.fail_after(60):
            assert await store.put([LARGE])
        done = True
    assert turns > 10 * TURNS


async def test_a_cancelled_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "artifacts.db"
    async with open_sqlite(path, large) as engine:
        store = Watched(engine, FakeClock(), BOUNDS)
        with anyio.fail_after(30):
            writing = asyncio.create_task(store.put([LARGE]))
            await store.began.wait()
            assert rows(path)[0] == 1
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
    assert rows(path) == [0, 0]


async def test_what_gave_way_while_it_was_written_is_gone_as_a_whole(tmp_path: Path) -> None:
    path, clock = tmp_path / "artifacts.db", FakeClock()
    narrow = Bounds(max_bytes=len(LARGE), ttl_s=60.0)
    async with open_sqlite(path, large) as engine:
        store = Watched(engine, clock, narrow)
        with anyio.fail_after(60):
            writing = asyncio.create_task(store.put([LARGE]))
            await store.began.wait()
            clock.advance(1)
            newer = await store.put(["y" * narrow.max_bytes])
            assert await writing is None
        assert newer is not None
        assert (await store.read(newer)).total_chars == narrow.max_bytes
        assert rows(path) == [1, TURNS * BATCH]


async def test_an_artifact_that_gives_way_while_it_is_read_is_not_half_read(tmp_path: Path) -> None:
    path = tmp_path / "artifacts.db"
    async with sql_artifacts(path, FakeClock(), BOUNDS) as store:
        handle = await store.put(["x" * 2 * CHUNK_CHARS])
        assert handle is not None
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM toolcrib_artifact_texts WHERE number = 1")
        with pytest.raises(ArtifactNotFound):
            await store.read(handle, limit=2 * CHUNK_CHARS)


DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.unit.stores.sql.test_artifacts import BOUNDS, LARGE, Watched
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.schema import large
from toolcrib.testing import FakeClock

async def main():
    async with open_sqlite(Path(sys.argv[1]), large) as engine:
        store = Watched(engine, FakeClock(), BOUNDS)
        writing = asyncio.create_task(store.put([LARGE]))
        await store.began.wait()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_process_killed_while_it_writes_leaves_nothing_to_read_and_what_is_left_expires(tmp_path: Path) -> None:
    path, clock = tmp_path / "artifacts.db", FakeClock()
    command: Sequence[str] = [sys.executable, "-c", DYING, str(path)]
    died = await asyncio.to_thread(
        subprocess.run, command, cwd=Path(__file__).parents[4], capture_output=True, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert rows(path) == [1, BATCH]
    async with sql_artifacts(path, clock, BOUNDS) as store:
        with pytest.raises(ArtifactNotFound):
            await store.read("art_0")
        clock.advance(BOUNDS.ttl_s)
        assert await store.sweep() == 1
    assert rows(path) == [0, 0]
