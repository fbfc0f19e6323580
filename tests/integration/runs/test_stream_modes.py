"""What LangGraph tells of a graph at work comes out of a run's stream as LangGraph tells it."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import toolcrib
from toolcrib.core.agents import StreamMode
from toolcrib.core.errors import InputInvalid
from toolcrib.core.results import jsonable

pytestmark = pytest.mark.anyio
GRAPH = """
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def greet(state):
    return {"messages": [("ai", "Hello")]}

def ask(state):
    return {"messages": [("ai", "you said " + interrupt("sure?"))]}

def line(node, name):
    graph = StateGraph(MessagesState)
    graph.add_node(name, node)
    graph.add_edge(START, name)
    return graph

graph = line(greet, "greet")
graph.add_node("team", line(ask, "ask").compile())
graph.add_edge("greet", "team")
"""
MODES: tuple[StreamMode, ...] = get_args(StreamMode)
CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT[^\"]+|toolcrib_\w+|ls_integration")


@pytest.fixture(scope="module")
async def crib(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[toolcrib.Crib]:
    tmp_path = tmp_path_factory.mktemp("modes")
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "own.py").write_text(GRAPH)
    (tmp_path / "agents.yaml").write_text("agents: {own: {kind: graph, graph: 'graphs/own.py:graph'}}\n")
    async with toolcrib.open(tmp_path) as opened:
        yield opened


async def langgraphs(mode: str, given: list[Any]) -> list[tuple[str, Any]]:
    """What LangGraph tells of the same graph without us: where, and the chunk."""
    made: dict[str, Any] = {}
    exec(GRAPH, made)
    graph = made["graph"].compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": mode}, "recursion_limit": 100}
    told = []
    for one in given:
        async for place, chunk in graph.astream(one, config, stream_mode=mode, subgraphs=True, durability="sync"):
            told.append(("/".join(part.partition(":")[0] for part in place), plain(jsonable(chunk))))
    return told


def plain(chunk: Any) -> Any:
    """Without what differs from run to run."""
    if isinstance(chunk, dict):
        kept = {key: plain(one) for key, one in chunk.items() if not CHANGING.search(key)}
        return {key: one for key, one in kept.items() if key not in ("metadata", "configurable") or one}
    if isinstance(chunk, list):
        return [plain(one) for one in chunk]
    return CHANGING.sub("…", chunk) if isinstance(chunk, str) else chunk


@pytest.mark.parametrize("mode", MODES)
async def test_a_mode_tells_what_langgraph_tells(crib: toolcrib.Crib, mode: StreamMode) -> None:
    turns: list[Any] = [{"question": "Hi"}, {"resume": "yes"}]
    events = [
        event
        for turn in turns
        async for event in crib.stream("own", **turn, thread_id=mode, modes=mode)
        if event.event == mode
    ]

    assert json.dumps([event.data for event in events])
    expected = await langgraphs(mode, [{"messages": [("user", "Hi")]}, Command(resume="yes")])
    assert [(event.data.get("subgraph", ""), plain(event.data["data"])) for event in events] == expected


async def test_several_modes_stand_beside_what_is_always_told(crib: toolcrib.Crib) -> None:
    names = {event.event async for event in crib.stream("own", "Hi", modes=MODES)}
    usual = {event.event async for event in crib.stream("own", "Hi")}

    assert names == usual | set(MODES)
    assert usual == {"run.started", "run.finished"}


async def test_a_checkpoint_says_its_thread_as_the_caller_knows_it(crib: toolcrib.Crib) -> None:
    events = [event async for event in crib.stream("own", "Hi", thread_id="t", tenant="acme", modes=["checkpoints"])]
    places = [event.data["data"]["config"]["configurable"] for event in events if event.event == "checkpoints"]

    assert {place["thread_id"] for place in places} == {"t"}
    assert all(set(place) <= {"thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map"} for place in places)


@pytest.mark.parametrize(("modes", "said"), [("update", "'update'"), (["messages"], "always told")])
async def test_a_mode_that_there_is_not_is_refused_before_anything_runs(
    crib: toolcrib.Crib, modes: Any, said: str
) -> None:
    before = await crib.recent_runs()
    with pytest.raises(InputInvalid, match=said) as refused:
        [event async for event in crib.stream("own", "Hi", modes=modes)]

    assert "updates" in refused.value.hint
    assert await crib.recent_runs() == before
