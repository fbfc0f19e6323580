"""The executor: one call, many calls in order and bounded, and names nobody knows."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import Call
from toolcrib.core.errors import ToolError
from toolcrib.core.events import ToolFinished
from toolcrib.core.policies import Breaker
from toolcrib.core.results import ToolResult
from toolcrib.execution.chain import build_chain
from toolcrib.registry.release import Release
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
ANYBODY = CallContext()


async def echo(x: Any = None) -> Any:
    return x


async def fails() -> None:
    raise ToolError("No.")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ecko", "Did you mean 'echo'?"),
        ("zzzzzz", "Known are: echo, fails."),
        ("", "Known are: echo, fails."),
    ],
)
async def test_an_unknown_tool_is_a_result_with_near_names(name: str, hint: str) -> None:
    bench = Bench()
    release = bench.release(make_tool(echo), make_tool(fails))
    result = await bench.executor.call(release, ToolCall(name=name, id="c"), ANYBODY)
    assert result.error is not None
    assert (result.error.code, result.error.hint, result.attempts) == ("tool_not_found", hint, 0)
    assert (result.tool, result.release, result.call_id) == (name, release.id, "c")
    assert bench.events.events == [ToolFinished(result=result)]


async def test_a_call_without_an_id_is_given_one() -> None:
    bench = Bench()
    release, executor = bench.release(make_tool(echo)), bench.executor
    first = await executor.call(release, ToolCall(name="echo"), ANYBODY)
    second = await executor.call(release, ToolCall(name="nobody"), ANYBODY)
    own = await executor.call(release, ToolCall(name="echo", id="own"), ANYBODY)
    assert first.call_id < second.call_id
    assert own.call_id == "own"


@pytest.mark.parametrize(
    ("context", "own", "deadline"),
    [
        (CallContext(), None, (None, "run")),
        (CallContext(), 30.0, (1_030.0, "tool")),
        (CallContext(timeout_s=5.0), 30.0, (1_005.0, "tool")),
        (CallContext(deadline=1_010.0, deadline_level="iteration"), 30.0, (1_010.0, "iteration")),
        (CallContext(deadline=1_010.0, timeout_s=5.0), None, (1_005.0, "tool")),
    ],
)
async def test_a_calls_deadline_is_known_from_its_beginning(context: CallContext, own: Any, deadline: Any) -> None:
    bench, seen = Bench(), []

    async def chain(call: Call) -> ToolResult:
        seen.append((call.deadline, call.deadline_level))
        return ToolResult(ok=True)

    release = replace(bench.release(make_tool(echo, timeout_s=own)), chains={"echo": chain})
    await bench.executor.call(release, ToolCall(name="echo"), context)
    assert seen == [deadline]


async def test_many_calls_of_none_and_of_one_are_lists_too() -> None:
    bench = Bench()
    release = bench.release(make_tool(echo))
    assert await bench.executor.call_many(release, [], ANYBODY) == []
    (only,) = await bench.executor.call_many(release, [ToolCall(name="echo", args={"x": 1})], ANYBODY)
    assert only.value == 1


@pytest.mark.parametrize("calls", [0, 1, 2])
async def test_a_bound_below_one_is_refused_however_few_the_calls(calls: int) -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="at least 1, not 0"):
        await bench.executor.call_many(Bench().release(), [ToolCall(name="x")] * calls, ANYBODY, max_concurrency=0)


async def test_results_come_in_call_order_whichever_ends_first() -> None:
    gates = [asyncio.Event() for _ in range(5)]

    async def waits(n: int) -> int:
        await gates[n].wait()
        if n:
            gates[n - 1].set()
        return n

    bench = Bench()
    release = bench.release(make_tool(waits))
    gates[-1].set()
    with anyio.fail_after(5):
        calls = [ToolCall(name="waits", args={"n": n}) for n in range(5)]
        results = await bench.executor.call_many(release, calls, ANYBODY)
    assert [result.value for result in results] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), asyncio.CancelledError(), ToolError("no")])
async def test_a_failing_call_neither_sinks_nor_cancels_its_siblings(error: BaseException) -> None:
    failed = asyncio.Event()

    async def breaks() -> None:
        failed.set()
        raise error

    async def goes_on() -> str:
        await failed.wait()
        await anyio.lowlevel.checkpoint()
        return "done"

    bench = Bench()
    release = bench.release(make_tool(breaks), make_tool(goes_on))
    names = ["goes_on", "breaks", "nobody", "goes_on"]
    with anyio.fail_after(5):
        results = await bench.executor.call_many(release, [ToolCall(name=name) for name in names], ANYBODY)
    assert [result.ok for result in results] == [True, False, False, True]


@settings(max_examples=25)
@given(bound=st.integers(1, 8), calls=st.integers(0, 20))
async def test_at_most_so_many_calls_run_at_a_time_and_no_fewer_than_may(bound: int, calls: int) -> None:
    running, peak = 0, 0

    async def counts() -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        running -= 1

    bench = Bench()
    wanted = [ToolCall(name="counts")] * calls
    results = await bench.executor.call_many(bench.release(make_tool(counts)), wanted, ANYBODY, max_concurrency=bound)
    assert [result.ok for result in results] == [True] * calls
    assert peak == min(bound, calls)


async def test_cancelling_many_calls_cancels_each_of_them() -> None:
    waiting, ended = [], []
    all_wait = asyncio.Event()

    async def waits() -> None:
        waiting.append(1)
        if len(waiting) == 3:
            all_wait.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    bench = Bench()
    release: Release = bench.release(make_tool(waits))
    task = asyncio.ensure_future(bench.executor.call_many(release, [ToolCall(name="waits")] * 3, ANYBODY))
    with anyio.fail_after(5):
        await all_wait.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(ended) == 3


async def test_results_come_as_they_are_ready_with_the_place_of_their_call() -> None:
    bench = Bench()
    gates = [asyncio.Event() for _ in range(3)]

    async def waits(number: int) -> int:
        await gates[number].wait()
        return number

    release = bench.release(make_tool(waits, timeout_s=None))
    calls = [ToolCall(name="waits", args={"number": number}) for number in range(3)]
    seen: list[tuple[int, Any]] = []
    gates[2].set()
    with anyio.fail_after(5):
        async for index, result in bench.executor.as_completed(release, calls, ANYBODY):
            seen.append((index, result.value))
            gates[{2: 0, 0: 1}.get(index, 0)].set()
    assert seen == [(2, 2), (0, 0), (1, 1)]


async def test_leaving_the_results_cancels_the_calls_that_are_not_done() -> None:
    bench, cancelled = Bench(), []

    async def waits(number: int) -> int:
        try:
            await (asyncio.sleep(0) if number == 0 else asyncio.Event().wait())
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    release = bench.release(make_tool(waits, timeout_s=None))
    calls = [ToolCall(name="waits", args={"number": number}) for number in range(3)]
    with anyio.fail_after(5):
        async with aclosing(bench.executor.as_completed(release, calls, ANYBODY)) as finished:
            assert (await anext(finished))[0] == 0
    assert sorted(cancelled) == [1, 2]


async def test_a_breaker_that_only_a_tenant_has_hides_the_tool_from_that_tenant() -> None:
    async def search() -> None:
        raise ConnectionError("down")

    bench = Bench()
    plain, careful = make_tool(search), make_tool(search, breaker=Breaker(min_calls=1))
    base = bench.release(plain)
    chain = build_chain(careful, release=base, ports=bench.ports)
    release = replace(base, variants={("search", "", "acme"): (careful, chain)})
    acme, other = CallContext(tenant="acme"), CallContext(tenant="other")
    for who in (acme, other):
        await bench.executor.call(release, ToolCall(name="search"), who)
    assert [bench.executor.hidden(release, who) for who in (acme, other)] == [{"search"}, frozenset()]
