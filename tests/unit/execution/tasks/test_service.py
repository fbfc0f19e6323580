"""What callers ask of background tasks: submit, batches, keys, waiting, results, cancelling, callbacks."""

import asyncio
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.unit.execution.tasks.grounds import Crew, Gate, Ground, at_work
from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import (
    ArgumentsInvalid,
    Conflict,
    QueueFull,
    ReleaseNotFound,
    TaskNotFound,
    ToolError,
    ToolNotFound,
)
from toolcrib.core.events import TaskFinished, TaskStarted
from toolcrib.core.policies import Output
from toolcrib.core.tasks import TaskRecord
from toolcrib.execution.tasks.ports import TaskOptions
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


async def double(n: int) -> int:
    return n * 2


async def refuses() -> None:
    raise ToolError("It is closed.", hint="Come back.")


DOUBLE, REFUSES = make_tool(double), make_tool(refuses)


def gated(gate: Gate, **policy: Any) -> Any:
    async def waits() -> str:
        return await gate.pass_through()

    return make_tool(waits, **policy)


async def test_a_task_runs_and_its_result_is_kept() -> None:
    ground = Ground()
    release = ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        task = await crew.service.submit("double", {"n": 4}, tenant="x")
        record = await crew.ended(task)
        assert (record.state, record.progress, record.release, record.tenant) == ("succeeded", 1.0, release, "x")
        result = await crew.service.result(task)
        assert (result.ok, result.value, result.release, result.call_id) == (True, 8, release, task)
    (started,), (finished,) = ground.bench.events.of(TaskStarted), ground.bench.events.of(TaskFinished)
    assert started == TaskStarted(task=task, tool="double", release=release, tenant="x")
    assert finished == TaskFinished(task=task, tool="double", state="succeeded", release=release, tenant="x")


async def test_a_tool_that_fails_makes_a_failed_task_with_a_result() -> None:
    ground = Ground()
    ground.serve(REFUSES)
    async with at_work(ground) as crew:
        task = await crew.service.submit("refuses")
        record = await crew.ended(task)
        assert (record.state, record.error) == ("failed", "tool_error: It is closed.")
        result = await crew.service.result(task)
        assert result.error is not None
        assert (result.ok, result.error.code, result.error.hint) == (False, "tool_error", "Come back.")


async def test_what_cannot_run_is_refused_before_it_is_kept() -> None:
    ground = Ground()
    crew = ground.furnish()
    with pytest.raises(ReleaseNotFound):
        await crew.service.submit("double", {"n": 1})
    ground.serve(DOUBLE)
    with pytest.raises(ToolNotFound) as unknown:
        await crew.service.submit("doubel", {"n": 1})
    assert "double" in unknown.value.hint
    with pytest.raises(ArgumentsInvalid):
        await crew.service.submit("double", {"m": 1})
    assert await crew.service.list() == []


async def test_a_batch_with_one_bad_call_is_refused_whole_and_names_it() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    crew = ground.furnish()
    with pytest.raises(ArgumentsInvalid, match="Call 1: "):
        await crew.service.submit_batch([ToolCall(name="double", args={"n": 1}), ToolCall(name="double")])
    with pytest.raises(ToolNotFound, match="Call 0: "):
        await crew.service.submit_batch([ToolCall(name="nothing")])
    assert await crew.service.list() == []


async def test_a_batch_gives_its_tasks_in_the_order_of_its_calls() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        batch = await crew.service.submit_batch([ToolCall(name="double", args={"n": n}) for n in range(5)])
        values = [(await crew.service.result((await crew.ended(task)).id)).value for task in batch.tasks]
        assert values == [0, 2, 4, 6, 8]
        assert {record.id for record in await crew.service.list(batch=batch.id)} == set(batch.tasks)


async def test_an_empty_batch_is_a_batch() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    assert (await ground.furnish().service.submit_batch([])).tasks == ()


async def test_the_same_key_is_the_same_task_and_the_same_batch() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    crew = ground.furnish()
    first = await crew.service.submit("double", {"n": 1}, key="k")
    assert await crew.service.submit("double", {"n": 1}, key="k") == first
    assert await crew.service.submit("double", {"n": 1}, key="k", tenant="x") != first
    with pytest.raises(Conflict):
        await crew.service.submit("double", {"n": 2}, key="k")
    calls = [ToolCall(name="double", args={"n": n}) for n in range(3)]
    batch = await crew.service.submit_batch(calls, key="b")
    assert await crew.service.submit_batch(calls, key="b") == batch
    assert len(await crew.service.list()) == 5


async def test_a_full_queue_refuses_with_a_clear_error() -> None:
    ground = Ground(options=TaskOptions(queue=2))
    ground.serve(DOUBLE)
    crew = ground.furnish()
    await crew.service.submit("double", {"n": 1})
    with pytest.raises(QueueFull, match="No more than 2 tasks may wait"):
        await crew.service.submit_batch([ToolCall(name="double", args={"n": 1})] * 2)
    await crew.service.submit("double", {"n": 1})


async def test_a_waiting_task_that_is_cancelled_never_begins() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate))
    crew = ground.furnish()
    task = await crew.service.submit("waits")
    assert (await crew.service.cancel(task)).state == "cancelled"
    assert (await crew.service.cancel(task)).state == "cancelled", "a second time changes nothing"
    async with at_work(ground) as working:
        other = await working.service.submit("waits")
        gate.opened.set()
        await working.ended(other)
    assert gate.entered == 1
    assert (await crew.service.status(task)).started_at is None
    assert [event.state for event in ground.bench.events.of(TaskFinished)] == ["cancelled", "succeeded"]


async def test_a_running_task_that_is_cancelled_is_broken_off() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate))
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        with anyio.fail_after(5):
            await gate.began.wait()
            record = await crew.service.cancel(task)
        assert (record.state, gate.broken_off) == ("cancelled", 1)
        assert record.finished_at is not None
        with pytest.raises(Conflict, match="is cancelled"):
            await crew.service.result(task)
        assert len(crew.workers) == 0
    assert not ground.registry.census()[ground.registry.current.release.id], "its lease is over"


async def test_what_has_ended_otherwise_cannot_be_cancelled() -> None:
    ground = Ground()
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        task = await crew.service.submit("double", {"n": 1})
        await crew.ended(task)
        with pytest.raises(Conflict, match="it is succeeded"):
            await crew.service.cancel(task)
    with pytest.raises(TaskNotFound):
        await crew.service.cancel("ghost")


async def test_waiting_ends_with_its_time_and_tells_how_the_task_is_then() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate))
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        with anyio.fail_after(5):
            assert (await crew.service.wait(task, timeout_s=0.001)).ended is False
            with pytest.raises(TaskNotFound):
                await crew.service.wait("ghost")
        with pytest.raises(Conflict, match="has no result"):
            await crew.service.result(task)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_callback_hears_of_the_end_once(is_async: bool) -> None:
    heard: list[TaskRecord] = []

    async def awaited(record: TaskRecord) -> None:
        await anyio.lowlevel.checkpoint()
        heard.append(record)

    ground = Ground()
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        callback = awaited if is_async else heard.append
        task = await crew.service.submit("double", {"n": 1}, callback=callback)
        record = await crew.ended(task)
        await crew.workers.look_after()
    assert heard == [record]
    assert (await ground.store.find(task)).callback_error == ""


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_callback_that_fails_is_logged_and_noted_and_harms_nothing(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(record: TaskRecord) -> None:
        raise ValueError("no such mailbox")

    async def broken_later(record: TaskRecord) -> None:
        await anyio.lowlevel.checkpoint()
        broken(record)

    ground = Ground()
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        callback = broken_later if is_async else broken
        task = await crew.service.submit("double", {"n": 1}, callback=callback)
        await crew.ended(task)
        await crew.ended(await crew.service.submit("double", {"n": 2}))
    record = await ground.store.find(task)
    assert (record.state, record.callback_error) == ("succeeded", "ValueError: no such mailbox")
    assert "task callback failed" in caplog.text


async def test_a_callback_that_was_never_called_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    ground = Ground(options=TaskOptions(workers=1))
    ground.serve(DOUBLE)
    crew = ground.furnish()
    task = await crew.service.submit("double", {"n": 1}, callback=lambda record: None)
    await crew.workers.close()
    assert "closed before" in (await ground.store.find(task)).callback_error
    assert "task callback lost" in caplog.text


async def test_each_submitter_of_one_key_is_called_back() -> None:
    heard: list[str] = []
    ground = Ground()
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        task = await crew.service.submit("double", {"n": 1}, key="k", callback=lambda record: heard.append("first"))
        await crew.service.submit("double", {"n": 1}, key="k", callback=lambda record: heard.append("second"))
        await crew.ended(task)
        await crew.service.submit("double", {"n": 1}, key="k", callback=lambda record: heard.append("late"))
    assert sorted(heard) == ["first", "late", "second"]


async def test_a_refused_task_calls_nobody_back() -> None:
    heard: list[TaskRecord] = []
    ground = Ground(options=TaskOptions(queue=1))
    ground.serve(DOUBLE)
    crew = ground.furnish()
    await crew.service.submit("double", {"n": 1})
    with pytest.raises(QueueFull):
        await crew.service.submit("double", {"n": 1}, callback=heard.append)
    await crew.workers.close()
    assert heard == []


async def test_tasks_expire_some_time_after_their_end() -> None:
    ground = Ground(options=TaskOptions(ttl_s=100))
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        short = await crew.service.submit("double", {"n": 1}, ttl_s=10)
        long = await crew.service.submit("double", {"n": 1})
        await crew.ended(short)
        await crew.ended(long)
        ground.clock.advance(10)
        await crew.workers.look_after()
        assert [record.id for record in await crew.service.list()] == [long]
        ground.clock.advance(89.9)
        await crew.workers.look_after()
        assert (await crew.service.result(long)).value == 2
        ground.clock.advance(0.1)
        await crew.workers.look_after()
        with pytest.raises(TaskNotFound):
            await crew.service.status(long)


async def test_a_task_that_outlives_its_artifact_does_not_show_the_handle() -> None:
    async def report() -> str:
        return "x" * 500

    ground = Ground()
    ground.serve(make_tool(report, output=Output(max_chars=100, excess="store")))
    async with at_work(ground) as crew:
        task = await crew.service.submit("report", tenant="acme")
        await crew.ended(task)
        kept = await crew.service.result(task)
        assert (await ground.bench.artifacts.read(kept.artifact, tenant="acme")).text == "x" * 500
        ground.bench.clock.advance(3600)
        (listed,) = await crew.service.list()
        for shown in (await crew.service.result(task), listed.tool_result()):
            assert (shown.artifact, shown.ok) == ("", True)
            assert shown.value.endswith("[Cut: these are 100 of 500 characters. The rest is no longer kept.]")


async def test_arguments_are_checked_as_they_are_kept() -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    ground = Ground()
    ground.serve(DOUBLE)
    async with at_work(ground) as crew:
        task = await crew.service.submit("double", {"n": (1, 2)})
        assert (await crew.service.status(task)).args == {"n": [1, 2]}
        with pytest.raises(ArgumentsInvalid, match="JSON"):
            await crew.service.submit("double", {"n": Mute()})


async def racing(crew: Crew, task: str) -> str:
    try:
        return (await crew.service.cancel(task)).state
    except Conflict:
        return "conflict"


async def test_of_many_who_cancel_at_once_all_see_the_same_end() -> None:
    ground, gate = Ground(), Gate()
    ground.serve(gated(gate))
    async with at_work(ground) as crew:
        task = await crew.service.submit("waits")
        with anyio.fail_after(5):
            states = await asyncio.gather(*[racing(crew, task) for _ in range(5)])
    assert set(states) == {"cancelled"}
    assert gate.entered == gate.broken_off
