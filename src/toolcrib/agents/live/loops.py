"""From a graph's thread or event loop to that of the open project, where all its tools are called."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from toolcrib.core.errors import ToolcribError

T = TypeVar("T")
Loop = asyncio.AbstractEventLoop


async def on_loop(loop: Loop | None, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do it on this loop, and wait for it here; None means here.

    LangGraph's context goes along, and so does a cancellation.

    Raises:
        ToolcribError: the loop does not run: the project is closed.
    """
    if loop is None or loop is asyncio.get_running_loop():
        return await work()
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), _running(loop)))


def from_thread(loop: Loop | None, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do it on this loop, and block until it is done.

    Raises:
        ToolcribError: this is the loop's own thread, which would wait for itself; or the loop does not run.
    """
    if loop is None:
        raise ToolcribError(
            "These live tools belong to no open project, so there is no event loop to call them on.",
            hint="Use `await graph.ainvoke(...)`, or tools of a project that is open: `crib.tool_node()`.",
        )
    if loop is _loop_here():
        raise ToolcribError(
            "A live tool was called synchronously on the event loop of its own project, which would wait for itself.",
            hint="Use `await graph.ainvoke(...)` there, or open the project with `toolcrib.open_sync(...)`.",
        )
    return asyncio.run_coroutine_threadsafe(work(), _running(loop)).result()


def _loop_here() -> Loop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _running(loop: Loop) -> Loop:
    if not loop.is_running():
        raise ToolcribError(
            "The project these live tools belong to is closed.", hint="Run the graph while the project is open."
        )
    return loop
