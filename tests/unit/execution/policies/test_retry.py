"""Retry: only what is safe to repeat and worth it, with full jitter, never beyond the deadline."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall, ToolContext
from toolcrib.core.errors import CallFailed, Conflict, RunnerSaturated, ToolError
from toolcrib.core.policies import Retry
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.testing import FakeRandom, make_tool

pytestmark = pytest.mark.anyio


class SubConnectionError(ConnectionResetError): ...


class NotStartedButHopeless(CallFailed):
    code = "hopeless"
    started = False
    attempts = 0


def failing(error: Callable[[], Exception], *, times: int = 99, **policy: Any) -> tuple[Tool, list[int]]:
    """A tool that fails so many times, and the list of the attempts it saw."""
    seen: list[int] = []

    async def fails(context: ToolContext) -> str:
        seen.append(context.attempt)
        if len(seen) <= times:
            raise error()
        return "done"

    return make_tool(fails, **policy), seen


async def call(bench: Bench, tool: Tool, context: CallContext | None = None) -> ToolResult:
    return await bench.executor.call(bench.release(tool), ToolCall(name=tool.name), context or CallContext())


@pytest.mark.parametrize(
    ("error", "passing", "started"),
    [
        (ConnectionError, True, True),
        (SubConnectionError, True, True),
        (TimeoutError, True, True),
        (lambda: ToolError("busy", retryable=True), True, True),
        (lambda: Conflict("clash"), True, True),
        (lambda: RunnerSaturated("full"), True, False),
        (ValueError, False, True),
        (lambda: ToolError("no such order"), False, True),
        (lambda: NotStartedButHopeless("no"), False, False),
        (lambda: Exception("ConnectionError: timed out, please retry"), False, True),
    ],
    ids=["named", "subclass", "timeout", "retryable", "conflict", "not-started", "other", "final", "hopeless", "words"],
)
@pytest.mark.parametrize("side_effect", ["none", "read", "idempotent", "write"])
async def test_what_is_repeated_depends_on_the_side_effect_the_type_and_whether_it_began(
    side_effect: str, error: Callable[[], Exception], passing: bool, started: bool
) -> None:
    bench = Bench()
    tool, seen = failing(error, retry=Retry(attempts=3), side_effect=side_effect)
    result = await call(bench, tool)
    repeated = passing and (side_effect != "write" or not started)
    assert seen == ([1, 2, 3] if repeated else [1])
    assert len(bench.clock.sleeps) == len(seen) - 1
    assert result.attempts == (len(seen) if started else 0)
    assert not result.ok


@pytest.mark.parametrize("side_effect", ["read", "write"])
async def test_the_attempts_of_a_mixed_history_are_those_that_reached_the_tool(side_effect: str) -> None:
    history = [RunnerSaturated("full"), ConnectionError(), RunnerSaturated("full"), RunnerSaturated("full")]
    tool, seen = failing(lambda: history[len(seen) - 1], retry=Retry(attempts=4), side_effect=side_effect)
    result = await call(Bench(), tool)
    assert len(seen) == (4 if side_effect == "read" else 2)
    assert result.attempts == 1


async def test_a_success_tells_how_often_the_tool_ran_and_how_long_it_all_took() -> None:
    bench = Bench()
    tool, _ = failing(ConnectionError, times=2, retry=Retry(attempts=5, base_s=1.0), side_effect="read")
    result = await call(bench, tool)
    assert (result.ok, result.value, result.attempts) == (True, "done", 3)
    assert result.duration_s == sum(bench.clock.sleeps) == 3.0


@pytest.mark.parametrize(
    "retry_on", [("ConnectionError",), ("SubConnectionError",), (f"{__name__}.SubConnectionError",)]
)
async def test_types_can_be_given_by_name(retry_on: tuple[str, ...]) -> None:
    tool, seen = failing(SubConnectionError, retry=Retry(attempts=2, retry_on=retry_on), side_effect="read")
    await call(Bench(), tool)
    assert seen == [1, 2]


@pytest.mark.parametrize("retry_on", [("NectionError",), ("KeyError",), ()])
async def test_a_name_must_be_the_whole_name(retry_on: tuple[str, ...]) -> None:
    tool, seen = failing(SubConnectionError, retry=Retry(attempts=2, retry_on=retry_on), side_effect="read")
    await call(Bench(), tool)
    assert seen == [1]


@given(
    attempts=st.integers(2, 20),
    base_s=st.floats(0.001, 100),
    cap_s=st.floats(0.001, 100),
    fraction=st.floats(0, 1),
)
async def test_waits_have_full_jitter_below_a_doubling_bound(
    attempts: int, base_s: float, cap_s: float, fraction: float
) -> None:
    bench = Bench(random=FakeRandom(fraction))
    policy = Retry(attempts=attempts, base_s=base_s, cap_s=cap_s)
    tool, _ = failing(ConnectionError, retry=policy, side_effect="none", timeout_s=None)
    await call(bench, tool)
    assert bench.random.drawn == [(0.0, min(cap_s, base_s * 2**n)) for n in range(attempts - 1)]
    assert bench.clock.sleeps == [fraction * high for _, high in bench.random.drawn]


async def test_the_wait_a_tool_asks_for_is_honoured_even_above_the_cap() -> None:
    bench = Bench()
    policy: dict[str, Any] = {"retry": Retry(attempts=2, cap_s=1.0), "side_effect": "read"}
    tool, _ = failing(lambda: ToolError("busy", retryable=True, retry_after_s=12.0), **policy)
    await call(bench, tool)
    assert bench.clock.sleeps == [12.0]
    assert bench.random.drawn == []


@pytest.mark.parametrize("asked", [-1.0, None, "soon"])
async def test_a_wait_that_makes_no_sense_is_replaced_by_our_own(asked: Any) -> None:
    error = ToolError("busy", retryable=True, retry_after_s=asked)
    bench = Bench()
    tool, _ = failing(lambda: error, retry=Retry(attempts=2, base_s=0.5), side_effect="read")
    await call(bench, tool)
    assert bench.clock.sleeps == [0.5]


@pytest.mark.parametrize(("asked", "sleeps"), [(29.9, [29.9]), (30.0, []), (3_600.0, [])])
async def test_a_wait_that_would_outlast_the_deadline_is_not_begun(asked: float, sleeps: list[float]) -> None:
    bench = Bench()
    policy: dict[str, Any] = {"retry": Retry(attempts=2), "side_effect": "read", "timeout_s": 30.0}
    tool, _ = failing(lambda: ToolError("busy", retryable=True, retry_after_s=asked), **policy)
    result = await call(bench, tool)
    assert bench.clock.sleeps == sleeps
    assert result.text() == "busy"


@given(
    attempts=st.integers(2, 10),
    base_s=st.floats(0.01, 50),
    timeout_s=st.one_of(st.none(), st.floats(0.1, 100)),
    left_s=st.floats(0.1, 100),
    works_s=st.floats(0, 20),
    fractions=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    asked=st.one_of(st.none(), st.floats(0, 200)),
)
async def test_the_sum_of_waits_never_exceeds_what_the_caller_has_left(**given: Any) -> None:
    bench = Bench(random=FakeRandom(*given["fractions"]))
    woke: list[float] = []

    async def works() -> None:
        woke.append(bench.clock.monotonic())
        bench.clock.advance(given["works_s"])
        raise ToolError("busy", retryable=True, retry_after_s=given["asked"])

    began = bench.clock.monotonic()
    retry = Retry(attempts=given["attempts"], base_s=given["base_s"], cap_s=100.0)
    tool = make_tool(works, retry=retry, side_effect="read", timeout_s=given["timeout_s"])
    await call(bench, tool, CallContext(deadline=began + given["left_s"]))
    limit = min(given["left_s"], given["timeout_s"] or given["left_s"])
    assert all(at <= began + limit for at in woke)
    assert sum(bench.clock.sleeps) <= limit
    assert 1 <= len(woke) <= given["attempts"]
