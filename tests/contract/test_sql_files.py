"""What a SQLite file adds: it outlives its engine, and several processes may have it open."""

import asyncio
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import anyio
import pytest

from tests.contract.conftest import sql_ledger, sql_releases
from toolcrib.core.errors import GenerationConflict
from toolcrib.core.ports import Channel, ReleaseStore, RunRecord
from toolcrib.core.releases import Deployment, Manifest

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
        channel = await store.activate(manifest.digest, expected=0, seen_tree="t")
        await store.record(deployment)
        await ledger.accept(run)
    async with sql_releases(path) as store, sql_ledger(path) as ledger:
        assert await store.contents(manifest.digest) == {"a.py": b"x"}
        assert (await store.find(manifest.digest)).state == "active"
        assert await store.channel() == channel
        assert await store.history() == [deployment]
        assert await ledger.parked("th") == run


async def test_what_one_engine_writes_another_sees_at_once(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_releases(path) as mine, sql_releases(path) as theirs:
        manifest = await verified(mine, "x")
        assert (await theirs.find(manifest.digest)).state == "verified"
        channel = await theirs.activate(manifest.digest, expected=0, seen_tree="t")
        assert await mine.channel() == channel
        assert (await mine.find(manifest.digest)).state == "active"
        with pytest.raises(GenerationConflict):
            await mine.activate(manifest.digest, expected=0, seen_tree="t")


async def test_of_two_engines_that_activate_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_releases(path) as mine, sql_releases(path) as theirs:
        one, two = await verified(mine, "one"), await verified(mine, "two")
        for generation in range(10):
            with anyio.fail_after(5):
                outcomes = await asyncio.gather(
                    mine.activate(one.digest, expected=generation, seen_tree=""),
                    theirs.activate(two.digest, expected=generation, seen_tree=""),
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
from toolcrib.stores.sql import open_sqlite
from toolcrib.stores.sql_releases import SqlReleaseStore

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
