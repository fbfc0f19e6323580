"""A checkpoint brought to another graph: what LangGraph keeps of nodes goes along, and what cannot is refused."""

import operator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from toolcrib.agents.state.migration import Passage, Standing, prepare, standing, write
from toolcrib.agents.state.saved import Builder
from toolcrib.agents.state.serializer import bound_to_release
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.compat.migrations import Migration, NoWay, State, way

pytestmark = pytest.mark.anyio
HERE = {"configurable": {"thread_id": "t"}}
RENAME = Migration(agent="desk", revision="m1", nodes={"ask": "review"}, file="migrations/m1.py")


class Said(TypedDict, total=False):
    said: Annotated[list[str], operator.add]


@dataclass
class Strict:
    said: str
    needed: str = ""


@dataclass
class Stricter:
    said: str
    needed: str
    more: str


def ask(state: Any) -> dict[str, Any]:
    return {"said": [f"{state.get('name', '')} {interrupt('?')}".strip()]}


def agent(graph: Any, saver: Any, *migrations: Migration) -> Agent:
    def load(dotted: str) -> Any:
        raise ModuleNotFoundError(dotted)

    view = bound_to_release(saver, Builder(load, release="r-1"))
    compiled = graph.compile(checkpointer=view)
    release = f"r-{len(migrations) + 1}"
    return Agent(
        name="desk", spec=AgentSpec(), prompt="", tools=(), graph=compiled, release=release, migrations=migrations
    )


async def passed(source: Agent, target: Agent, *waits_in: str) -> Passage | None:
    async def find() -> Agent:
        return source

    steps = way("", target.migrations, ())
    return await prepare("t", source=find, target=target, steps=steps, waits_in=waits_in)


def simple(node: str) -> Any:
    graph = StateGraph(Said)
    graph.add_node(node, ask)
    graph.add_edge(START, node)
    graph.add_edge(node, END)
    return graph


def sending(node: str) -> Any:
    graph = StateGraph(Said)
    graph.add_node("fan", lambda state: {"said": ["fan"]})
    graph.add_node(node, ask)
    graph.add_edge(START, "fan")
    graph.add_conditional_edges("fan", lambda state: [Send(node, {"name": name}) for name in "ab"], [node])
    return graph


async def test_the_checkpoint_before_the_migration_stays_its_parent() -> None:
    saver = InMemorySaver()
    source, target = agent(simple("ask"), saver), agent(simple("review"), saver, RENAME)
    await source.graph.ainvoke({"said": ["x"]}, HERE)
    before = await source.graph.aget_state(HERE)
    passage = await passed(source, target, "review")
    assert passage is not None
    assert (await source.graph.aget_state(HERE)).config == before.config, "only prepared"
    await write(passage, target)
    after = await target.graph.aget_state(HERE)
    assert after.next == ("review",)
    assert after.parent_config == before.config
    assert await standing(target, "t") == Standing(revision="m1", release="r-2")
    assert await target.graph.ainvoke(Command(resume="yes"), HERE) == {"said": ["x", "yes"]}
    old = await source.graph.aget_state(before.config)
    assert old.values == before.values


async def test_a_write_that_breaks_off_leaves_the_thread_as_it_was() -> None:
    saver = InMemorySaver()
    source, target = agent(simple("ask"), saver), agent(simple("review"), saver, RENAME)
    await source.graph.ainvoke({"said": ["x"]}, HERE)
    passage = await passed(source, target, "review")
    assert passage is not None

    async def broken(*given: Any) -> None:
        raise OSError("the disk is full")

    target.graph.checkpointer.aput = broken
    with pytest.raises(OSError, match="full"):
        await write(passage, target)
    assert (await source.graph.aget_state(HERE)).next == ("ask",)
    assert await source.graph.ainvoke(Command(resume="yes"), HERE) == {"said": ["x", "yes"]}


async def test_what_was_sent_to_a_node_goes_to_its_new_name() -> None:
    saver = InMemorySaver()
    source, target = agent(sending("ask"), saver), agent(sending("review"), saver, RENAME)
    await source.graph.ainvoke({"said": []}, HERE)
    first = (await source.graph.aget_state(HERE)).interrupts[0]
    await source.graph.ainvoke(Command(resume={first.id: "one"}), HERE)
    passage = await passed(source, target, "review")
    assert passage is not None
    await write(passage, target)
    result = await target.graph.ainvoke(Command(resume="two"), HERE)
    assert result == {"said": ["fan", "a one", "b two"]}, "the first answer is not asked for again"


async def test_a_node_that_nobody_has_is_no_way() -> None:
    saver = InMemorySaver()
    source, target = agent(simple("ask"), saver), agent(simple("other"), saver)
    await source.graph.ainvoke({"said": []}, HERE)
    with pytest.raises(NoWay, match="waits in the node 'ask'"):
        await passed(source, target, "ask")


async def test_a_thread_that_waits_in_a_subgraph_is_refused() -> None:
    def outer(node: str) -> Any:
        graph = StateGraph(Said)
        graph.add_node(node, simple("inner").compile())
        graph.add_edge(START, node)
        return graph

    saver = InMemorySaver()
    source, target = agent(outer("ask"), saver), agent(outer("review"), saver, RENAME)
    await source.graph.ainvoke({"said": []}, HERE)
    with pytest.raises(NoWay, match="inside of a subgraph, in the node 'ask'"):
        await passed(source, target, "review")


@pytest.mark.parametrize(
    ("up", "why"),
    [
        (lambda state: None, "gave back NoneType, no state"),
        (lambda state: {**state, "more": 1 / 0}, r"ZeroDivisionError"),
        (lambda state: state, "none of release r-2: TypeError"),
    ],
)
async def test_a_state_that_the_graph_could_not_build_is_no_way(up: Any, why: str) -> None:
    def strict(schema: Any) -> Any:
        graph = StateGraph(schema)
        graph.add_node("say", lambda state: {"said": "x", "needed": "y"})
        graph.add_edge(START, "say")
        return graph

    def fill(state: State) -> State:
        return {**state, "more": "filled"}

    saver = InMemorySaver()
    wrong = Migration(agent="desk", revision="m1", up=up, file="migrations/m1.py")
    source, target = agent(strict(Strict), saver), agent(strict(Stricter), saver, wrong)
    await source.graph.ainvoke({"said": "x"}, HERE)
    with pytest.raises(NoWay, match=why):
        await passed(source, target)
    right = agent(strict(Stricter), saver, Migration(agent="desk", revision="m1", up=fill))
    passage = await passed(source, right)
    assert passage is not None
    await write(passage, right)
    assert (await right.graph.aget_state(HERE)).values["more"] == "filled"


async def test_a_graph_with_a_checkpointer_of_its_own_cannot_be_migrated() -> None:
    own = agent(simple("ask"), InMemorySaver(), RENAME)
    own.graph.checkpointer = InMemorySaver()
    with pytest.raises(NoWay, match="a checkpointer of its own"):
        await passed(own, own)
