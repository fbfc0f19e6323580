"""How tasks are run: bounded, in order, on a pinned release; and what becomes of them when their process ends."""

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.unit.execution.tasks.grounds import Gate, Ground, at_work
from tests.unit.execution.tasks.test_service import DOUBLE, REFUSES, gated
from toolcrib.core.calls import ToolCall, ToolContext
from toolcrib.core.events import TaskFinished, TaskProgressed, ToolStarted
from toolcrib.core.tasks import Claim, TaskRecord, TaskState
from toolcrib.execution.tasks.people import ATTENTION_S
from toolcrib.execution.tasks.ports import TaskOptions
from toolcrib.execution.tasks.workers import MAX_CRASHES
from toolcrib.stores.memory.tasks import MemoryTaskStore
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
ONE = TaskOptions(workers=1)


async def settled(gates: Sequence[Gate], entered: int) -> None:
    """Wait until so many calls have begun, and give further ones a chance to."""
    with anyio.fail_after(5):
        while sum(gate.entered for gate in gates) < entered:
            await anyio.lowlevel.checkpoint()
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def test_no_more_tasks_run_at_once_than_there_are_workers() -> None:
    ground, gate = Ground(options=TaskOptions(workers=3)), Gate()
    ground.serve(gated(gate))
    async with at_work(ground) as crew:
        batch = await crew.service.submit_batch([ToolCall(name="waits")] * 7)
        await settled([gate], 3)
        assert (gate.entered, len(crew.workers)) == (3, 3)
        assert len(await crew.service.list(state="queued")) == 4
        gate.opened.set()
        for task in batch.tasks:
            await crew.ended(task)
    assert gate.entered == 7


async def test_tasks_begin_by_priority_then_age() -> None:
    order: list[str] = []

    async def notes(name: str) -> None:
        order.append(name)

    ground = Ground(options=ONE)
    ground.serve(make_tool(notes))
    first = ground.furnish()
    for name, priority in (("old", 0), ("new", 0), ("low", -1), ("high", 5)):
        await first.service.submit("notes", {"name": name}, priority=priority)
        ground.clock.advance(1)
    async with at_work(ground) as crew:
        for record in await crew.service.list():
            await crew.ended(record.id)
    assert order == ["high", "old", "new", "low"]


async def test_a_task_keeps_the_release_that_served_when_it_began() -> None:
    ground, gate = Ground(options=ONE), Gate()
    old = ground.serve(gated(gate), content="old")
    async with at_work(ground) as crew:
        running, waiting = [await crew.service.submit("waits") for _ in range(2)]
        await settled([gate], 1)
        pinned = ground.registry.current.release
        new = ground.serve(gated(gate), content="new")
        assert ground.registry.census()[old] == {"task": 1}
        assert pinned not in ground.registry.idle()
        gate.opened.set()
        assert (await crew.ended(running)).release == old
        assert (await crew.ended(waiting)).release == new
    assert pinned in ground.registry.idle()
    assert [event.release for event in ground.bench.events.of(ToolStarted)] == [old, new]


async def test_a_tool_that_went_away_while_its_task_waited_fails_the_task() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    task = await ground.furnish().service.submit("double", {"n": 1})
    ground.serve(REFUSES)
    async with at_work(ground) as crew:
        record = await crew.ended(task)
    assert (record.state, record.error.partition(":")[0]) == ("failed", "tool_not_found")


async def test_nothing_begins_before_a_release_serves() -> None:
    ground = Ground()
    async with at_work(ground) as crew:
        crew.workers.wake()
        await settled([], 0)
        ground.serve(DOUBLE)
        assert (await crew.ended(await crew.service.submit("double", {"n": 1}))).state == "succeeded"


async def test_a_batch_that_stops_on_failure_skips_what_has_not_begun() -> None:
    heard: list[tuple[str, TaskState]] = []
    ground = Ground(options=ONE)
    ground.serve(DOUBLE, REFUSES)
    calls = [ToolCall(name="double", args={"n": 1}), ToolCall(name="refuses"), ToolCall(name="double", args={"n": 1})]
    async with at_work(ground) as crew:
        batch = await crew.service.submit_batch(
            calls, stop_on_failure=True, callback=lambda record: heard.append((record.id, record.state))
        )
        states = [(await crew.ended(task)).state for task in batch.tasks]
        assert states == ["succeeded", "failed", "skipped"]
        free = await crew.service.submit_batch(calls)
        assert [(await crew.ended(task)).state for task in free.tasks] == ["succeeded", "failed", "succeeded"]
    assert heard == list(zip(batch.tasks, states, strict=True))
    assert [event.state for event in ground.bench.events.of(TaskFinished)][:3] == states


async def test_progress_is_seen_at_once_and_kept_at_the_next_beat() -> None:
    ground, gate = Ground(), Gate()

    async def works(context: ToolContext) -> str:
        context.progress(0.25, "a quarter")
        context.progress(0.5, "half")
        return await gate.pass_through()

    ground.serve(make_tool(works))
    async with at_work(ground) as crew:
        task = await crew.service.submit("works", tenant="x")
        await settled([gate], 1)
        seen = await crew.service.status(task)
        assert (seen.progress, seen.message) == (0.5, "half")
        assert [record.progress for record in await crew.service.list()] == [0.5]
        assert (await ground.store.find(task)).progress == 0.0
        await crew.workers.look_after()
        assert (await ground.store.find(task)).progress == 0.5
        gate.opened.set()
        assert (await crew.ended(task)).message == "half"
    (told,) = ground.bench.events.of(TaskProgressed)
    assert told == TaskProgressed(task=task, tool="works", progress=0.5, message="half", tenant="x")


@pytest.mark.parametrize(
    ("effect", "state", "owner"),
    [("write", "in_doubt", True), ("read", "queued", False), ("idempotent", "queued", False)],
)
async def test_what_runs_when_the_process_closes_is_in_doubt_or_waits_again(
    effect: str, state: TaskState, owner: bool
) -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate, side_effect=effect))
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        await settled([gate], 1)
    record = await ground.store.find(task)
    assert (record.state, gate.broken_off, record.crashes) == (state, 1, 0)
    assert bool(record.owner) is owner
    if state == "in_doubt":
        assert record.finished_at is not None
        assert record.expires_at == record.finished_at + ATTENTION_S
        return
    gate.opened.set()
    async with at_work(ground) as after:
        assert (await after.ended(task)).state == "succeeded"


async def test_waiting_tasks_run_after_a_restart() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    task = await ground.furnish().service.submit("double", {"n": 3})
    async with at_work(ground) as crew:
        assert (await crew.ended(task)).state == "succeeded"


async def left_behind(ground: Ground, tool: str, **more: Any) -> TaskRecord:
    """A task whose process was killed in the middle of it."""
    record = TaskRecord(id=ground.ids.new(), tool=tool, created_at=ground.clock.now(), **more)
    await ground.store.add([record], queue=10)
    now = ground.clock.now()
    repeatable = ("reads",) if tool == "reads" else ()
    claim = Claim(owner="gone", at=now, until=now + 15, release="r-gone", repeatable=repeatable)
    running = await ground.store.claim(claim)
    assert running is not None
    return running


async def reads() -> str:
    return "read"


async def writes() -> str:
    raise AssertionError("a write must not run twice")


async def test_a_task_of_a_killed_process_is_taken_over_when_its_lease_is_over() -> None:
    ground = Ground()
    ground.serve(make_tool(reads, side_effect="read"), make_tool(writes))
    again, doubtful = await left_behind(ground, "reads"), await left_behind(ground, "writes")
    async with at_work(ground) as crew:
        ground.clock.advance(15)
        await crew.workers.look_after()
        assert (await ground.store.find(again.id)).state == "running", "its lease is not over yet"
        ground.clock.advance(0.1)
        await crew.workers.look_after()
        taken, doubt = await crew.ended(again.id), await crew.ended(doubtful.id)
    assert (taken.state, taken.starts, taken.crashes) == ("succeeded", 2, 1)
    assert (doubt.state, doubt.starts) == ("in_doubt", 1)
    assert "may or may not" in doubt.error


async def test_a_task_that_kills_its_process_again_and_again_fails() -> None:
    ground = Ground()
    ground.serve(make_tool(reads, side_effect="read"))
    task = await left_behind(ground, "reads", crashes=MAX_CRASHES - 1)
    async with at_work(ground) as crew:
        ground.clock.advance(16)
        await crew.workers.look_after()
        record = await crew.ended(task.id)
    assert (record.state, record.crashes) == ("failed", MAX_CRASHES)
    assert "died under it 3 times" in record.error


async def test_a_task_left_behind_that_should_have_stopped_does_not_run_again() -> None:
    ground = Ground()
    ground.serve(make_tool(reads, side_effect="read"))
    task = await left_behind(ground, "reads")
    await ground.store.ask_cancel(task.id)
    async with at_work(ground) as crew:
        ground.clock.advance(16)
        await crew.workers.look_after()
        assert (await crew.ended(task.id)).state == "cancelled"


async def test_a_living_process_keeps_its_tasks_however_long_they_take() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate, side_effect="read"))
    other = ground.neighbour()
    other.serve(gated(gate, side_effect="read"))
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        await settled([gate], 1)
        neighbour = other.furnish()
        for _ in range(10):
            ground.clock.advance(10)
            await crew.workers.look_after()
            await neighbour.workers.look_after()
        gate.opened.set()
        assert (await crew.ended(task)).starts == 1


async def test_another_process_can_cancel_and_hear_of_the_end() -> None:
    heard: list[TaskState] = []
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate))
    other = ground.neighbour()
    other.serve(gated(gate))
    async with at_work(ground) as crew:
        neighbour = other.furnish()
        task = await neighbour.service.submit("waits", callback=lambda record: heard.append(record.state))
        crew.workers.wake()
        await settled([gate], 1)
        record = await neighbour.service.cancel(task)
        assert (record.state, record.cancel_asked) == ("running", True)
        await crew.workers.look_after()
        assert (await crew.ended(task)).state == "cancelled"
        with anyio.fail_after(5):
            waiting = asyncio.create_task(neighbour.service.wait(task))
            await neighbour.workers.look_after()
            assert (await waiting).state == "cancelled"
        await neighbour.workers.close()
    assert heard == ["cancelled"]


async def test_a_task_that_was_taken_over_is_broken_off_here_and_its_end_is_not_written() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate, side_effect="read"))
    other = ground.neighbour()
    other.serve(gated(gate, side_effect="read"))
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        await settled([gate], 1)
        ground.clock.advance(16)  # this process stood still for too long
        async with at_work(other) as neighbour:
            await settled([gate], 2)
            await crew.workers.look_after()
            await settled([gate], 2)
            assert gate.broken_off == 1
            assert len(crew.workers) == 0
            gate.opened.set()
            record = await neighbour.ended(task)
    assert (record.state, record.starts) == ("succeeded", 2)
    assert len(ground.bench.events.of(TaskFinished)) == 0


async def test_a_task_that_was_lost_and_begun_here_again_goes_on_once() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate, side_effect="read"))
    other = ground.neighbour()
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        await settled([gate], 1)
        ground.clock.advance(16)  # this process stood still for too long
        await other.furnish().workers.look_after()
        crew.workers.wake()
        await settled([gate], 2)
        await crew.workers.look_after()
        await settled([gate], 2)
        assert (gate.broken_off, len(crew.workers)) == (1, 1)
        gate.opened.set()
        record = await crew.ended(task)
    assert (record.state, record.starts) == ("succeeded", 2)


class Moody(MemoryTaskStore):
    """A store whose database is away for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0

    async def move(self, record: TaskRecord, *, was: TaskState) -> Sequence[TaskRecord]:
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")
        return await super().move(record, was=was)


async def test_an_end_is_written_when_the_database_is_back(caplog: pytest.LogCaptureFixture) -> None:
    store = Moody()
    ground = Ground(store=store)
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        store.failures = 2
        task = await crew.service.submit("double", {"n": 1})
        with anyio.fail_after(5):
            while store.failures == 2:
                await anyio.lowlevel.checkpoint()
            assert (await crew.service.status(task)).state == "running"
            ground.clock.awake.set()
            assert (await crew.ended(task)).state == "succeeded"
    assert "could not be written down" in caplog.text


async def test_draining_begins_nothing_new_and_waits_for_what_runs() -> None:
    ground, gate = Ground(options=ONE), Gate()
    ground.serve(gated(gate))
    async with at_work(ground) as crew:
        running, waiting = [await crew.service.submit("waits") for _ in range(2)]
        await settled([gate], 1)
        draining = asyncio.create_task(crew.service.drain(5))
        await settled([gate], 1)
        assert not draining.done()
        gate.opened.set()
        with anyio.fail_after(5):
            await draining
        assert (await crew.service.status(running)).state == "succeeded"
        await settled([gate], 1)
        assert (await crew.service.status(waiting)).state == "queued"


async def test_a_tool_that_resists_is_in_doubt_when_the_process_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolcrib.execution.tasks.workers.STOP_S", 0.01)
    release = asyncio.Event()
    ground, gate = Ground(), Gate()

    async def stubborn() -> str:
        gate.entered += 1
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "done"

    ground.serve(make_tool(stubborn, timeout_s=None))
    async with at_work(ground) as crew:
        task = await crew.service.submit("stubborn")
        await settled([gate], 1)
        record = await crew.service.cancel(task)
        assert (record.state, record.cancel_asked) == ("running", True)
    assert (await ground.store.find(task)).state == "in_doubt"
    release.set()
    await anyio.lowlevel.checkpoint()
