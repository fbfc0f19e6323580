"""Graphs that toolcrib did not start, all under one `RunControl`, as a server starts them that drains all at once."""

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import RunControl

import toolcrib
from toolcrib.runtime.crib import Crib

pytestmark = pytest.mark.anyio
TOOLS = '''
from toolcrib import ToolContext, tool

WORD = "one"

@tool(side_effect="read")
def who(context: ToolContext) -> str:
    """Say for whom."""
    return f"{WORD} {context.tenant} {context.thread_id}"
'''


@pytest.fixture
async def crib(tmp_path: Path) -> AsyncIterator[Crib]:
    """A project whose tool says for whom it is called."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "who.py").write_text(TOOLS)
    async with toolcrib.open(tmp_path) as crib:
        yield crib


async def deploy(crib: Crib, word: str) -> None:
    (crib.root / "tools" / "who.py").write_text(TOOLS.replace("one", word))
    await crib.deploy()


def ask(*_: Any) -> dict[str, Any]:
    return {"messages": [AIMessage("", tool_calls=[{"name": "who", "args": {}, "id": "1"}])]}


def chain(**nodes: Any) -> Any:
    """A graph of these nodes, one after the other."""
    graph = StateGraph(MessagesState)
    for name, node in nodes.items():
        graph.add_node(name, node)
    for begin, end in zip((START, *nodes), nodes, strict=False):
        graph.add_edge(begin, end)
    return graph.compile()


async def said(graph: Any, control: RunControl, **place: str) -> list[str]:
    state = await graph.ainvoke(ask(), {"configurable": dict(place)}, control=control)
    return [message.content for message in state["messages"] if message.type == "tool"]


async def test_runs_under_one_control_each_have_their_tenant_and_release(crib: Crib) -> None:
    graph, control = chain(tools=crib.tool_node()), RunControl()

    assert await said(graph, control, tenant="acme", thread_id="a") == ["one acme a"]
    assert await said(graph, control, tenant="globex", thread_id="b") == ["one globex b"]
    await deploy(crib, "two")
    assert await said(graph, control, tenant="acme", thread_id="a") == ["two acme a"]

    with anyio.fail_after(5):
        while any(crib._wings.registry.census().values()):
            gc.collect()
            await anyio.lowlevel.checkpoint()
            crib._wings.runs.sweep()


async def test_a_run_under_a_shared_control_keeps_its_release_also_in_its_subgraphs(crib: Crib) -> None:
    async def edit(state: MessagesState) -> dict[str, Any]:
        await deploy(crib, "two")
        return ask()

    control, inner = RunControl(), chain(tools=crib.tool_node())
    outer = chain(first=crib.tool_node(), edit=edit, inner=inner, again=ask, last=crib.tool_node())
    inner_only = chain(only=inner)
    nested = chain(first=inner, edit=edit, second=inner)

    assert await said(outer, control, thread_id="a") == ["one  a"] * 3
    assert await said(outer, control, thread_id="a") == ["two  a"] * 3
    await deploy(crib, "one")
    assert await said(nested, RunControl(), thread_id="a") == ["one  a"] * 2
    assert await said(inner_only, control, thread_id="b") == ["two  b"]
    assert await said(inner_only, control, thread_id="c") == ["two  c"]
    await deploy(crib, "three")
    assert await said(inner_only, control, thread_id="b") == ["three  b"]
