"""Runs over the end of a process, without one: what is stopped or cut here goes on when the project is opened again."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import toolcrib
from tests.integration.draining.project import Gate, gate, write
from toolcrib.core.errors import Conflict, NotFound, ThreadBusy
from toolcrib.core.stores.ledger import RunRecord

pytestmark = pytest.mark.anyio


@pytest.fixture
def place() -> Iterator[Gate]:
    with gate() as made:
        yield made


@asynccontextmanager
async def ending(root: Path, place: Gate) -> AsyncIterator[toolcrib.Crib]:
    """A project with a run in its first step, which ends with the block."""
    async with toolcrib.open(root) as crib:
        run = asyncio.create_task(crib.run("walker", {}, thread_id="t"))
        with anyio.fail_after(5):
            await place.reached.get()
        yield crib
        await asyncio.wait({run}, timeout=5)
        assert run.done()


async def ended(crib: toolcrib.Crib) -> RunRecord:
    """The only run, when it neither runs nor will by itself."""
    with anyio.fail_after(10):
        while (await crib.recent_runs())[0].status in ("running", "suspended"):
            await anyio.lowlevel.checkpoint()
    (run,) = await crib.recent_runs()
    return run


async def test_a_suspended_run_goes_on_by_itself_on_its_own_release(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with ending(tmp_path, place) as crib:
        old = crib.release.id
        crib.ending.suspend()
        place.open.set()
    write(tmp_path, "v2")
    async with toolcrib.open(tmp_path) as crib:
        run = await ended(crib)
        assert (run.status, run.releases_seen) == ("success", (old,))
        again = await crib.run("walker", {}, thread_id="t")
        assert again.output["said"] == [f"{word} {step}" for word in ("v1", "v2") for step in ("one", "two", "three")]


async def test_a_cut_run_begins_its_last_step_again(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with ending(tmp_path, place) as crib:
        (cut,) = await crib.ending.cut("the test says so")
        (run,) = await crib.recent_runs()
        assert (cut.run_id, run.status, run.error.partition(":")[0]) == (run.run_id, "suspended", "run_cut")
        with pytest.raises(ThreadBusy, match="stopped between two steps"):
            await crib.run("walker", {}, thread_id="t")
    place.open.set()
    async with toolcrib.open(tmp_path) as crib:
        assert (await ended(crib)).status == "success"
        assert place.reached.qsize() == 1, "its first step was begun twice in all"


async def test_a_run_taken_up_is_suspended_again_when_this_process_ends_too(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with ending(tmp_path, place) as crib:
        await crib.ending.cut("the test says so")
    async with toolcrib.open(tmp_path) as crib:
        with anyio.fail_after(5):
            await place.reached.get()
    async with toolcrib.open(tmp_path, work=False) as crib:
        (run,) = await crib.recent_runs()
        assert run.status == "suspended", "who only looks takes nothing up"
        place.open.set()
        assert (await crib.resume_run(run.run_id)).success
        with pytest.raises(Conflict, match="it is success"):
            await crib.resume_run(run.run_id)
        with pytest.raises(NotFound):
            await crib.resume_run("none")


async def test_a_run_whose_release_cannot_be_had_waits_for_a_word_with_the_reason(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with ending(tmp_path, place) as crib:
        await crib.ending.cut("the test says so")
    write(tmp_path, "v2")
    with sqlite3.connect(tmp_path / ".toolcrib" / "toolcrib.db") as db:
        db.execute("update toolcrib_blobs set data = cast('not python (' as blob)")
    async with toolcrib.open(tmp_path) as crib:
        run = await ended(crib)
        assert run.status == "drained"
        assert "cannot be loaded" in run.error
