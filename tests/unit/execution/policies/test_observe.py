"""Observe: every failure becomes a result, control flow passes, listeners hear of both ends."""

import asyncio
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from langgraph.errors import GraphInterrupt

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import AgentNotFound, CallFailed, RunnerSaturated, ToolError
from toolcrib.core.events import ToolFinished, ToolStarted
from toolcrib.core.policies import Retry
from toolcrib.core.results import ToolResult
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.runners.threads import ThreadRunner
from toolcrib.testing import RecordingEvents, make_tool

pytestmark = pytest.mark.anyio


class GraphBubbleUp(Exception):
    """Bears the name of LangGraph's control flow; execution knows it by nothing else."""


class ParentCommand(GraphBubbleUp): ...


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


def raising(error: BaseException, **policy: Any) -> Any:
    async def fails() -> None:
        raise error

    return make_tool(fails, **policy)


async def result_of(error: BaseException, bench: Bench | None = None, **policy: Any) -> ToolResult:
    bench = bench or Bench()
    release = bench.release(raising(error, **policy))
    with anyio.fail_after(5):
        return await bench.executor.call(release, ToolCall(name="fails", id="c"), CallContext())


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("bad value"), "tool_failed", "Tool 'fails' failed: ValueError: bad value"),
        (ValueError(), "tool_failed", "Tool 'fails' failed: ValueError: no message"),
        (KeyError("k"), "tool_failed", "Tool 'fails' failed: KeyError: 'k'"),
        (MuteError(), "tool_failed", "Tool 'fails' failed: MuteError: <MuteError that cannot be shown>"),
        (FrozenError(3), "tool_failed", "Tool 'fails' failed: FrozenError: 3"),
        (TimeoutError("remote"), "tool_failed", "Tool 'fails' failed: TimeoutError: remote"),
        (StopAsyncIteration(), "tool_failed", "Tool 'fails' failed: StopAsyncIteration: no message"),
        (SystemExit(3), "tool_failed", "Tool 'fails' failed: RuntimeError: SystemExit: 3"),
        (ExceptionGroup("g", [OSError()]), "tool_failed", "Tool 'fails' failed: ExceptionGroup: g (1 sub-exception)"),
        (ToolError("No such order.", hint="Ask for the number."), "tool_error", "No such order."),
        (AgentNotFound("There is no agent named 'x'."), "agent_not_found", "There is no agent named 'x'."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
async def test_every_exception_of_a_tool_becomes_its_result(error: Exception, code: str, message: str) -> None:
    policies: list[dict[str, Any]] = [{}, {"retry": Retry(attempts=2, retry_on=()), "side_effect": "read"}]
    for policy in policies:
        result = await result_of(error, **policy)
        assert not result.ok
        assert result.error is not None
        assert (result.error.code, result.error.message) == (code, message)
        assert (result.tool, result.release, result.call_id) == ("fails", result.release, "c")
        assert result.attempts == 1


async def test_a_failure_says_nothing_of_the_stack_and_little_of_a_long_message() -> None:
    result = await result_of(ValueError("x" * 100_000))
    assert len(result.text()) < 2_200
    assert "Traceback" not in result.text()
    assert __file__ not in result.text()


async def test_hint_severity_and_retryability_of_a_tool_error_reach_the_result() -> None:
    result = await result_of(ToolError("Busy.", hint="Try at noon.", retryable=True))
    assert result.error is not None
    assert result.error.retryable
    assert result.text() == "Busy. Try at noon."


async def test_an_error_from_before_the_tools_code_counts_no_attempt() -> None:
    assert (await result_of(RunnerSaturated("full"))).attempts == 0
    assert (await result_of(CallFailed("broken"))).attempts == 1


@pytest.mark.parametrize("error", [GraphBubbleUp("pause"), ParentCommand("up"), GraphInterrupt()])
async def test_control_flow_of_langgraph_passes_untouched(error: Exception) -> None:
    for policy in ({}, {"retry": Retry(retry_on=(Exception,)), "side_effect": "read", "attempt_timeout_s": 5.0}):
        bench = Bench()
        with pytest.raises(type(error)) as caught:
            await result_of(error, bench, **policy)
        assert caught.value is error
        assert bench.clock.sleeps == []


def test_control_flow_is_known_by_the_name_of_its_class() -> None:
    assert is_bubble_up(ParentCommand())
    assert is_bubble_up(GraphInterrupt())
    assert not is_bubble_up(ValueError("GraphBubbleUp"))


async def test_control_flow_passes_from_a_thread_as_well() -> None:
    def pauses() -> None:
        raise GraphBubbleUp("pause")

    runner = ThreadRunner(workers=1)
    bench = Bench(threads=runner)
    with anyio.fail_after(5), pytest.raises(GraphBubbleUp, match="pause"):
        await bench.executor.call(bench.release(make_tool(pauses)), ToolCall(name="pauses"), CallContext())
    runner.close()


async def test_a_cancelled_caller_is_cancelled_and_only_listeners_hear_of_its_end() -> None:
    began, ended = asyncio.Event(), []

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    bench = Bench()
    policy: dict[str, Any] = {"retry": Retry(retry_on=(Exception,)), "side_effect": "read", "attempt_timeout_s": 60}
    release = bench.release(make_tool(waits, **policy))
    task = asyncio.ensure_future(bench.executor.call(release, ToolCall(name="waits"), CallContext()))
    with anyio.fail_after(5):
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == [True]
    (finished,) = bench.events.of(ToolFinished)
    assert finished.result.error is not None
    assert (finished.result.error.code, finished.result.tool) == ("cancelled", "waits")


async def test_a_cancellation_of_the_tools_own_making_is_a_failure_like_any_other() -> None:
    result = await result_of(asyncio.CancelledError())
    assert result.error is not None
    assert "CancelledError" in result.error.message


async def test_listeners_hear_of_the_beginning_and_of_the_end() -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    bench = Bench()
    who = CallContext(tenant="t", agent="a", run_id="run", thread_id="th")
    result = await bench.executor.call(
        bench.release(make_tool(add)), ToolCall(name="add", args={"a": 1, "b": 2}, id="c"), who
    )
    assert bench.events.events == [
        ToolStarted(
            tool="add", call_id="c", release=result.release, run_id="run", thread_id="th", agent="a", tenant="t"
        ),
        ToolFinished(result=result, run_id="run", thread_id="th", agent="a", tenant="t"),
    ]


async def test_listeners_hear_of_failures_and_of_refused_arguments() -> None:
    bench = Bench()
    await result_of(ValueError("x"), bench)
    (finished,) = bench.events.of(ToolFinished)
    assert not finished.result.ok
    await bench.executor.call(
        bench.release(raising(ValueError())), ToolCall(name="fails", args={"y": 1}), CallContext()
    )
    assert bench.events.names() == ["tool.started", "tool.finished"] * 2


async def test_without_listeners_no_event_is_made() -> None:
    bench = Bench(events=RecordingEvents(active=False))
    await result_of(ValueError("x"), bench)
    assert bench.events.events == []
