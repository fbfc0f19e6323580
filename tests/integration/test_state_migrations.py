"""What is saved of threads, over releases: real objects, migrations, renamed nodes, and never a parked thread lost."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

import toolcrib
from toolcrib.core.errors import MigrationFailed

pytestmark = pytest.mark.anyio

AGENTS = 'agents:\n  desk: {{kind: graph, graph: "graphs/desk.py:graph", thread_policy: {policy}}}\n'
GRAPH = """
import operator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, NamedTuple, TypedDict

from langgraph.graph import StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Place(NamedTuple):
    city: str
    floor: int


class Person(BaseModel):
    name: str
    place: Place


@dataclass(frozen=True)
class Ticket:
    {title}: str
    level: Level
    tags: frozenset[Level]
    by: Person


class State(TypedDict, total=False):
    said: Annotated[list, operator.add]
    ticket: Ticket
    note: str


async def begin(state):
    by = Person(name="A", place=Place("B", 3))
    ticket = Ticket({title}="T", level=Level.LOW, tags=frozenset([Level.HIGH]), by=by)
    return {{"said": ["v{version} begins"], "ticket": ticket}}


async def beside(state):
    return {{"note": "v{version} beside"}}


async def {node}(state):
    first = interrupt("one?")
    second = interrupt("two?")
    ticket = state["ticket"]
    real = isinstance(ticket, Ticket) and isinstance(ticket.by, Person) and isinstance(ticket.by.place, Place)
    same = ticket.level is Level.LOW and ticket.tags == {{Level.HIGH}}
    return {{"said": [f"v{version} {{first}} {{second}} {{ticket.{title}}} {{real and same}}"]}}


async def end(state):
    return {{"said": [f"v{version} ends, {{state['note']}}"]}}


graph = StateGraph(State)
for name, node in {{"begin": begin, "beside": beside, "{node}": {node}, "end": end}}.items():
    graph.add_node(name, node)
graph.set_entry_point("begin")
graph.add_edge("begin", "beside")
graph.add_edge("begin", "{node}")
graph.add_edge(["beside", "{node}"], "end")
graph.set_finish_point("end")
"""
RENAME = """
agent = "desk"
nodes = {"ask": "review"}

def up(state):
    if "ticket" in state:
        state["ticket"]["subject"] = state["ticket"].pop("title")
    return state

def down(state):
    if "ticket" in state:
        state["ticket"]["title"] = state["ticket"].pop("subject")
    return state
"""


def write(
    root: Path, version: int, *, policy: str = "run", node: str = "ask", title: str = "title", **migrations: str
) -> None:
    files = {"agents.yaml": AGENTS.format(policy=policy)}
    files["graphs/desk.py"] = GRAPH.format(version=version, node=node, title=title)
    files |= {f"migrations/{name}.py": dedent(text) for name, text in migrations.items()}
    put(root, files)


def put(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


async def park(crib: toolcrib.Crib, thread: str) -> None:
    """Begin a turn and answer its first question; it waits with the second one."""
    first = await crib.run("desk", {}, thread_id=thread)
    assert first.interrupts == ("one?",), first.error
    assert (await crib.run("desk", thread_id=thread, resume="A")).interrupts == ("two?",)


async def answered(crib: toolcrib.Crib, thread: str) -> list[str]:
    result = await crib.run("desk", thread_id=thread, resume="B")
    assert result.success, result.error
    assert not result.interrupts
    said: list[str] = result.output["said"]
    return said


async def test_objects_of_the_project_are_real_after_restart_and_in_other_releases(tmp_path: Path) -> None:
    write(tmp_path, 1, policy="run")
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
    async with toolcrib.open(tmp_path) as crib:
        assert await answered(crib, "t") == ["v1 begins", "v1 A B T True", "v1 ends, v1 beside"]
        await park(crib, "u")
        write(tmp_path, 2)
        second = await crib.deploy()
        await crib.threads.move(second.release, dry_run=False)
        assert await answered(crib, "u") == ["v1 begins", "v2 A B T True", "v2 ends, v1 beside"]


@pytest.mark.parametrize("policy", ["run", "latest"])
async def test_a_parked_thread_is_migrated_with_its_node_and_answered_on_the_new_release(
    tmp_path: Path, policy: str
) -> None:
    write(tmp_path, 1, policy=policy)
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
        write(tmp_path, 2, policy=policy, node="review", title="subject", m1=RENAME)
        deployed = await crib.deploy()
        assert deployed.state == "active", deployed.reasons
        if policy == "run":
            (dry,) = await crib.threads.migrate()
            assert (dry.moved, dry.through, dry.problem) == (False, ("m1",), "")
            (moved,) = await crib.threads.migrate(dry_run=False)
            assert moved.moved
            assert await crib.threads.migrate(dry_run=False) == []
        assert await answered(crib, "t") == ["v1 begins", "v2 A B T True", "v2 ends, v1 beside"]
        (run,) = await crib.threads.list()
        assert (run.revision, run.state[:2]) == ("m1", "s-")


async def test_a_failing_step_leaves_the_thread_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
        await answered(crib, "t")
        broken = RENAME.replace("    if", "    raise KeyError('x')\n    if", 1)
        write(tmp_path, 2, node="review", title="subject", m1=broken)
        assert (await crib.deploy()).state == "active", "nothing waits"
        with pytest.raises(MigrationFailed, match=r"migrations/m1.py:\d+.*KeyError") as caught:
            await crib.run("desk", {}, thread_id="t")
        assert "thread 't'" in caught.value.message
        write(tmp_path, 3, node="review", title="subject", m1=RENAME)
        await crib.deploy()
        result = await crib.run("desk", {}, thread_id="t")
        assert result.success
        assert result.interrupts
