"""`graph_factory`: an agent of a project in another server's `langgraph.json`; the project stays hot inside of it."""

import asyncio
import atexit
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolcrib.execution.loops import on_loop, whole_on_loop
from toolcrib.runtime.build import load_frameworks, open_project
from toolcrib.runtime.locate import locate

if TYPE_CHECKING:
    from toolcrib.runs.guests import GuestRun
    from toolcrib.runtime.crib import Crib

CLOSE_S = 10.0
Factory = Callable[[dict[str, Any]], AbstractAsyncContextManager[Any]]


def graph_factory(project: str | Path, agent: str, *, tenant: str = "", watch: bool = True) -> Factory:
    """A graph factory that LangGraph's servers take in `langgraph.json`: `"graphs": {"support": "./app.py:support"}`.

    The project is opened when the first graph is wanted, once for all factories of it in this process, on an event loop
    in a thread of its own, and closed when the process ends. Each run gets the agent's graph of the release that the
    agent's thread policy asks for, and keeps it to its end, also over an interrupt. The server keeps the threads. In
    experiments that go by user, `user` in the run's `configurable` decides.

    Args:
        project: the project's directory.
        agent: name of the agent.
        tenant: on whose behalf; what the server's callers say is never taken for it.
        watch: deploy each change of the directory; without it `toolcrib deploy` does.

    Returns:
        A function from the run's config to an asynchronous context manager, in which there is the compiled graph.
    """

    @asynccontextmanager
    async def graph(config: dict[str, Any]) -> AsyncIterator[Any]:
        opened = await asyncio.to_thread(host_of(locate(project), watch=watch).opened)
        guests, loop = opened.crib.guests, opened.loop
        place = config.get("configurable") or {}
        who = {"thread_id": str(place.get("thread_id") or ""), "tenant": tenant, "user": str(place.get("user") or "")}
        runs: list[GuestRun] = []
        failure: BaseException | None = None

        async def begin() -> Any:
            runs.append(await guests.begin(agent, **who))
            return runs[0].graph

        async def end() -> None:
            for run in runs:
                await guests.end(run, failure)

        try:
            yield await on_loop(loop, begin)
        except BaseException as error:
            failure = error
            raise
        finally:  # it may have begun although this was cancelled before that was heard of here
            await whole_on_loop(loop, end)

    graph.__name__ = agent
    return graph


@cache
def host_of(root: Path, *, watch: bool) -> "Host":
    """The one of this process: the graphs of one `langgraph.json` are names of their own, and share the project."""
    return Host(root, watch=watch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open project, and what its thread waits for."""

    crib: "Crib"
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    stop: asyncio.Event


class Host:
    """A project that is open in this process, on an event loop in a thread of its own."""

    def __init__(self, root: Path, *, watch: bool) -> None:
        self._root = root
        self._watch = watch
        self._lock = threading.Lock()
        self._opened: Opened | None = None

    def opened(self) -> Opened:
        """The open project; blocks while it opens.

        Raises:
            ProjectInvalid: there is no project, or it has mistakes; the next call tries again.
            DeploymentRejected: it is broken and there is no earlier release to serve.
        """
        with self._lock:
            if self._opened is None:
                load_frameworks()
                started: Future[Opened] = Future()
                serve = partial(asyncio.run, self._serve(started))
                # A thread that is no daemon would be waited for before anything that is to be done at exit.
                threading.Thread(target=serve, name="toolcrib-guest", daemon=True).start()
                self._opened = started.result()
                atexit.register(self.close)
            return self._opened

    def close(self) -> None:
        """Close the project, for a bounded time; the next one who wants it opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.loop.call_soon_threadsafe(self._opened.stop.set)
                self._opened.thread.join(CLOSE_S)
                self._opened = None
                atexit.unregister(self.close)

    async def _serve(self, started: "Future[Opened]") -> None:
        stop = asyncio.Event()
        _leave_unguarded()
        try:
            async with open_project(self._root, watch=self._watch) as crib:
                here = asyncio.get_running_loop()
                started.set_result(Opened(crib=crib, loop=here, thread=threading.current_thread(), stop=stop))
                await stop.wait()
        except Exception as error:  # outer guard: whoever asked for the project must hear of it
            if started.done():
                raise
            started.set_exception(error)


def _leave_unguarded() -> None:
    """Tell the guard of `langgraph dev` that this thread's event loop is not the server's.

    It lets whatever blocks an event loop fail, on every loop of the process; a project that opens its files on a loop
    of its own holds nobody up. The guard has no word for that but this one, which it keeps by thread.
    """
    guard = getattr(sys.modules.get("blockbuster.blockbuster"), "_skip", None)
    if isinstance(guard, threading.local):
        guard.value = True
