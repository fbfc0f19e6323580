"""The shape of compiled graphs: nodes, edges, pauses, and what a checkpoint holds."""

import dataclasses
import itertools
import operator
from typing import Annotated, Any, Literal, NotRequired

import pytest
from langgraph.channels import EphemeralValue, Topic, UntrackedValue
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.types import Command
from pydantic import BaseModel
from typing_extensions import TypedDict

from toolcrib.agents.function_calling import build_function_calling
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.shape.graph import graph_shape, state_shape
from toolcrib.core.agents import AgentSpec
from toolcrib.core.compat.shapes import FieldShape


class State(TypedDict):
    x: int


def nothing(state: Any) -> dict[str, Any]:
    return {}


def go(state: Any) -> Command[Literal["b", "__end__"]]:
    return Command(goto="b")


def route(state: Any) -> str:
    return "b"


def line(schema: Any = State, *names: str) -> StateGraph[Any, Any, Any, Any]:
    """A graph of nodes one behind the other."""
    graph = StateGraph(schema)
    for name in names or ("a",):
        graph.add_node(name, nothing)
    graph.add_edge(START, names[0] if names else "a")
    for one, other in itertools.pairwise(names):
        graph.add_edge(one, other)
    return graph


def test_nodes_and_every_kind_of_edge_are_told() -> None:
    graph = line(State, "a", "b", "c", "d", "e")
    graph.add_node("f", go)
    graph.add_conditional_edges("b", route, {"yes": "d", "no": END})
    graph.add_conditional_edges("c", route)
    graph.add_edge(["c", "d"], "f")
    graph.add_edge("e", END)
    shape = graph_shape(graph.compile(), code="1")
    assert shape.nodes == ("a", "b", "c", "d", "e", "f")
    assert shape.edges == (
        "a -> b",
        "b -> c",
        "b ~> d",
        "b ~> end",
        "c + d -> f",
        "c -> d",
        "c ~> anywhere",
        "d -> e",
        "e -> end",
        "f ~> b",
        "f ~> end",
        "start -> a",
    )
    assert (shape.pauses, shape.code) == ((), "1")


def test_the_graph_of_another_build_of_the_same_source_has_the_same_shape() -> None:
    one, other = (line(State, "a", "b").compile() for _ in range(2))
    assert graph_shape(one, code="") == graph_shape(other, code="")
    assert state_shape(one, number=None) == state_shape(other, number=None)


def test_pauses_are_told_node_by_node() -> None:
    some = line(State, "a", "b").compile(interrupt_before=["b"], interrupt_after=["a"])
    assert graph_shape(some, code="").pauses == ("after a", "before b")
    every = line(State, "a", "b").compile(interrupt_before="*")
    assert graph_shape(every, code="").pauses == ("before a", "before b")


def test_subgraphs_are_told_with_the_name_of_their_node_in_front() -> None:
    class Inner(TypedDict):
        deep: str

    inner = line(Inner, "ask").compile(interrupt_before=["ask"])
    outer = line(State, "a", "b")
    outer.add_node("review", inner)
    outer.add_edge("b", "review")
    compiled = outer.compile()
    shape = graph_shape(compiled, code="")
    assert shape.nodes == ("a", "b", "review", "review:ask")
    assert {"b -> review", "review:start -> review:ask"} <= set(shape.edges)
    assert shape.pauses == ("before review:ask",)
    assert sorted(state_shape(compiled, number=None).fields) == ["review:deep", "x"]


def fields(schema: Any, **more: Any) -> dict[str, FieldShape]:
    graph = StateGraph(schema, **more)
    graph.add_node("a", nothing)
    graph.add_edge(START, "a")
    return state_shape(graph.compile(), number=None).fields


def test_fields_are_told_with_type_reducer_and_what_older_threads_find() -> None:
    class Full(TypedDict):
        plain: int
        may: NotRequired[str]
        added: Annotated[list[int], operator.add]
        queue: Annotated[list[str], Topic]
        passing: Annotated[int, EphemeralValue]
        unsaved: Annotated[int, UntrackedValue]
        left: RemainingSteps

    found = fields(Full)
    assert set(found) == {"plain", "may", "added", "queue", "passing"}
    assert found["plain"] == FieldShape(type={"type": "integer"}, missing="absent")
    assert found["may"] == FieldShape(type={"type": "string"})
    assert found["added"] == FieldShape(type={"type": "array", "items": {"type": "integer"}}, reducer="_operator.add")
    assert (found["queue"].reducer, found["passing"].reducer) == ("Topic", "EphemeralValue")


class Model(BaseModel):
    must: int
    may: int = 0
    added: Annotated[list[int], operator.add]


@dataclasses.dataclass
class Data:
    must: int
    may: int = 0
    made: list[int] = dataclasses.field(default_factory=list)


@pytest.mark.parametrize("schema", [Model, Data])
def test_a_state_that_is_built_refuses_to_lack_a_field_without_default(schema: Any) -> None:
    missing = {name: field.missing for name, field in fields(schema).items()}
    assert missing.pop("must") == "refused"
    assert set(missing.values()) == {"default"}


def test_an_input_schema_is_never_built_from_what_is_saved() -> None:
    class Input(BaseModel):
        x: int
        only_in: int

    class Both(TypedDict, total=False):
        x: int

    assert fields(Both)["x"].missing == "default"
    found = fields(Both, input_schema=Input)
    assert (found["x"].missing, found["only_in"].missing) == ("default", "absent")


def test_a_state_that_is_one_value_has_one_field() -> None:
    assert fields(Annotated[list[int], operator.add]) == {
        "__root__": FieldShape(type={"type": "array", "items": {"type": "integer"}}, reducer="_operator.add")
    }


def test_a_workflow_function_saves_what_it_returned() -> None:
    @entrypoint()
    def flow(question: str) -> int:
        return 1

    assert graph_shape(flow, code="").nodes == ("flow",)
    assert graph_shape(flow, code="").edges == ()
    assert state_shape(flow, number=None).fields == {
        "__previous__": FieldShape(type={"type": "integer"}, missing="absent")
    }


def test_the_id_of_a_state_changes_with_its_fields_and_with_nothing_else() -> None:
    class More(State):
        y: int

    one, other = line(State, "a").compile(), line(State, "b", "c").compile(interrupt_before=["c"])
    assert state_shape(one, number=None).id == state_shape(other, number=7).id
    assert state_shape(line(More, "a").compile(), number=None).id != state_shape(one, number=None).id
    assert state_shape(one, number=7).number == 7


def test_the_built_in_agent_has_a_shape_too() -> None:
    parts = AgentParts(name="a", spec=AgentSpec(), prompt="", tools=[], release="r")
    graph = build_function_calling({"": parts}, checkpointer=None)
    assert graph_shape(graph, code="").nodes == ("agent", "tools")
    state = state_shape(graph, number=None)
    assert sorted(state.fields) == ["messages"], "what is not saved is no part of it"
    assert state.fields == fields(MessagesState)
