"""A step begins when the checkpoint before it is written: a call's key is made of it, and is another one without."""

import sqlite3
from pathlib import Path

import anyio
import pytest

import toolcrib
from toolcrib.core.results import RunResult

pytestmark = pytest.mark.anyio
HELD_UP_S = 0.5
AGENTS = "agents:\n  flow: {kind: graph, graph: 'graphs/flow.py:graph'}\n"
TOOL = '''
from pathlib import Path
from toolcrib import tool

@tool(side_effect="write", isolation="inline")
def pay() -> str:
    """Pay."""
    Path({effect!r}).touch()
    return "paid"
'''
GRAPH = """
from typing import TypedDict
from langgraph.graph import StateGraph
from toolcrib import ToolNode

class State(TypedDict, total=False):
    found: str

async def work(state, config):
    answer = await ToolNode().ainvoke({"tool": "pay", "tool_input": {}, "id": "c1"}, config)
    return {"found": answer["messages"][0].content}

graph = StateGraph(State)
graph.add_node("work", work)
graph.set_entry_point("work")
graph.set_finish_point("work")
"""


async def test_a_tool_is_not_called_before_the_checkpoint_of_its_step_is_written(tmp_path: Path) -> None:
    effect = tmp_path / "effect"
    texts = {"agents.yaml": AGENTS, "tools/pay.py": TOOL.format(effect=str(effect)), "graphs/flow.py": GRAPH}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    results: list[RunResult] = []
    ended = anyio.Event()

    async with toolcrib.open(tmp_path) as crib, anyio.create_task_group() as group:

        async def run() -> None:
            results.append(await crib.run("flow", {"found": ""}, thread_id="t"))
            ended.set()

        other = sqlite3.connect(tmp_path / ".toolcrib" / "threads.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # holds up what is written, as a slow disk does
        group.start_soon(run)
        with anyio.move_on_after(HELD_UP_S):
            await ended.wait()
        was_called = effect.exists()
        other.execute("COMMIT")
        other.close()
        with anyio.fail_after(10):
            await ended.wait()
    assert not was_called
    assert results[0].output["found"] == "paid", results[0].error
