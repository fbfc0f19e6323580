"""Deadlines: the nearest one ends the call and is named in the error; an attempt has one of its own."""

import asyncio
from typing import Any

import anyio
import pytest

from tests.support import Bench, InlineWorkers
from toolcrib.core.calls import CallContext, ToolCall, ToolContext
from toolcrib.core.chain import Call
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.policies import Retry
from toolcrib.core.results import ToolResult
from toolcrib.testing import FakeClock, make_tool

pytestmark = pytest.mark.anyio
SOON = 0.01
READ: dict[str, Any] = {"side_effect": "read"}


async def hangs() -> None:
    await asyncio.Event().wait()


async def call(bench: Bench, context: CallContext, **policy: Any) -> ToolResult:
    with anyio.fail_after(5):
        return await bench.executor.call(bench.release(make_tool(hangs, **policy)), ToolCall(name="hangs"), context)


@pytest.mark.parametrize(
    ("context", "policy", "level"),
    [
        (CallContext(), {"timeout_s": SOON}, "tool"),
        (CallContext(timeout_s=SOON), {"timeout_s": 60.0}, "tool"),
        (CallContext(timeout_s=SOON), {"timeout_s": None}, "tool"),
        (CallContext(deadline=1_000 + SOON), {"timeout_s": 60.0}, "run"),
        (CallContext(deadline=1_000 + SOON, deadline_level="iteration"), {"timeout_s": None}, "iteration"),
        (CallContext(deadline=1_060.0), {"timeout_s": SOON}, "tool"),
        (CallContext(deadline=1_060.0, timeout_s=60.0), {"attempt_timeout_s": SOON}, "attempt"),
        (CallContext(deadline=1_000 + SOON), {"attempt_timeout_s": 60.0}, "run"),
        (CallContext(), {"attempt_timeout_s": SOON, "timeout_s": None}, "attempt"),
    ],
)
async def test_the_nearest_deadline_ends_the_call_and_is_named(
    context: CallContext, policy: dict[str, Any], level: str
) -> None:
    result = await call(Bench(), context, **policy)
    assert result.error is not None
    assert (result.error.code, result.attempts) == ("deadline_exceeded", 1)
    assert f"Tool 'hangs' was stopped after 0.01 s: the {level}'s time is over." == result.error.message
    assert result.error.retryable


@pytest.mark.parametrize("level", ["run", "iteration"])
async def test_a_turn_that_is_over_tells_the_model_to_answer_with_what_it_knows(level: str) -> None:
    assert "answer with what is known" in DeadlineExceeded.of("t", level, 1.0).hint
    assert "raise the limit" in DeadlineExceeded.of("t", "tool", 1.0).hint


@pytest.mark.parametrize("deadline", [1_000.0, 999.0, 0.0])
async def test_a_call_after_its_callers_deadline_is_not_started(deadline: float) -> None:
    ran: list[bool] = []

    async def never() -> None:
        ran.append(True)

    bench = Bench()
    context = CallContext(deadline=deadline, deadline_level="iteration")
    retry = {"retry": Retry(attempts=5), **READ}
    result = await bench.executor.call(bench.release(make_tool(never, **retry)), ToolCall(name="never"), context)
    assert result.error is not None
    assert (result.error.code, result.attempts, ran) == ("deadline_exceeded", 0, [])
    assert "the iteration's time is over" in result.error.message
    assert bench.clock.sleeps == []


async def test_a_timeout_the_tool_raises_itself_is_not_taken_for_a_deadline() -> None:
    async def gives_up() -> None:
        raise TimeoutError("database")

    bench = Bench()
    tool = make_tool(gives_up, timeout_s=60, attempt_timeout_s=30)
    result = await bench.executor.call(bench.release(tool), ToolCall(name="gives_up"), CallContext())
    assert result.error is not None
    assert result.error.code == "tool_failed"
    assert "database" in result.error.message


async def test_a_tool_without_any_limit_runs_as_long_as_it_likes() -> None:
    async def asks(context: ToolContext) -> float | None:
        return context.timeout_s

    bench = Bench()
    result = await bench.executor.call(
        bench.release(make_tool(asks, timeout_s=None)), ToolCall(name="asks"), CallContext()
    )
    assert result.value is None
    assert result.ok


@pytest.mark.parametrize(
    ("policy", "context", "left"),
    [
        ({"timeout_s": 30.0}, CallContext(), 30.0),
        ({"timeout_s": 30.0, "attempt_timeout_s": 5.0}, CallContext(), 5.0),
        ({"timeout_s": 30.0, "attempt_timeout_s": 5.0}, CallContext(deadline=1_002.0), 2.0),
        ({"timeout_s": 30.0}, CallContext(timeout_s=7.0), 7.0),
    ],
)
async def test_a_tool_can_see_how_much_time_is_left(policy: dict[str, Any], context: CallContext, left: float) -> None:
    async def asks(context: ToolContext) -> float | None:
        return context.timeout_s

    bench = Bench()
    result = await bench.executor.call(bench.release(make_tool(asks, **policy)), ToolCall(name="asks"), context)
    assert result.value == left


async def test_an_attempt_that_times_out_is_tried_again_when_that_is_harmless() -> None:
    bench = Bench()
    policy: dict[str, Any] = {"attempt_timeout_s": SOON, "retry": Retry(attempts=3, retry_on=())}
    result = await call(bench, CallContext(), **policy, **READ)
    assert result.error is not None
    assert "the attempt's time is over" in result.error.message
    assert (result.attempts, len(bench.clock.sleeps)) == (3, 2)
    assert (await call(Bench(), CallContext(), **policy)).attempts == 1


async def test_the_error_of_a_deadline_counts_the_attempts_before_it() -> None:
    tries: list[int] = []

    async def stumbles() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError
        await hangs()

    bench = Bench()
    tool = make_tool(stumbles, timeout_s=0.2, retry=Retry(attempts=9, base_s=0.001), **READ)
    with anyio.fail_after(5):
        result = await bench.executor.call(bench.release(tool), ToolCall(name="stumbles"), CallContext())
    assert result.error is not None
    assert result.error.code == "deadline_exceeded"
    assert result.attempts == 3


async def test_time_spent_before_the_link_counts() -> None:
    bench, tool = Bench(), make_tool(hangs, timeout_s=60.0)
    late = Call(tool=tool, args={}, id="c", context=CallContext(), began=940.0, deadline=1_000.0, deadline_level="tool")
    with anyio.fail_after(5):
        result = await bench.chain(tool)(late)
    assert result.error is not None
    assert (result.error.code, result.attempts) == ("deadline_exceeded", 0)


class SlowToStart(InlineWorkers):
    """Workers that take their time to be there."""

    def __init__(self, bench_clock: FakeClock, seconds: float) -> None:
        self._clock, self._seconds = bench_clock, seconds

    async def ready(self, release: str) -> None:
        self._clock.advance(self._seconds)


@pytest.mark.parametrize(
    ("context", "left"), [(CallContext(), 2.0), (CallContext(deadline=1_006.0), 1.0), (CallContext(timeout_s=5.5), 0.5)]
)
async def test_the_time_of_a_tool_in_a_worker_begins_when_there_is_a_worker(context: CallContext, left: float) -> None:
    async def asks(context: ToolContext) -> float | None:
        return context.timeout_s

    clock = FakeClock()
    bench = Bench(clock=clock, processes=SlowToStart(clock, 5.0))
    tool = make_tool(asks, isolation="process", timeout_s=2.0)
    assert (await bench.executor.call(bench.release(tool), ToolCall(name="asks"), context)).value == left


async def test_a_caller_does_not_wait_for_a_worker_longer_than_it_has() -> None:
    class Never(InlineWorkers):
        async def ready(self, release: str) -> None:
            await asyncio.Event().wait()

    bench = Bench(processes=Never())
    result = await call(bench, CallContext(deadline=1_000 + SOON), isolation="process", timeout_s=None)
    assert result.error is not None
    assert (result.error.code, result.attempts) == ("deadline_exceeded", 0)
    assert "the run's time is over" in result.error.message
