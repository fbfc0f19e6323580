"""Factories of own graphs: which are called for each run, what they are given, and that they are left again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel import Pregel
from langgraph_sdk.runtime import ServerRuntime

from toolcrib.agents.graphs import own_graph
from toolcrib.agents.live.guest import guest_graph
from toolcrib.agents.own_factories import GraphError
from toolcrib.agents.scope import RunScope
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.errors import InputInvalid

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t1"}}


def saying(text: str) -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(MessagesState)
    graph.add_node("say", lambda state: {"messages": [("ai", text)]})
    graph.add_edge(START, "say")
    return graph


def thread(config: RunnableConfig) -> str:
    return str(config["configurable"].get("thread_id", ""))


def access(runtime: Any) -> str:
    return f"{runtime.access_context} {runtime.execution_runtime is not None} {runtime.user} {runtime.store}"


async def of_coroutine() -> Any:
    await asyncio.sleep(0)
    return saying("async")


async def of_config(config: RunnableConfig) -> Any:
    return saying(thread(config)).compile()


def any_name(whatever: RunnableConfig, /) -> Any:
    return saying(thread(whatever))


def both(runtime: ServerRuntime[None], config: RunnableConfig) -> Any:
    return saying(f"{thread(config)} {access(runtime)}")


def by_type(server: "ServerRuntime[None]") -> Any:
    return saying(access(server))


def with_default(config: Any = None, size: int = 3, *rest: Any, **more: Any) -> Any:
    return saying(f"{thread(config)} {size}")


@asynccontextmanager
async def managed() -> AsyncIterator[Any]:
    yield saying("managed")


@contextmanager
def plainly_managed(config: RunnableConfig) -> Iterator[Any]:
    yield saying(thread(config))


class Maker:
    def __call__(self, config: RunnableConfig) -> Any:
        return saying(thread(config))


@pytest.mark.parametrize(
    ("factory", "answer"),
    [
        (of_coroutine, "async"),
        (of_config, "t1"),
        (any_name, "t1"),
        (both, "t1 threads.create_run True None None"),
        (by_type, "threads.create_run True None None"),
        (with_default, "t1 3"),
        (managed, "managed"),
        (plainly_managed, "t1"),
        (Maker(), "t1"),
    ],
)
def test_a_factory_is_called_for_each_run_with_what_it_asks_for(factory: Callable[..., Any], answer: str) -> None:
    saver = InMemorySaver()
    own = own_graph(factory, checkpointer=saver, name="g")
    assert "say" in own.graph.nodes
    assert own.per_run is not None

    async def run() -> Any:
        assert own.per_run is not None
        async with own.per_run(CONFIG) as graph:
            assert isinstance(graph, Pregel)
            assert graph.checkpointer is saver
            return (await graph.ainvoke({"messages": []}, CONFIG))["messages"][-1].content

    assert asyncio.run(run()) == answer


def test_a_plain_function_without_arguments_is_called_once() -> None:
    calls = []

    def factory() -> Any:
        calls.append(1)
        return saying("once")

    assert own_graph(factory, checkpointer=None, name="g").per_run is None
    assert calls == [1]


def test_its_form_is_asked_for_in_the_servers_words() -> None:
    seen = []

    def factory(config: RunnableConfig, runtime: ServerRuntime[None]) -> Any:
        seen.append((config["configurable"], runtime.access_context, runtime.execution_runtime))
        return saying("")

    own_graph(factory, checkpointer=None, name="g")
    assert seen == [({}, "assistants.read", None)]


def test_a_context_is_left_when_the_run_ends_also_when_it_fails() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def factory() -> AsyncIterator[Any]:
        log.append("in")
        try:
            yield saying("")
        finally:
            log.append("out")

    own = own_graph(factory, checkpointer=None, name="g")
    assert log == ["in", "out"]

    async def run() -> None:
        assert own.per_run is not None
        async with own.per_run(CONFIG):
            assert log[2:] == ["in"]
            raise KeyError("in a node")

    with pytest.raises(KeyError):
        asyncio.run(run())
    assert log[2:] == ["in", "out"]


async def failing(config: RunnableConfig) -> Any:
    raise KeyError("user_id")


async def of_nothing() -> Any:
    return 42


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (failing, "the factory raised KeyError: 'user_id'"),
        (of_nothing, "expected a StateGraph, a compiled graph or a function that makes one, not int"),
        (lambda runtime, config, more: None, "needs arguments: more"),
        (Maker, "not type"),
    ],
)
def test_a_factory_that_cannot_be_used_is_refused_with_the_reason(factory: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        own_graph(factory, checkpointer=None, name="g")


@pytest.mark.anyio
async def test_it_can_be_tried_where_an_event_loop_runs() -> None:
    assert own_graph(managed, checkpointer=None, name="g").per_run is not None
    with pytest.raises(GraphError, match="user_id"):
        own_graph(failing, checkpointer=None, name="g")


def test_an_agent_that_is_made_for_each_run_cannot_be_given_out() -> None:
    own = own_graph(managed, checkpointer=None, name="g")
    spec = AgentSpec(kind="graph", graph="a.py:g")
    agent = Agent(name="g", spec=spec, prompt="", tools=(), graph=own.graph, release="r", per_run=own.per_run)
    with pytest.raises(InputInvalid, match="made anew for each run"):
        guest_graph(agent, RunScope.__new__(RunScope), [])
