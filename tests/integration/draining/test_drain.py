"""An operator drains a release: softly, by asking its runs to stop, and by cutting what is left."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

import toolcrib
from tests.integration.draining.project import Gate, gate, write
from toolcrib.core.errors import ReleaseDraining, ReleaseInUse, ThreadBusy
from toolcrib.core.results import RunResult

pytestmark = pytest.mark.anyio


@pytest.fixture
def place() -> Iterator[Gate]:
    with gate() as made:
        yield made


@asynccontextmanager
async def old_release_in_use(
    root: Path, place: Gate
) -> AsyncIterator[tuple[toolcrib.Crib, str, asyncio.Task[RunResult]]]:
    """A project whose first release no longer serves, with a run of it in its first step."""
    write(root, "v1")
    async with toolcrib.open(root) as crib:
        old = crib.release.id
        run = asyncio.create_task(crib.run("walker", {}, thread_id="t"))
        with anyio.fail_after(5):
            await place.reached.get()
        write(root, "v2")
        await crib.deploy()
        yield crib, old, run
        place.open.set()
        await asyncio.gather(run, return_exceptions=True)


async def test_a_release_in_use_is_not_purged_and_who_uses_it_is_told(tmp_path: Path, place: Gate) -> None:
    async with old_release_in_use(tmp_path, place) as (crib, old, run):
        with pytest.raises(ReleaseInUse, match=f"{old} is in use: 1 run; the oldest for 0 s"):
            await crib.drain(old)
        (use,) = [one for one in await crib.users() if one.release == old]
        assert (use.in_memory, use.serves, use.leases, use.running, use.parked) == (True, False, {"run": 1}, 1, 0)
        assert use.oldest_s is not None
        place.open.set()
        assert (await run).output["said"] == ["v1 one", "v1 two", "v1 three"]
        drained = await crib.drain(old)
        assert (drained.state, drained.stopped) == ("retired", ())
        assert old not in crib.census()
        assert (await crib.history(1))[0].state == "drained"
        assert (await crib.drain(old)).state == "absent"


async def test_the_release_that_serves_is_not_drained(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with toolcrib.open(tmp_path) as crib:
        with pytest.raises(ReleaseInUse, match="serves"):
            await crib.drain(crib.release.id, hard=True)
        assert (await crib.users())[0].serves


async def test_a_run_that_is_asked_to_stop_goes_on_later_where_it_was_on_its_own_release(
    tmp_path: Path, place: Gate
) -> None:
    async with old_release_in_use(tmp_path, place) as (crib, old, run):
        drain = asyncio.create_task(crib.drain(old, deadline_s=5, cooperative=True, why="memory"))
        await anyio.wait_all_tasks_blocked()
        place.open.set()
        drained = await drain
        result = await run
        assert result.error is not None
        assert result.error.code == "run_stopped"
        assert drained.state == "retired"
        assert [(one.id, one.thread_id, one.what, one.became) for one in drained.stopped] == [
            (result.run_id, "t", "walker", "drained")
        ]
        past = (await crib.history(1))[0]
        assert (past.state, past.why, past.figures["stopped"][0]["id"]) == ("drained", "memory", result.run_id)
        assert old not in crib.census()

        (use,) = [one for one in await crib.users() if one.release == old]
        assert (use.in_memory, use.stopped) == (False, 1)
        with pytest.raises(ThreadBusy, match="stopped between two steps"):
            await crib.run("walker", {}, thread_id="t")
        (move,) = await crib.threads.move(crib.release.id, thread_id="t", dry_run=False)
        assert not move.moved
        whole = await crib.resume_run(result.run_id)
        assert whole.output["said"] == ["v1 one", "v1 two", "v1 three"]
        assert (whole.run_id, whole.release) == (result.run_id, old)
        (record,) = await crib.recent_runs()
        assert (record.status, record.releases_seen) == ("success", (old,))
        assert (await crib.run("walker", {}, thread_id="t")).release == crib.release.id


async def test_a_run_that_does_not_stop_in_time_keeps_its_release(tmp_path: Path, place: Gate) -> None:
    async with old_release_in_use(tmp_path, place) as (crib, old, run):
        with pytest.raises(ReleaseInUse, match="1 run"):
            await crib.drain(old, deadline_s=0.01, cooperative=True)
        assert not run.done()
        assert old in crib.census()


async def test_a_hard_drain_cuts_what_is_left_and_tells_of_each(tmp_path: Path, place: Gate) -> None:
    async with old_release_in_use(tmp_path, place) as (crib, old, run):
        drained = await crib.drain(old, deadline_s=0.01, cooperative=True, hard=True)
        result = await run
        assert result.error is not None
        assert (result.error.code, drained.state) == ("run_cut", "retired")
        assert [(one.kind, one.id, one.became) for one in drained.stopped] == [("run", result.run_id, "cut")]
        (record,) = await crib.recent_runs()
        assert record.status == "cancelled"
        assert record.error.startswith("run_cut: ")
        place.open.set()
        assert (await crib.run("walker", {}, thread_id="t")).success


async def test_a_hard_drain_cuts_background_tasks_too(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with toolcrib.open(tmp_path) as crib:
        old, task = crib.release.id, await crib.submit("wait")
        with anyio.fail_after(5):
            await place.reached.get()
        write(tmp_path, "v2")
        await crib.deploy()
        drained = await crib.drain(old, hard=True)
        assert [(one.kind, one.id, one.what) for one in drained.stopped] == [("task", task, "wait")]
        assert (await crib.tasks.status(task)).state == "cancelled"
        assert drained.state == "retired"


async def test_a_call_is_waited_for_but_never_cut(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with toolcrib.open(tmp_path) as crib:
        old, call = crib.release.id, asyncio.create_task(crib.call("wait"))
        with anyio.fail_after(5):
            await place.reached.get()
        write(tmp_path, "v2")
        await crib.deploy()
        drain = asyncio.create_task(crib.drain(old, deadline_s=5))
        await anyio.wait_all_tasks_blocked()
        place.open.set()
        assert (await call).value == "v1"
        assert (await drain).state == "retired"


async def test_nobody_begins_on_a_release_that_is_being_drained(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "v1")
    async with toolcrib.open(tmp_path) as crib:
        old = crib.release.id
        place.open.set()
        assert (await crib.run("walker", {"asks": True}, thread_id="parked")).interrupts
        place.open.clear()
        run = asyncio.create_task(crib.run("walker", {}))
        with anyio.fail_after(5):
            await place.reached.get()
            await place.reached.get()
        write(tmp_path, "v2")
        await crib.deploy()
        drain = asyncio.create_task(crib.drain(old, deadline_s=5))
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ReleaseDraining):
            await crib.drain(old)
        with pytest.raises(ReleaseDraining):
            await crib.run("walker", thread_id="parked", resume="yes")
        place.open.set()
        await run
        assert (await drain).state == "retired"
        assert (await crib.run("walker", thread_id="parked", resume="yes")).release == old


async def test_a_parked_thread_does_not_hold_a_drain_up_and_is_answered_on_its_release(
    tmp_path: Path, place: Gate
) -> None:
    place.open.set()
    write(tmp_path, "v1")
    async with toolcrib.open(tmp_path) as crib:
        old = crib.release.id
        assert (await crib.run("walker", {"asks": True}, thread_id="t")).interrupts
        write(tmp_path, "v2")
        await crib.deploy()
        assert (await crib.drain(old)).state == "retired"
        (use,) = [one for one in await crib.users() if one.release == old]
        assert (use.in_memory, use.parked) == (False, 1)
        answered = await crib.run("walker", thread_id="t", resume="yes")
        assert answered.output["said"] == ["v1 one", "v1 two", "yes", "v1 three"]


async def test_the_settings_bound_the_releases_in_memory(tmp_path: Path, place: Gate) -> None:
    few = "releases: {in_memory: 2, wait_s: 0}"
    write(tmp_path, "v1", few)
    async with toolcrib.open(tmp_path) as crib:
        old, run = crib.release.id, asyncio.create_task(crib.run("walker", {}))
        with anyio.fail_after(5):
            await place.reached.get()
        write(tmp_path, "v2", few)
        assert (await crib.deploy()).state == "active"
        write(tmp_path, "v3", few)
        refused = await crib.deploy()
        assert [reason.code for reason in refused.reasons] == ["no_room"]
        assert f"{old} (1 run" in refused.reasons[0].message
        place.open.set()
        assert (await run).success
        assert (await crib.deploy()).state == "active"
        assert old not in crib.census()
