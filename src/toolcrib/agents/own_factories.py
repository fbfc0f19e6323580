"""Factories of the project's own graphs, as LangGraph's server takes them: functions, async or not, context managers.

One that takes nothing and gives a graph at once is called once for each release. Every other one is called for each
run, and once before, with an empty config, to learn what the graph is.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from langgraph_sdk.runtime import ServerRuntime

T = TypeVar("T")
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class GraphError(Exception):
    """The object a graph agent names cannot be run; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """A factory, and which of its parameters get the run's config and the server's runtime."""

    call: Callable[..., Any]
    given: Mapping[str, str]

    def opened(self, config: RunnableConfig) -> AbstractAsyncContextManager[Any]:
        """What it makes for a run with this config; a context manager is left at the run's end."""
        return entered(self.made(config, runs=True))

    def made(self, config: RunnableConfig, *, runs: bool) -> Any:
        """What a call of it gives: a graph, an awaitable or a context manager.

        Args:
            config: of the run.
            runs: whether the graph will run; else only its form is looked at.
        """
        values = {"config": config, "runtime": _server_runtime(runs=runs)}
        places = inspect.signature(self.call).parameters
        told = {name: values[what] for name, what in self.given.items()}
        first = [told.pop(name) for name in list(told) if places[name].kind is inspect.Parameter.POSITIONAL_ONLY]
        return self.call(*first, **told)


@asynccontextmanager
async def entered(made: Any) -> AsyncIterator[Any]:
    """The graph in what a factory gave."""
    if inspect.isawaitable(made):
        made = await made
    if isinstance(made, AbstractAsyncContextManager):
        async with made as graph:
            yield graph
    elif isinstance(made, AbstractContextManager):
        with made as graph:
            yield graph
    else:
        yield made


def factory_of(value: Any) -> Factory | None:
    """The factory an object is; None for graphs and for what cannot be called.

    Raises:
        GraphError: it needs arguments that nobody gives.
    """
    if isinstance(value, StateGraph | Pregel | type) or not callable(value):
        return None
    given: dict[str, str] = {}
    strange: list[str] = []
    for name, parameter in inspect.signature(value).parameters.items():
        if parameter.kind in _VARIABLE:
            continue
        what = _meant(name, str(parameter.annotation))
        required = parameter.default is parameter.empty
        if not what and required and "config" not in given.values():
            what = "config"  # LangGraph's server gives it whatever its name
        if what and what not in given.values():
            given[name] = what
        elif required:
            strange.append(name)
    if strange:
        names = ", ".join(strange)
        raise GraphError(f"the factory needs arguments: {names}; only one `config` and one `runtime` are given")
    return Factory(call=value, given=given)


def first_made(factory: Factory, take: Callable[[Any], T]) -> tuple[T, bool]:
    """What `take` makes of the factory's graph, and whether one graph serves all runs.

    It runs on an event loop that ends with it, so what the factory binds to a loop cannot be used afterwards.

    Raises:
        GraphError: the factory failed.
    """

    async def once() -> tuple[T, bool]:
        try:
            made = factory.made({"configurable": {}}, runs=False)
            if not factory.given and isinstance(made, StateGraph | Pregel):
                return take(made), True
            async with entered(made) as graph:
                return take(graph), False
        except GraphError:
            raise
        except Exception as error:  # outer guard: project code
            raise GraphError(f"the factory raised {type(error).__name__}: {error}") from error

    return _to_its_end(once())


def _server_runtime(*, runs: bool) -> Any:
    """What LangGraph's server tells a factory; there is neither a user nor a store that all graphs share."""
    running, reading = (get_origin(one) for one in get_args(ServerRuntime.__value__))
    kind, access = (running, "threads.create_run") if runs else (reading, "assistants.read")
    assert kind is not None
    return kind(access_context=access, store=None)


def _meant(name: str, annotation: str) -> str:
    """Which of the two things a parameter asks for; empty for neither."""
    if name == "runtime" or "ServerRuntime" in annotation:
        return "runtime"
    return "config" if name == "config" or "RunnableConfig" in annotation else ""


def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Its result, on a loop of its own: in this thread, or in another one when this one has a loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    ended: Future[T] = Future()

    def run() -> None:
        try:
            ended.set_result(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - outer guard: whoever waits must hear of it
            ended.set_exception(error)

    threading.Thread(target=run, name="toolcrib-factory", daemon=True).start()
    return ended.result()
