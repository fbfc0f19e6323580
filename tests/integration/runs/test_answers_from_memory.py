"""Answers from memory: the same question of the same thread is answered again without a model or a tool."""

from pathlib import Path
from typing import Any

import pytest

import toolcrib

pytestmark = pytest.mark.anyio
TOOLS = '''
from pathlib import Path
from toolcrib import ToolError, tool

CALLS = Path({calls!r})

def noted(name):
    with CALLS.open("a") as file:
        file.write(name + " ")

@tool(side_effect="read")
async def order_status(order_id: str) -> str:
    """Say where an order is."""
    noted("status")
    return f"Order {{order_id}} is on its way."

@tool
async def cancel_order(order_id: str) -> str:
    """Cancel an order."""
    noted("cancel")
    return "cancelled"
'''
AGENTS = "agents: {support: {model: offline, prompt: Be kind., answer_cache: {ttl_s: 60}}}\n"
WHERE = "Where is order A-42?"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(TOOLS.format(calls=str(tmp_path / "calls")))
    (tmp_path / "agents.yaml").write_text(AGENTS)
    return tmp_path


def calls(project: Path) -> list[str]:
    return (project / "calls").read_text().split()


async def test_a_question_is_answered_once_for_each_tenant_thread_and_release(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        first = await crib.run("support", WHERE)
        again = await crib.run("support", f" {WHERE}\n", thread_id="t1")
        assert (first.from_cache, again.from_cache) == (False, True)
        assert (again.output, again.iterations, again.trace) == (first.output, 0, ())
        assert calls(project) == ["status"]
        assert not (await crib.run("support", WHERE, tenant="acme")).from_cache
        assert not (await crib.run("support", WHERE, thread_id="t1")).from_cache, "this thread knows more"
        (project / "agents.yaml").write_text(AGENTS.replace("kind", "brief"))
        await crib.deploy()
        assert not (await crib.run("support", WHERE)).from_cache
        await crib.invalidate_cache(tool="agent:support")
        assert not (await crib.run("support", WHERE)).from_cache


async def test_an_answer_from_memory_is_a_part_of_its_thread_and_is_streamed(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        first = await crib.run("support", WHERE)
        events = [event async for event in crib.stream("support", WHERE, thread_id="t2")]
        text = "".join(event.data["text"] for event in events if event.event == "message")
        assert (text, events[-1].data["from_cache"]) == (first.output, True)
        state: Any = await crib.release.agent("support").graph.aget_state({"configurable": {"thread_id": "t2"}})
        assert [message.text for message in state.values["messages"]] == [WHERE, first.output]
        assert state.next == ()
        assert (await crib.run("support", "Thank you!", thread_id="t2")).success


async def test_an_answer_that_changed_something_is_not_kept(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        for _ in range(2):
            assert not (await crib.run("support", "Cancel order A-42")).from_cache
    assert calls(project) == ["cancel", "cancel"]


async def test_a_graph_of_the_project_cannot_have_its_answers_kept(project: Path) -> None:
    graph = "from langgraph.graph import START, MessagesState, StateGraph\ngraph = StateGraph(MessagesState)\n"
    graph += "graph.add_node('a', lambda state: {})\ngraph.add_edge(START, 'a')\n"
    (project / "graphs").mkdir()
    (project / "graphs" / "own.py").write_text(graph)
    own = "agents:\n  own: {kind: graph, graph: 'graphs/own.py:graph', answer_cache: {ttl_s: 60}}\n"
    async with toolcrib.open(project) as crib:
        (project / "agents.yaml").write_text(own)
        (reason,) = (await crib.deploy()).reasons
    assert (reason.file, reason.line) == ("agents.yaml", 2)
    assert "whose answers are not kept" in reason.message
