"""What a SQLite file adds: it outlives its engine, and several processes may have it open."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import anyio
import pytest
from sqlalchemy.exc import SQLAlchemyError

from tests.contract.conftest import activate, sql_ledger, sql_releases
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import GenerationConflict
from toolcrib.core.ports import ReleaseStore
from toolcrib.core.releases import Channel, Deployment, Manifest
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.core.tasks import TaskRecord
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.tasks import SqlTaskStore

pytestmark = pytest.mark.anyio


async def put(store: ReleaseStore, text: str) -> Manifest:
    data = text.encode()
    manifest = Manifest(digest=sha256(b"m" + data).hexdigest(), files={"a.py": sha256(data).hexdigest()})
    await store.put(manifest, {"a.py": data}, at=1.0)
    return manifest


async def verified(store: ReleaseStore, text: str) -> Manifest:
    manifest = await put(store, text)
    await store.move(manifest.digest, "verified")
    return manifest


async def test_a_file_opened_again_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    run = RunRecord(run_id="1", thread_id="th", agent="a", release="r", status="interrupted", releases_seen=("r",))
    deployment = Deployment(state="active", release="r-1", timings_s={"scan": 1.0})
    async with sql_releases(path) as store, sql_ledger(path) as ledger:
        manifest = await verified(store, "x")
        channel = await activate(store, manifest.digest, expected=0, seen_tree="t")
        await store.record(deployment)
        await ledger.accept(run)
    async with sql_releases(path) as store, sql_ledger(path) as ledger:
        assert await store.contents(manifest.digest) == {"a.py": b"x"}
        assert (await store.find(manifest.digest)).state == "active"
        assert await store.channel() == channel
        assert await store.history() == [deployment]
        assert await ledger.last("th") == run


async def test_a_file_from_before_there_were_shapes_and_verdicts_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_releases(path) as store:
        manifest = await put(store, "old")
    old = {"state": "active", "release": "r-1", "previous": "", "generation": 1, "reasons": [], "timings_s": {}}
    old["diff"] = [{"kind": "tool", "name": "t", "change": "added", "detail": ""}]
    with sqlite3.connect(path) as file:
        file.execute("drop table toolcrib_shapes")
        record = json.dumps({**old, "actor": "cli", "at": 1.0})
        file.execute("insert into toolcrib_deployments (at, record) values (1.0, ?)", (record,))
    file.close()
    async with sql_releases(path) as store:
        assert await store.shape(manifest.digest) is None
        (deployment,) = await store.history()
        assert (deployment.verdict, deployment.accepted, deployment.diff[0].verdict) == (None, (), None)
        await store.put(manifest, {"a.py": b"old"}, at=2.0, shape=Shape())
        assert await store.shape(manifest.digest) == Shape()


async def test_what_one_engine_writes_another_sees_at_once(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_releases(path) as mine, sql_releases(path) as theirs:
        manifest = await verified(mine, "x")
        assert (await theirs.find(manifest.digest)).state == "verified"
        channel = await activate(theirs, manifest.digest, expected=0, seen_tree="t")
        assert await mine.channel() == channel
        assert (await mine.find(manifest.digest)).state == "active"
        with pytest.raises(GenerationConflict):
            await activate(mine, manifest.digest, expected=0, seen_tree="t")


async def test_of_two_engines_that_activate_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_releases(path) as mine, sql_releases(path) as theirs:
        one, two = await verified(mine, "one"), await verified(mine, "two")
        for generation in range(10):
            with anyio.fail_after(5):
                outcomes = await asyncio.gather(
                    activate(mine, one.digest, expected=generation, seen_tree=""),
                    activate(theirs, two.digest, expected=generation, seen_tree=""),
                    return_exceptions=True,
                )
            channel = await mine.channel()
            assert channel.generation == generation + 1
            assert [outcome for outcome in outcomes if isinstance(outcome, Channel)] == [channel]
            assert [type(one) for one in outcomes if not isinstance(one, Channel)] == [GenerationConflict]
            states = {(await mine.find(one.digest)).state, (await mine.find(two.digest)).state}
            assert "active" in states
            assert (await mine.find(channel.digest)).state == "active"


async def test_engines_that_put_the_same_release_at_once_put_it_once(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_releases(path) as mine, sql_releases(path) as theirs:
        with anyio.fail_after(10):
            for n in range(20):
                await asyncio.gather(put(mine, f"{n}"), put(theirs, f"{n}"))
        assert len(await mine.releases()) == 20


PROCESS = """
import asyncio, sys
from pathlib import Path
from toolcrib.core.releases import Manifest
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.releases import SqlReleaseStore

async def main():
    sys.stdin.read()
    async with open_sqlite(Path(sys.argv[1])) as engine:
        store = SqlReleaseStore(engine)
        for number in range(10):
            digest = f"{number:064x}"
            await store.put(Manifest(digest=digest, files={"a.py": "f" * 64}), {"a.py": b"x"}, at=1.0)

asyncio.run(main())
"""


async def test_processes_that_open_a_new_file_at_once_all_find_it_ready(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    command = [sys.executable, "-c", PROCESS, str(path)]
    processes = [
        await anyio.open_process(command, stdin=subprocess.PIPE, stdout=None, stderr=subprocess.PIPE) for _ in range(3)
    ]
    complaints = []
    with anyio.fail_after(30):
        for process in processes:
            assert process.stdin is not None
            await process.stdin.aclose()
        for process in processes:
            assert process.stderr is not None
            complaints.append(b"".join([chunk async for chunk in process.stderr]).decode())
            await process.wait()
            await process.aclose()
    assert complaints == ["", "", ""]
    async with sql_releases(path) as store:
        assert len(await store.releases()) == 10


async def test_a_database_of_an_older_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    old = sqlite3.connect(path)
    old.execute(
        "CREATE TABLE toolcrib_channels (name VARCHAR(64) PRIMARY KEY, generation INTEGER NOT NULL, "
        "digest VARCHAR(64) NOT NULL, seen_tree VARCHAR(64) NOT NULL)"
    )
    old.execute("INSERT INTO toolcrib_channels VALUES ('default', 7, 'd', 't')")
    old.commit()
    old.close()
    for _ in range(2):
        async with sql_releases(path) as store:
            assert await store.channel() == Channel(generation=7, digest="d", seen_tree="t")


async def test_an_error_of_the_database_does_not_tell_what_was_to_be_written(tmp_path: Path) -> None:
    broken = TaskRecord(id="1", tool="t", args={"card": "4111-1111"}, priority=None)  # type: ignore[arg-type]  # refused
    async with open_sqlite(tmp_path / "toolcrib.db") as engine:
        with pytest.raises(SQLAlchemyError) as caught:
            await SqlTaskStore(engine).add([broken], queue=9)
    assert "toolcrib_tasks.priority" in str(caught.value)
    assert "4111-1111" not in str(caught.value)
