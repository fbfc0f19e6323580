"""Cache: concurrent misses share one run, and nothing else of each other."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import anyio.lowlevel
import pytest

from tests.support import Bench
from tests.unit.execution.policies.cache.counted import ERRORS_KEPT, KEPT, Counted, call, fails
from toolcrib.core.calls import CallContext, ToolContext
from toolcrib.core.chain import Call
from toolcrib.core.errors import ToolError
from toolcrib.core.results import ToolResult
from toolcrib.execution.policies import cache
from toolcrib.runners.threads import ThreadRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class GraphBubbleUp(Exception):
    """Known by its name, as LangGraph's own."""


async def test_what_the_callers_do_to_their_values_changes_no_others() -> None:
    bench, counted = Bench(), Counted(lambda run: [run], held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    for result in await asyncio.gather(*waiting):
        assert result.value == [1]
        result.value.append("changed")
    for _ in range(2):
        hit = await call(bench, release)
        assert (hit.value, hit.cached) == ([1], True)
        hit.value.append("changed")


async def test_concurrent_misses_run_the_tool_once_and_each_has_its_own_result() -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release, id=f"c{n}")) for n in range(5)]
    await counted.running.wait()
    bench.clock.advance(2.0)
    counted.go.set()
    results = await asyncio.gather(*waiting)
    assert counted.runs == 1
    assert [result.call_id for result in results] == ["c0", "c1", "c2", "c3", "c4"]
    assert {(result.cached, result.attempts, result.duration_s) for result in results} == {(False, 1, 2.0)}
    assert bench.cache.stats().entries == 1


async def test_who_shares_a_run_did_not_wait_in_line_for_it() -> None:
    bench = Bench()
    held, counted = Counted(held=True), Counted(held=True)
    other, release = held.release(bench, exclusive="till"), counted.release(bench, exclusive="till")
    holds = asyncio.ensure_future(call(bench, other, x=1))
    await held.running.wait()
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(2)]
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    bench.clock.advance(3.0)
    for one in (held, counted):
        one.go.set()
    assert [result.queued_s for result in await asyncio.gather(holds, *waiting)] == [0.0, 3.0, 0.0]


@pytest.mark.parametrize("context", [{"timeout_s": 0.01}, {"deadline": 1_000.01, "deadline_level": "iteration"}])
@pytest.mark.parametrize("hasty", [0, 1])
async def test_who_has_no_more_time_leaves_the_others_their_result(hasty: int, context: Any) -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench, timeout_s=60.0)
    contexts: list[dict[str, Any]] = [{}, {}]
    contexts[hasty] = context
    waiting = [asyncio.ensure_future(call(bench, release, **each)) for each in contexts]
    late = await waiting[hasty]
    assert late.error is not None
    assert (late.error.code, late.attempts) == ("deadline_exceeded", 1)
    assert f"the {context.get('deadline_level', 'tool')}'s time" in late.error.message
    counted.go.set()
    runs = 1 if hasty else 2  # the second one runs the tool when the first, who ran it, has to leave
    assert (await waiting[1 - hasty]).value == {"run": runs}
    assert counted.runs == runs
    assert (await call(bench, release)).cached


@pytest.mark.parametrize("timeouts", [{"timeout_s": 0.01}, {"timeout_s": None, "attempt_timeout_s": 0.01}])
async def test_when_the_tools_time_is_over_all_hear_of_it_and_it_is_not_kept(timeouts: Any) -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench, **ERRORS_KEPT, **timeouts)
    results = await asyncio.gather(call(bench, release), call(bench, release))
    assert {result.error.code for result in results if result.error} == {"deadline_exceeded"}
    assert (counted.runs, counted.cancelled) == (1, 1)
    assert bench.cache.stats().entries == 0


async def test_when_the_one_who_runs_the_tool_is_cancelled_the_next_one_runs_it() -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench, **ERRORS_KEPT)
    first, second, third = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    counted.go.set()
    assert [(await one).value for one in (second, third)] == [{"run": 2}] * 2
    assert (counted.runs, counted.cancelled) == (2, 1)


async def test_a_cancelled_waiter_leaves_the_run_alone() -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench)
    first, second = [asyncio.ensure_future(call(bench, release)) for _ in range(2)]
    await counted.running.wait()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    counted.go.set()
    assert ((await first).value, counted.runs) == ({"run": 1}, 1)


async def test_the_run_sees_the_first_callers_context_variables() -> None:
    bench = Bench()

    async def look(x: Any = None) -> str:
        return WHO.get()

    release = bench.release(make_tool(look, **KEPT))

    async def asks(name: str) -> Any:
        WHO.set(name)
        return (await call(bench, release)).value

    assert [*await asyncio.gather(asks("first"), asks("second"))] == ["first", "first"]


async def test_a_tool_in_a_thread_is_shared_too() -> None:
    threads = ThreadRunner(workers=2)
    bench, runs, go = Bench(threads=threads), [], threading.Event()

    def look(x: Any = None) -> int:
        runs.append(1)
        go.wait(5)
        return len(runs)

    release = bench.release(make_tool(look, **KEPT))
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    while not runs:
        await anyio.lowlevel.checkpoint()
    go.set()
    assert [result.value for result in await asyncio.gather(*waiting)] == [1, 1, 1]
    threads.close()


async def test_a_failure_reaches_all_who_wait_and_is_not_kept_unless_asked_for() -> None:
    bench, counted = Bench(), Counted(fails(ValueError("broken")), held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    results = await asyncio.gather(*waiting)
    assert [result.error and result.error.message for result in results] == [
        "Tool 'look' failed: ValueError: broken"
    ] * 3
    assert counted.runs == 1
    assert not (await call(bench, release)).cached
    assert counted.runs == 2


async def test_each_waiter_gets_an_error_of_its_own() -> None:
    bench, counted = (
        Bench(),
        Counted(fails(ToolError("No.", hint="Why?", retryable=True, retry_after_s=2.0)), held=True),
    )
    tool = counted.release(bench).tools["look"]
    wrap = cache.link(tool, bench.release(), bench.ports)
    assert wrap is not None

    async def run(call: Call) -> ToolResult:
        await tool.run(call.args, ToolContext(tool="look", call_id="c", release="r"))
        raise AssertionError

    chain = wrap(run)
    one = Call(tool=tool, args={}, id="c", context=CallContext(), began=1_000.0)
    waiting = [asyncio.ensure_future(chain(one)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert len({id(error.__traceback__) for error in errors if isinstance(error, ToolError)}) == 3
    for error in errors:
        assert isinstance(error, ToolError)
        told = (str(error), error.message, error.hint, error.retryable, error.retry_after_s, error.attempts)
        assert told == ("No.", "No.", "Why?", True, 2.0, 1)


async def test_an_interrupt_is_its_callers_own() -> None:
    bench = Bench()
    counted = Counted(lambda run: fails(GraphBubbleUp(f"pause {run}"))(run), held=True)
    release = counted.release(bench, **ERRORS_KEPT)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    raised = await asyncio.gather(*waiting, return_exceptions=True)
    assert sorted(str(error) for error in raised) == ["pause 1", "pause 2", "pause 3"]
    assert str(raised[0]) == "pause 1"
    assert bench.cache.stats().entries == 0


async def test_a_value_there_is_only_one_of_is_neither_shared_nor_kept() -> None:
    bench, counted = Bench(), Counted(lambda run: threading.Lock(), held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    values = [result.value for result in await asyncio.gather(*waiting)]
    assert len({id(value) for value in values}) == counted.runs == 3
    assert bench.cache.stats().entries == 0
