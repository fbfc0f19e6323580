"""The thread runner: bounded, carries context, counts what it cannot stop, and never takes the process down."""

import asyncio
import contextvars
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import RunnerSaturated
from toolcrib.core.ports import Runner
from toolcrib.runners.pool import PoolStats
from toolcrib.runners.threads import ThreadRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
CONTEXT = ToolContext(tool="t", call_id="c", release="r")
WHO = contextvars.ContextVar("WHO", default="nobody")


@contextmanager
def pool(workers: int = 1, **sizing: Any) -> Iterator[ThreadRunner]:
    runner = ThreadRunner(workers=workers, **sizing)
    try:
        yield runner
    finally:
        runner.close()


async def run(runner: Runner, function: Any, **args: Any) -> Any:
    with anyio.fail_after(5):
        return await runner.run(make_tool(function), args, CONTEXT)


class Gate:
    """A tool that says when it runs and goes on when it is let."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.began = asyncio.Event()
        self.thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self._loop.call_soon_threadsafe(self.began.set)
        assert self.opened.wait(5)
        return "done"

    @property
    def tool(self) -> Any:
        def waits() -> str:
            return self()

        return waits


async def abandon(runner: ThreadRunner, gate: Gate) -> None:
    """Begin a call and cancel it while its thread is busy."""
    task = asyncio.ensure_future(run(runner, gate.tool))
    with anyio.fail_after(5):
        await gate.began.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def freed(runner: ThreadRunner, *, abandoned: int = 0) -> None:
    with anyio.fail_after(5):
        while runner.abandoned != abandoned:
            await anyio.lowlevel.checkpoint()


async def test_a_tool_runs_in_a_daemon_thread_of_its_own_name() -> None:
    def where() -> threading.Thread:
        return threading.current_thread()

    with pool() as runner:
        thread = await run(runner, where)
    assert thread is not threading.current_thread()
    assert thread.daemon
    assert thread.name.startswith("toolcrib-tool-")


async def test_context_variables_are_carried_into_the_thread_and_not_back() -> None:
    def who() -> str:
        before = WHO.get()
        WHO.set("tool")
        return before

    with pool() as runner:
        WHO.set("ada")
        assert await run(runner, who) == "ada"
        assert await run(runner, who) == "ada"
    assert WHO.get() == "ada"


async def test_idle_threads_are_used_again() -> None:
    def where() -> int:
        return threading.get_ident()

    with pool(workers=4) as runner:
        assert len({await run(runner, where) for _ in range(10)}) == 1


async def test_as_many_calls_run_at_once_as_there_are_workers_and_no_more() -> None:
    running, peak, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def counts() -> None:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        together.wait(5)
        with lock:
            running -= 1

    with pool(workers=3) as runner, anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(run, runner, counts)
    assert peak == 3


async def threads_of(runner: ThreadRunner, count: int) -> list[threading.Thread]:
    """So many calls at once, each in a thread of its own; the threads, which rest when this returns."""
    together, found = threading.Barrier(count), []

    def meets() -> None:
        together.wait(5)
        found.append(threading.current_thread())

    await asyncio.gather(*(run(runner, meets) for _ in range(count)))
    return found


async def test_threads_that_rest_too_long_end_down_to_the_minimum() -> None:
    with pool(workers=4, min_workers=1, idle_s=30.0) as runner:
        resting = await threads_of(runner, 3)
        for now in (100.0, 129.9):
            runner.trim(now)
        assert (runner.stats.size, runner.stats.ended) == (3, 0)
        runner.trim(130.0)
        assert runner.stats == PoolStats(size=1, busy=0, waiting=0, started=3, ended=2)
        with anyio.fail_after(5):
            while sum(thread.is_alive() for thread in resting) > 1:
                await anyio.lowlevel.checkpoint()
        runner.trim(1_000.0)
        assert runner.stats.size == 1


async def test_a_thread_that_works_now_and_then_stays_and_the_others_go() -> None:
    def where() -> threading.Thread:
        return threading.current_thread()

    with pool(workers=4, idle_s=30.0) as runner:
        resting = await threads_of(runner, 3)
        runner.trim(0.0)
        used = await run(runner, where)
        runner.trim(29.0)
        runner.trim(30.0)
        assert runner.stats.size == 1
        with anyio.fail_after(5):
            while sum(thread.is_alive() for thread in resting) > 1:
                await anyio.lowlevel.checkpoint()
        assert used.is_alive()
        assert await run(runner, where) is used


async def test_a_pool_that_has_shrunk_grows_again() -> None:
    with pool(workers=3, idle_s=1.0) as runner:
        await threads_of(runner, 3)
        runner.trim(0.0)
        runner.trim(1.0)
        assert runner.stats.size == 0
        assert len(set(await threads_of(runner, 3))) == 3
        assert runner.stats == PoolStats(size=3, busy=0, waiting=0, started=6, ended=3)


async def test_busy_and_abandoned_threads_and_waiting_calls_are_counted_and_never_ended() -> None:
    with pool(workers=2, idle_s=1.0) as runner:
        gates = [Gate(), Gate()]
        await abandon(runner, gates[0])
        busy = asyncio.ensure_future(run(runner, gates[1].tool))
        with anyio.fail_after(5):
            await gates[1].began.wait()
        waits = asyncio.ensure_future(run(runner, gates[1].tool))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        for now in (0.0, 100.0):
            runner.trim(now)
        assert runner.stats == PoolStats(size=2, busy=2, waiting=1, started=2, ended=0)
        for gate in gates:
            gate.opened.set()
        assert [await busy, await waits] == ["done", "done"]
        await freed(runner)
        assert (runner.stats.busy, runner.stats.waiting) == (0, 0)


class OddError(BaseException): ...


@pytest.mark.parametrize("error", [ValueError("v"), TimeoutError("t"), RunnerSaturated("inner")])
async def test_an_exception_of_the_tool_reaches_the_caller_as_it_is(error: Exception) -> None:
    def breaks() -> None:
        raise error

    with pool() as runner:
        with pytest.raises(type(error)) as caught:
            await run(runner, breaks)
        assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [
        StopIteration("s"),
        SystemExit(3),
        KeyboardInterrupt("k"),
        GeneratorExit("g"),
        asyncio.CancelledError("c"),
        OddError("o"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_a_future_cannot_carry_comes_as_a_runtime_error_and_the_thread_lives_on(
    error: BaseException,
) -> None:
    def breaks() -> None:
        raise error

    def where() -> int:
        return threading.get_ident()

    with pool() as runner:
        before = await run(runner, where)
        with pytest.raises(RuntimeError, match=f"^{type(error).__name__}: {error}$") as caught:
            await run(runner, breaks)
        assert caught.value.__cause__ is error
        assert await run(runner, where) == before
        assert runner.abandoned == 0


async def test_a_cancelled_call_is_abandoned_counted_and_freed_when_its_tool_returns() -> None:
    with pool(workers=2) as runner:
        gates = [Gate(), Gate()]
        await abandon(runner, gates[0])
        assert runner.abandoned == 1
        await abandon(runner, gates[1])
        assert runner.abandoned == 2
        gates[0].opened.set()
        await freed(runner, abandoned=1)
        gates[1].opened.set()
        await freed(runner)


async def test_a_pool_full_of_abandoned_calls_refuses_at_once_and_serves_again_later() -> None:
    ran: list[int] = []

    def works() -> str:
        ran.append(1)
        return "done"

    with pool() as runner:
        gate = Gate()
        await abandon(runner, gate)
        with pytest.raises(RunnerSaturated, match="All 1 worker threads") as caught:
            await run(runner, works)
        assert (caught.value.started, caught.value.retryable, ran) == (False, True, [])
        gate.opened.set()
        await freed(runner)
        assert await run(runner, works) == "done"


async def test_a_call_cancelled_while_it_waits_for_a_worker_takes_no_place() -> None:
    with pool() as runner:
        gate = Gate()
        busy = asyncio.ensure_future(run(runner, gate.tool))
        with anyio.fail_after(5):
            await gate.began.wait()
            with anyio.move_on_after(0.01) as scope:
                await runner.run(make_tool(gate.tool), {}, CONTEXT)
            assert scope.cancelled_caught
            assert runner.abandoned == 0
            gate.opened.set()
            assert await busy == "done"
        assert await run(runner, gate.tool) == "done"


async def test_the_result_of_an_abandoned_call_disturbs_nobody() -> None:
    def fails_late() -> None:
        assert gate.opened.wait(5)
        raise ValueError("late")

    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
    with pool() as runner:
        gate = Gate()
        task = asyncio.ensure_future(run(runner, fails_late))
        with anyio.fail_after(5):
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            task.cancel()
            await asyncio.wait([task])
        gate.opened.set()
        await freed(runner)
    assert task.cancelled()
    assert problems == []


async def test_a_coroutine_that_a_plain_wrapper_returns_is_awaited_on_the_loop() -> None:
    async def inner() -> threading.Thread:
        return threading.current_thread()

    @wraps(inner)
    def wrapper() -> Coroutine[Any, Any, threading.Thread]:
        return inner()

    with pool() as runner:
        assert await run(runner, wrapper) is threading.current_thread()


async def test_closing_ends_idle_threads_at_once_and_busy_ones_after_their_tool() -> None:
    def where() -> threading.Thread:
        return threading.current_thread()

    runner = ThreadRunner(workers=2)
    gate = Gate()
    busy = asyncio.ensure_future(run(runner, gate.tool))
    with anyio.fail_after(5):
        await gate.began.wait()
        idle = await run(runner, where)
        runner.close()
        idle.join(5)
        assert not idle.is_alive()
        gate.opened.set()
        assert await busy == "done"
    assert gate.thread is not None
    gate.thread.join(5)
    assert not gate.thread.is_alive()


def test_a_loop_that_is_gone_when_the_tool_returns_costs_nothing_but_its_result() -> None:
    opened, ended = threading.Event(), threading.Event()

    def waits() -> None:
        assert opened.wait(5)
        ended.set()

    async def give_up() -> ThreadRunner:
        runner = ThreadRunner(workers=1)
        with anyio.move_on_after(0.01):
            await runner.run(make_tool(waits), {}, CONTEXT)
        return runner

    runner = asyncio.run(give_up())
    runner.close()
    opened.set()
    assert ended.wait(5)
