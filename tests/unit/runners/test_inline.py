"""The inline runner: on the caller's loop, and nothing a tool raises ends the loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import anyio
import pytest

from toolcrib.core.calls import ToolContext
from toolcrib.core.ports import Runner
from toolcrib.runners.inline import InlineRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
CONTEXT = ToolContext(tool="t", call_id="c", release="r")


async def run(function: Any, **args: Any) -> Any:
    runner: Runner = InlineRunner()
    return await runner.run(make_tool(function), args, CONTEXT)


async def test_tools_run_on_the_callers_thread_and_task() -> None:
    async def where(x: int) -> tuple[int, threading.Thread, Any]:
        return x, threading.current_thread(), asyncio.current_task()

    assert await run(where, x=3) == (3, threading.current_thread(), asyncio.current_task())


async def test_a_plain_function_runs_as_well() -> None:
    def plain(x: int) -> int:
        return x + 1

    assert await run(plain, x=1) == 2


async def test_what_a_plain_wrapper_around_a_coroutine_function_returns_is_awaited() -> None:
    async def inner() -> str:
        return "done"

    @wraps(inner)
    def wrapper() -> Awaitable[str]:
        return inner()

    assert await run(wrapper) == "done"


def stops() -> None:
    raise StopIteration


class OddError(BaseException): ...


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, OddError, asyncio.CancelledError])
async def test_what_would_end_the_server_or_the_caller_becomes_an_ordinary_error(kind: type[BaseException]) -> None:
    async def breaks() -> None:
        raise kind("why")

    with pytest.raises(RuntimeError, match=kind.__name__) as caught:
        await run(breaks)
    assert isinstance(caught.value.__cause__, kind)


async def test_a_stop_iteration_cannot_end_somebody_elses_loop() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run(stops)


@pytest.mark.parametrize("kind", [ValueError, TimeoutError])
async def test_other_exceptions_pass_as_they_are(kind: type[Exception]) -> None:
    async def breaks() -> None:
        raise kind("why")

    with pytest.raises(kind, match="why"):
        await run(breaks)


def cancel_by_task(task: asyncio.Task[Any], scope: anyio.CancelScope) -> None:
    task.cancel()


def cancel_by_scope(task: asyncio.Task[Any], scope: anyio.CancelScope) -> None:
    scope.cancel()


@pytest.mark.parametrize("cancel", [cancel_by_task, cancel_by_scope])
async def test_a_callers_cancellation_reaches_the_tool_and_passes(
    cancel: Callable[[asyncio.Task[Any], anyio.CancelScope], None],
) -> None:
    began, seen = asyncio.Event(), []
    scope = anyio.CancelScope()

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("tool")
            raise

    async def caller() -> None:
        with scope:
            try:
                await run(waits)
            except asyncio.CancelledError:
                seen.append("caller")
                raise

    task = asyncio.ensure_future(caller())
    with anyio.fail_after(5):
        await began.wait()
        cancel(task, scope)
        await asyncio.wait([task])
    assert seen == ["tool", "caller"]


async def test_a_tool_that_is_closed_while_it_waits_is_closed_in_silence() -> None:
    seen = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except GeneratorExit:
            seen.append("closed")
            raise

    running = run(waits)
    running.send(None)
    running.close()
    assert seen == ["closed"]
