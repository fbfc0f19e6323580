"""A project whose agent walks three steps and stands still in the first until a test lets it go on."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

GRAPH = """
import operator
from typing import Annotated, TypedDict
from langgraph.graph import StateGraph
from langgraph.types import interrupt
import sys

class State(TypedDict, total=False):
    said: Annotated[list, operator.add]
    asks: bool

async def one(state):
    await sys.modules["toolcrib_test_gate"].through("one")
    return {{"said": ["{word} one"]}}

async def two(state):
    return {{"said": ["{word} two"] + ([interrupt("go on?")] if state.get("asks") else [])}}

async def three(state):
    return {{"said": ["{word} three"]}}

graph = StateGraph(State)
for node in (one, two, three):
    graph.add_node(node.__name__, node)
graph.set_entry_point("one")
graph.add_edge("one", "two")
graph.add_edge("two", "three")
graph.set_finish_point("three")
"""
AGENTS = 'agents: {walker: {kind: graph, graph: "graphs/walker.py:graph"}}'
TOOLS = '''
import sys
from toolcrib import tool

WORD = "{word}"

@tool
async def wait() -> str:
    """Wait until the test says so."""
    await sys.modules["toolcrib_test_gate"].through("wait")
    return WORD
'''


class Gate(ModuleType):
    """Where project code waits for a test."""

    def __init__(self) -> None:
        super().__init__("toolcrib_test_gate")
        self.reached = asyncio.Queue[str]()
        self.open = asyncio.Event()

    async def through(self, place: str) -> None:
        self.reached.put_nowait(place)
        await self.open.wait()


@contextmanager
def gate() -> Iterator[Gate]:
    """The gate, where project code finds it when it runs; the verifier's process has none."""
    made = sys.modules["toolcrib_test_gate"] = Gate()
    try:
        yield made
    finally:
        del sys.modules["toolcrib_test_gate"]


def write(root: Path, word: str, settings: str = "") -> None:
    """The project, told apart from others by a word."""
    for folder in ("graphs", "tools"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "graphs" / "walker.py").write_text(GRAPH.format(word=word))
    (root / "tools" / "waiting.py").write_text(TOOLS.format(word=word))
    (root / "agents.yaml").write_text(AGENTS)
    (root / "toolcrib.yaml").write_text(settings)
