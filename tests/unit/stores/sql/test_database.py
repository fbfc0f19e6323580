"""Opening SQLite: the tables, the settings, and transactions that end whole."""

import asyncio
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import select, text

from toolcrib.core.errors import StoreUnavailable
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.core.tasks import TaskRecord
from toolcrib.stores.sql.checkpoints import open_checkpointer
from toolcrib.stores.sql.database import add_new, open_sqlite, whole
from toolcrib.stores.sql.ledger import SqlRunLedger
from toolcrib.stores.sql.schema import blobs, metadata
from toolcrib.stores.sql.tasks import SqlTaskStore

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


async def test_a_file_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    record = TaskRecord(id="1", tool="t")
    async with open_sqlite(tmp_path / "x.db") as engine:
        await SqlTaskStore(engine).add([record], queue=10)
        async with engine.begin() as db:
            await db.execute(text("alter table toolcrib_tasks drop column call_key"))
    with anyio.fail_after(10):
        await asyncio.gather(*[opened_once(tmp_path / "x.db") for _ in range(3)])
    async with open_sqlite(tmp_path / "x.db") as engine:
        store = SqlTaskStore(engine)
        assert await store.find("1") == record
        (new,) = await store.add([replace(record, id="2", call_key="k")], queue=10)
        assert await store.find("2") == new


async def test_runs_of_an_earlier_version_had_no_user_and_were_in_no_variant(tmp_path: Path) -> None:
    record = RunRecord(run_id="1", thread_id="t", agent="a", release="r")
    async with open_sqlite(tmp_path / "x.db") as engine:
        await SqlRunLedger(engine).accept(record)
        async with engine.begin() as db:
            for column in ("user", "variants"):
                await db.execute(text(f'alter table toolcrib_runs drop column "{column}"'))
    async with open_sqlite(tmp_path / "x.db") as engine:
        assert await SqlRunLedger(engine).find("1") == record


async def opened_once(path: Path) -> None:
    async with open_sqlite(path):
        pass


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


async def test_a_file_that_is_no_database_is_told_by_its_name_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database " * 1_000)
    with pytest.raises(StoreUnavailable, match=f"{path}: file is not a database") as caught:
        async with open_sqlite(path):
            pass
    assert "backup" in caught.value.hint
    with pytest.raises(StoreUnavailable, match=f"{path}: "):
        async with open_checkpointer(path):
            pass
    assert path.read_bytes().startswith(b"no database ")


async def test_a_full_disk_is_told_and_what_was_kept_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with open_sqlite(path) as engine:
        async with engine.begin() as db:
            await add_new(db, blobs, [{"digest": "a", "data": b"1"}])
            pages = await db.scalar(text("pragma page_count"))
            await db.execute(text(f"pragma max_page_count={pages}"))  # what SQLite meets on a full disk
        with pytest.raises(StoreUnavailable, match="is full") as caught:
            async with engine.begin() as db:
                await add_new(db, blobs, [{"digest": "b", "data": b"1" * 100_000}])
        assert "Free space" in caught.value.hint
        async with engine.connect() as db:
            assert (await db.execute(select(blobs))).all() == [("a", b"1")]
