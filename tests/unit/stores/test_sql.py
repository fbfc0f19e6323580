"""Opening SQLite: the tables, the settings, and transactions that end whole."""

import asyncio
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import select, text

from toolcrib.stores.schema import blobs, metadata
from toolcrib.stores.sql import add_new, open_sqlite, whole

pytestmark = pytest.mark.anyio


async def test_the_file_and_its_folder_are_made_with_every_table_and_index(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "toolcrib.db"
    async with open_sqlite(path) as engine, engine.connect() as db:
        made = set((await db.scalars(text("select name from sqlite_master"))).all())
    assert path.is_file()
    assert set(metadata.tables) <= made
    assert "toolcrib_runs_thread" in made


async def test_readers_and_a_writer_can_work_at_once_and_wait_for_each_other(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "x.db") as engine, engine.connect() as db:
        settings = [await db.scalar(text(f"pragma {one}")) for one in ("journal_mode", "synchronous", "busy_timeout")]
    assert settings == ["wal", 1, 10_000]


async def test_opening_a_file_again_keeps_what_is_in_it(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_sqlite(tmp_path / "x.db") as engine, engine.begin() as db:
            await add_new(db, blobs, [{"digest": "a", "data": b"1"}])
            assert (await db.execute(select(blobs))).all() == [("a", b"1")]


async def test_rows_that_are_there_already_are_left_alone(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "x.db") as engine, engine.begin() as db:
        await add_new(db, blobs, [])
        await add_new(db, blobs, [{"digest": "a", "data": b"1"}])
        await add_new(db, blobs, [{"digest": "a", "data": b"2"}, {"digest": "b", "data": b"3"}])
        assert sorted((await db.execute(select(blobs))).all()) == [("a", b"1"), ("b", b"3")]


async def test_a_transaction_whose_caller_is_cancelled_comes_to_its_end() -> None:
    began, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @whole
    async def writes() -> None:
        began.set()
        await go_on.wait()
        ended.set()

    task = asyncio.ensure_future(writes())
    with anyio.fail_after(5):
        await began.wait()
        task.cancel()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        assert not task.done(), "whoever closes the database next waits for the transaction"
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()
