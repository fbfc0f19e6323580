"""docs/state-migrations.md: its example goes through the gate, and its table says what a migration has."""

import re
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.settings import GateSettings
from toolcrib.runtime.build import verify_project

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "state-migrations.md").read_text(encoding="utf-8")
CODE = PAGE.partition("```python\n")[2].partition("```")[0]
GRAPH = """
from dataclasses import dataclass
from typing import TypedDict
from langgraph.graph import StateGraph

@dataclass
class Ticket:
    {title}: str

class State(TypedDict, total=False):
    ticket: Ticket

def {node}(state):
    return {{"ticket": state.get("ticket") or Ticket("words")}}

graph = StateGraph(State)
graph.add_node("{node}", {node})
graph.set_entry_point("{node}")
"""


def write(root: Path, title: str, node: str, **migrations: str) -> None:
    (root / "graphs").mkdir(exist_ok=True)
    (root / "migrations").mkdir(exist_ok=True)
    (root / "agents.yaml").write_text('agents:\n  desk: {kind: graph, graph: "graphs/desk.py:graph"}\n')
    (root / "graphs" / "desk.py").write_text(GRAPH.format(title=title, node=node))
    (root / "migrations" / "0001_ticket.py").write_text('agent = "desk"\ndef up(state):\n    return state\n')
    for name, text in migrations.items():
        (root / "migrations" / f"{name.removeprefix('m')}.py").write_text(text)


async def test_the_example_brings_a_thread_over_and_back(tmp_path: Path) -> None:
    write(tmp_path, "title", "ask")
    async with toolcrib.open(tmp_path) as crib:
        await crib.run("desk", {}, thread_id="t")
        write(tmp_path, "subject", "review", m0002_subject=CODE)
        assert (await crib.deploy()).state == "active"
        assert (await crib.run("desk", {}, thread_id="t")).output["ticket"].subject == "words"
        await crib.rollback()
        assert (await crib.run("desk", {}, thread_id="t")).output["ticket"].title == "words"


async def test_a_node_that_the_graph_lacks_is_refused_at_its_place(tmp_path: Path) -> None:
    write(tmp_path, "subject", "other", m0002_subject=CODE)
    (reason,) = (await verify_project(tmp_path)).reasons
    assert (reason.code, reason.file) == ("migration", "migrations/0002_subject.py")
    assert "node 'ask' becomes 'review', which 'desk' lacks" in reason.message


def test_every_name_of_a_migration_is_in_the_table() -> None:
    told = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert told == ["agent", "replaces", "revision", "nodes", "up", "down"]


def test_the_size_of_the_rehearsal_is_the_settings() -> None:
    assert f"{GateSettings().rehearse} threads (`gate: {{rehearse: {GateSettings().rehearse}}}`" in PAGE
