"""From a graph's thread or event loop to that of the open project, where its tools and its models are called."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent import futures
from typing import Any, TypeVar

from toolcrib.core.errors import ToolcribError

T = TypeVar("T")
Loop = asyncio.AbstractEventLoop
BEGIN_S = 30.0
"""A loop that does not begin with what it is asked for so long is blocked, most likely by the one who asks."""
LOOK_EVERY_S = 5.0
"""A call that has begun has time limits of its own, which end with the loop: so often it is seen that it runs."""


async def on_loop(loop: Loop | None, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do it on this loop, and wait for it here; None means here.

    LangGraph's context goes along, and so does a cancellation.

    Raises:
        ToolcribError: the loop does not run: the project is closed.
    """
    if loop is None or loop is asyncio.get_running_loop():
        return await work()
    _see_it_runs(loop)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop))


async def whole_on_loop(loop: Loop, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """`on_loop` for what must come to its end, also when who waits for it is cancelled and his own loop is over.

    Raises:
        ToolcribError: the loop does not run: the project is closed.
    """
    _see_it_runs(loop)
    return await asyncio.shield(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop)))


def from_thread(loop: Loop | None, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do it on this loop, and block until it is done.

    Raises:
        ToolcribError: this is the loop's own thread, which would wait for itself; or the loop does not run.
    """
    refuse_here(loop)
    if loop is None:
        raise ToolcribError(
            "These live tools belong to no open project, so there is no event loop to call them on.",
            hint="Use `await graph.ainvoke(...)`, or tools of a project that is open: `crib.tool_node()`.",
        )
    _see_it_runs(loop)
    begun = threading.Event()

    async def marked() -> T:
        begun.set()
        return await work()

    waiting = asyncio.run_coroutine_threadsafe(marked(), loop)
    if not begun.wait(BEGIN_S):
        waiting.cancel()
        raise _blocked()
    while not futures.wait({waiting}, LOOK_EVERY_S).done:
        _see_it_runs(loop)
    return waiting.result()


def refuse_here(loop: Loop | None) -> None:
    """See that this thread may block for what the loop does.

    Raises:
        ToolcribError: it is the loop's own.
    """
    if blocks_here(loop):
        raise _blocked()


def blocks_here(loop: Loop | None) -> bool:
    """Whether this thread is the loop's own, which would wait for itself."""
    return loop is not None and loop is _loop_here()


def _blocked() -> ToolcribError:
    return ToolcribError(
        "A live tool was called synchronously while the event loop of its project is blocked: it waits for itself.",
        hint="Use `await graph.ainvoke(...)` there, or open the project with `toolcrib.open_sync(...)`.",
    )


def _loop_here() -> Loop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _see_it_runs(loop: Loop) -> None:
    if not loop.is_running():
        raise ToolcribError(
            "The project these live tools belong to is closed.", hint="Run the graph while the project is open."
        )
