"""Graphs of the project's own: what may stand behind `graphs/file.py:name`."""

from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from toolcrib.agents.graphs import own_graph, refuse_misfit
from toolcrib.agents.messages import refuse_unasked
from toolcrib.agents.own_factories import GraphError
from toolcrib.core.errors import InputInvalid


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

    assert own_graph(value, checkpointer=saver, name="g").graph.checkpointer is saver


def test_a_checkpointer_of_the_author_is_kept() -> None:
    own = InMemorySaver()

    assert (
        own_graph(small_graph().compile(checkpointer=own), checkpointer=InMemorySaver(), name="g").graph.checkpointer
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
        (a_coroutine, "expected a StateGraph, a compiled graph or a function that makes one, not NoneType"),
        (broken, "the factory raised ZeroDivisionError: ouch"),
        (lambda a, b: None, "the factory needs arguments: b; only one `config`"),
        (StateGraph(MessagesState), "does not compile"),
    ],
)
def test_anything_else_is_refused_with_the_reason(value: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        own_graph(value, checkpointer=None, name="g")


class Order(TypedDict, total=False):
    order_id: str
    answer: str


class Asked(TypedDict):
    order_id: str


@pytest.mark.parametrize(
    "question", ["Where is A-42?", [{"role": "user", "content": "Where is A-42?"}], {"id": "A-42"}]
)
def test_an_input_without_a_key_of_the_state_is_refused_with_those_it_has(question: Any) -> None:
    graph = StateGraph(Order)
    graph.add_node("a", lambda state: {})
    graph.set_entry_point("a")

    with pytest.raises(InputInvalid) as refused:
        refuse_misfit(graph.compile(), "clerk", question)

    assert refused.value.hint.endswith("with keys of: order_id, answer.")
    assert ("no text" in refused.value.message) == (not isinstance(question, dict))


def test_the_keys_are_those_of_the_input_where_it_has_a_schema_of_its_own() -> None:
    graph = StateGraph(Order, input_schema=Asked)
    graph.add_node("a", lambda state: {})
    graph.set_entry_point("a")

    with pytest.raises(InputInvalid, match="no key") as refused:
        refuse_misfit(graph.compile(), "clerk", {"answer": "?"})

    assert refused.value.hint.endswith("with keys of: order_id.")


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (5, "not 5"),
        ([{"role": "usr", "content": "x"}], "'usr'"),
        ({"messages": 5}, "Unsupported message type"),
        ([{"content": "x"}], "'role'"),
        ([None], "NoneType"),
    ],
)
def test_what_cannot_be_a_question_is_refused(question: Any, why: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        refuse_misfit(small_graph().compile(), "clerk", question)

    assert why in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("question", "resume", "why"),
    [
        ("x", "y", "not both"),
        (None, None, "nothing to ask"),
        (" ", None, "empty"),
        ([], None, "empty"),
        (None, "y", "Which thread"),
        ("a\ud800", None, "The question cannot be saved: it has halves of characters"),
        ({"messages": [], "number": 2**70}, None, "a number is too long"),
    ],
)
def test_a_run_is_asked_one_thing(question: Any, resume: Any, why: str) -> None:
    with pytest.raises(InputInvalid, match=why):
        refuse_unasked(question, resume, "")


@pytest.mark.parametrize("question", ["Where?", {"messages": []}, {"messages": [], "more": 1}, {}, None])
def test_an_input_that_may_fit_is_left_to_the_graph(question: Any) -> None:
    refuse_misfit(small_graph().compile(), "clerk", question)
