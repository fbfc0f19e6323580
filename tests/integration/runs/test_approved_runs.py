"""Runs whose calls a person agrees to: over the end of a process, and over releases that ask about other calls."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import toolcrib
from tests.integration.draining.project import Gate, gate

pytestmark = pytest.mark.anyio
TOOLS = '''
import sys
from toolcrib import tool

@tool(side_effect="write"{mail})
async def mail(to: str) -> str:
    """Send a mail."""
    await sys.modules["toolcrib_test_gate"].through("mail " + to)
    return "mailed"

@tool(side_effect="write"{wire})
async def wire(amount: int) -> str:
    """Send money."""
    await sys.modules["toolcrib_test_gate"].through(f"wire {{amount}}")
    return "wired"
'''
GRAPH = """
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from toolcrib import ToolNode

async def ask(state):
    calls = [{"name": "mail", "args": {"to": "a"}, "id": "1"}, {"name": "wire", "args": {"amount": 5}, "id": "2"}]
    return {"messages": [AIMessage("", tool_calls=calls)]}

graph = StateGraph(MessagesState)
graph.add_node("ask", ask)
graph.add_node("tools", ToolNode())
graph.add_edge(START, "ask")
graph.add_edge("ask", "tools")
graph.set_finish_point("tools")
"""
AGENTS = 'agents: {clerk: {kind: graph, graph: "graphs/clerk.py:graph", thread_policy: latest}}'
NEEDED = ', approval="required"'


def write(root: Path, *needing: str) -> None:
    """The project, in which these tools need a person's approval."""
    texts = {name: NEEDED if name in needing else "" for name in ("mail", "wire")}
    for name, text in {"tools/t.py": TOOLS.format(**texts), "graphs/clerk.py": GRAPH, "agents.yaml": AGENTS}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def place() -> Iterator[Gate]:
    with gate() as made:
        yield made


def done(place: Gate) -> list[str]:
    """What really happened so far."""
    return sorted(place.reached.get_nowait() for _ in range(place.reached.qsize()))


async def test_an_approved_call_that_was_cut_is_in_doubt_and_not_asked_about_again(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "wire")
    async with toolcrib.open(tmp_path) as crib:
        assert (await crib.run("clerk", {"messages": []}, thread_id="t")).interrupts
        run = asyncio.create_task(crib.run("clerk", thread_id="t", resume="approve"))
        with anyio.fail_after(5):
            while place.reached.qsize() < 2:
                await anyio.lowlevel.checkpoint()
        await crib.ending.cut("the test says so")
        await asyncio.wait({run}, timeout=5)
    assert done(place) == ["mail a", "wire 5"]
    place.open.set()
    async with toolcrib.open(tmp_path) as crib:
        with anyio.fail_after(10):
            while (record := (await crib.recent_runs())[0]).status in ("running", "suspended"):
                await anyio.lowlevel.checkpoint()
        assert record.status == "success"
        assert done(place) == [], "nothing is done twice"
        assert len(await crib.calls_in_doubt()) == 2


def shown(result: Any) -> list[str]:
    (question,) = result.interrupts
    return [request["name"] for request in question["action_requests"]]


async def test_a_decision_holds_for_the_calls_that_were_shown_and_no_others(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, "wire")
    place.open.set()
    async with toolcrib.open(tmp_path) as crib:
        assert [shown(await crib.run("clerk", {"messages": []}, thread_id=name)) for name in "tu"] == [["wire"]] * 2

        async def deploy(*needing: str) -> None:
            write(tmp_path, *needing)
            assert (await crib.deploy(accept=["permissions"])).state == "active"
            await crib.threads.move(crib.release.id, agent="clerk", dry_run=False)

        await deploy("mail")
        again = await crib.run("clerk", thread_id="t", resume={"decisions": [{"type": "approve"}]})
        assert shown(again) == ["mail", "wire"]
        assert "Other calls need approval since this was asked" in again.interrupts[0]["error"]
        assert done(place) == []
        assert (await crib.run("clerk", thread_id="t", resume="approve")).success
        assert done(place) == ["mail a", "wire 5"]

        await deploy()
        assert (await crib.run("clerk", thread_id="u", resume="reject")).success
        assert done(place) == ["mail a"], "what a person rejected is not made because nobody would be asked now"
