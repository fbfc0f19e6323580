"""Graphs of the project's own: what may stand behind `graphs/file.py:name`."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from toolcrib.agents.graphs import GraphError, compile_graph


def small_graph() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(MessagesState)
    graph.add_node("a", lambda state: {})
    graph.add_edge(START, "a")
    graph.add_edge("a", END)
    return graph


@pytest.mark.parametrize(
    "value",
    [
        small_graph(),
        small_graph().compile(),
        small_graph,
        lambda: small_graph().compile(),
        lambda config: small_graph(),
    ],
)
def test_graphs_compiled_graphs_and_factories_get_our_checkpointer(value: Any) -> None:
    saver = InMemorySaver()

    assert compile_graph(value, checkpointer=saver, name="g").checkpointer is saver


def test_a_checkpointer_of_the_author_is_kept() -> None:
    own = InMemorySaver()

    assert (
        compile_graph(small_graph().compile(checkpointer=own), checkpointer=InMemorySaver(), name="g").checkpointer
        is own
    )


async def a_coroutine() -> None:
    """No graph."""


def broken() -> None:
    raise ZeroDivisionError("ouch")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (42, "expected a StateGraph, a compiled graph or a function that makes one, not int"),
        (a_coroutine, "async factory"),
        (broken, "the factory raised ZeroDivisionError: ouch"),
        (lambda a, b: None, "the factory needs arguments: a, b"),
        (StateGraph(MessagesState), "does not compile"),
    ],
)
def test_anything_else_is_refused_with_the_reason(value: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        compile_graph(value, checkpointer=None, name="g")
