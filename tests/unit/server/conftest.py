"""A real project, opened, with its HTTP door before it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from toolcrib.runtime.build import open_project
from toolcrib.runtime.crib import Crib
from toolcrib.server.app import create_app
from toolcrib.server.inflight import InFlight
from toolcrib.server.recent import RecentEvents
from toolcrib.testing import CountingIds

TOOLS = '''
from toolcrib import ToolError, tool

WORD = "hello"

@tool(side_effect="none", examples=["Greet Ada"])
def greet(name: str, times: int = 1) -> str:
    """Greet somebody.

    Args:
        name: whom.
        times: how often.
    """
    return " ".join([f"{WORD} {name}"] * times)

@tool(side_effect="none")
async def fail() -> str:
    """Fails on purpose."""
    raise ToolError("It is closed today.", hint="Come back tomorrow.")

@tool(side_effect="none")
async def huge() -> dict:
    """A number that few JSON writers like."""
    return {"number": 2**80}
'''

GRAPH = """
from typing import TypedDict
from langgraph.graph import StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode

class State(TypedDict, total=False):
    ask: bool
    fail: bool
    name: str
    answer: str

async def work(state, config):
    if state.get("fail"):
        raise RuntimeError("the graph broke")
    name = interrupt({"question": "who?"}) if state.get("ask") else state["name"]
    told = await ToolNode().ainvoke({"tool": "greet", "tool_input": {"name": name}}, config)
    return {"answer": told["messages"][0].content}

graph = StateGraph(State)
graph.add_node("work", work)
graph.set_entry_point("work")
graph.set_finish_point("work")
"""

AGENTS = "agents:\n  greeter: {kind: graph, graph: 'graphs/greet.py:graph', description: Greets people.}\n"


@dataclass(frozen=True, kw_only=True)
class Door:
    """An open project and a client of its application."""

    crib: Crib
    app: FastAPI
    http: httpx.AsyncClient
    stop: asyncio.Event
    inflight: InFlight
    recent: RecentEvents
    root: Path

    @property
    def tools(self) -> Path:
        return self.root / "tools" / "words.py"


def write_project(root: Path) -> Path:
    """A project of three tools and a graph; it needs no model."""
    for name, text in {"tools/words.py": TOOLS, "graphs/greet.py": GRAPH, "agents.yaml": AGENTS}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@asynccontextmanager
async def open_door(root: Path, *, deploy: bool = True) -> AsyncIterator[Door]:
    """The project at `root`, opened, and a client that talks to its application without a network."""
    recent, stop, inflight = RecentEvents(ids=CountingIds()), asyncio.Event(), InFlight()
    async with open_project(root, deploy=deploy, listeners=(recent.keep,)) as crib:
        app = create_app(crib, recent=recent, stop=stop, inflight=inflight)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=10) as http:
            yield Door(crib=crib, app=app, http=http, stop=stop, inflight=inflight, recent=recent, root=root)
        await inflight.drain(5)


@pytest.fixture(scope="session")
async def reading(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """One door for all tests that change neither the project nor the application."""
    async with open_door(write_project(tmp_path_factory.mktemp("reading"))) as door:
        yield door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A door of the test's own."""
    async with open_door(write_project(tmp_path)) as door:
        yield door
