"""What is saved of threads, over releases: real objects, migrations, renamed nodes, and never a parked thread lost."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

import toolcrib
from tests.integration.commands import toolcrib as command
from tests.integration.served import serving
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

BROKEN = RENAME.replace("    if", "    state['nothing']\n    if", 1)


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


@pytest.mark.parametrize(("policy", "how"), [("run", "migrated"), ("run", "moved"), ("latest", "asked")])
async def test_a_parked_thread_is_migrated_with_its_node_and_answered_on_the_new_release(
    tmp_path: Path, policy: str, how: str
) -> None:
    write(tmp_path, 1, policy=policy)
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
        write(tmp_path, 2, policy=policy, node="review", title="subject", m1=RENAME)
        deployed = await crib.deploy()
        assert deployed.state == "active", deployed.reasons
        if how == "moved":
            (only_moved,) = await crib.threads.move(deployed.release, dry_run=False)
            assert only_moved.moved
        if how == "migrated":
            (dry,) = await crib.threads.migrate()
            assert (dry.moved, dry.through, dry.problem) == (False, ("m1",), "")
            (moved,) = await crib.threads.migrate(dry_run=False)
            assert moved.moved
            assert await crib.threads.migrate(dry_run=False) == []
        assert await answered(crib, "t") == ["v1 begins", "v2 A B T True", "v2 ends, v1 beside"]
        (run,) = await crib.threads.list()
        assert (run.revision, run.state[:2]) == ("m1", "s-")


async def test_a_failing_step_leaves_the_thread_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, {"toolcrib.yaml": "gate: {rehearse: 0}"})
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
        await answered(crib, "t")
        write(tmp_path, 2, node="review", title="subject", m1=BROKEN)
        assert (await crib.deploy()).state == "active"
        with pytest.raises(MigrationFailed, match=r"migrations/m1.py:\d+.*KeyError") as caught:
            await crib.run("desk", {}, thread_id="t")
        assert "thread 't'" in caught.value.message
        (kept,) = await crib.threads.migrate(dry_run=False)
        assert not kept.moved
        assert "migrations/m1.py" in kept.problem
        write(tmp_path, 3, node="review", title="subject", m1=RENAME)
        await crib.deploy()
        result = await crib.run("desk", {}, thread_id="t")
        assert result.success
        assert result.interrupts


async def test_migrations_are_rehearsed_on_what_is_saved_before_a_release_serves(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        first = crib.release.id
        await park(crib, "waits")
        await park(crib, "rests")
        await answered(crib, "rests")
        write(tmp_path, 2, node="review", title="subject", m1=BROKEN)
        rejected = await crib.deploy(accept=["stranded"])
        assert rejected.state == "rejected", "what code did wrong cannot be accepted"
        told = [(one.code, one.file, one.line > 0) for one in rejected.reasons]
        assert told == [("migration", "migrations/m1.py", True)] * 2
        assert "'waits'" in rejected.reasons[0].message
        assert "'rests'" in rejected.reasons[1].message
        assert crib.release.id == first
        no_up = 'agent = "desk"\nnodes = {"ask": "review"}\n'
        write(tmp_path, 2, node="review", title="subject", m1=no_up)
        rejected = await crib.deploy()
        assert [one.code for one in rejected.reasons] == ["stranded", "migration"]
        assert "does not take what was saved" in rejected.reasons[0].message
        write(tmp_path, 2, node="review", title="subject", m1=RENAME)
        assert (await crib.deploy()).state == "active"


async def test_a_parked_thread_survives_a_lost_node_restarts_and_fifty_further_releases(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        first = crib.release.id
        await park(crib, "held")
        write(tmp_path, 2, node="review")
        rejected = await crib.deploy()
        assert rejected.state == "rejected"
        (reason,) = rejected.reasons
        assert reason.code == "stranded"
        assert reason.file == "graphs/desk.py"
        assert "the node 'ask' they wait in is gone" in reason.message
        assert f"'held' on {first}" in reason.message
        assert [one.code for one in (await crib.verify()).reasons] == ["stranded"]
        assert crib.release.id == first
        accepted = await crib.deploy(accept=["stranded"])
        assert accepted.state == "active"
        assert [one.code for one in accepted.accepted] == ["stranded"]
        await park(crib, "moves")
        renamed = 'agent = "desk"\nnodes = {"review": "decide"}\n'
        write(tmp_path, 3, node="decide", m1=renamed)
        assert (await crib.deploy()).state == "active", "who is held is not asked about again"
    async with toolcrib.open(tmp_path) as crib:
        for number in range(50):
            put(tmp_path, {"prompts/note.md": f"Release {number}."})
            assert (await crib.deploy()).state == "active"
        assert len(crib._wings.registry.residents()) < 10
    async with toolcrib.open(tmp_path) as crib:
        (moved,) = await crib.threads.migrate(thread_id="moves", dry_run=False)
        assert (moved.moved, moved.through, moved.target) == (True, ("m1",), crib.release.id)
        assert await answered(crib, "moves") == ["v2 begins", "v3 A B T True", "v3 ends, v2 beside"]
        assert await answered(crib, "held") == ["v1 begins", "v1 A B T True", "v1 ends, v1 beside"]
        (held,) = await crib.threads.list(thread_id="held")
        assert toolcrib.core.releases.release_id(held.release) == first


async def test_a_state_that_changes_without_a_migration_strands_who_waits(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
        write(tmp_path, 2, title="subject")
        (reason,) = (await crib.deploy()).reasons
        assert reason.code == "stranded"
        assert "field ticket retyped" in reason.message
        await answered(crib, "t")
        assert (await crib.deploy()).state == "active", "nothing waits any more"
        refused = await crib.run("desk", {}, thread_id="t")
        assert refused.error is not None
        assert refused.error.code == "state_unreadable"
        for part in ("'t'", "graphs.desk:Ticket", crib.release.id):
            assert part in refused.error.message


@pytest.mark.parametrize("down", [True, False])
async def test_a_rollback_undoes_migrations_or_leaves_threads_where_they_are(tmp_path: Path, down: bool) -> None:
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        first = crib.release.id
        write(tmp_path, 2, node="review", title="subject", m1=RENAME if down else RENAME.replace("down", "_down"))
        second = await crib.deploy()
        await park(crib, "t")
        await answered(crib, "t")
        rolled = await crib.rollback()
        assert [one.code for one in rolled.accepted] == ([] if down else ["stranded"]), "said, not refused"
        again = await crib.run("desk", {}, thread_id="t")
        assert again.interrupts, again.error
        assert again.release == (first if down else second.release)


@pytest.mark.parametrize("at_once", [True, False])
async def test_several_steps_are_gone_through_in_order(tmp_path: Path, at_once: bool) -> None:
    write(tmp_path, 1)
    async with toolcrib.open(tmp_path) as crib:
        await park(crib, "t")
        write(tmp_path, 2, node="review", title="subject", m1=RENAME)
        assert (await crib.deploy()).state == "active"
        if not at_once:
            assert [one.through for one in await crib.threads.migrate(dry_run=False)] == [("m1",)]
        again = """
            agent = "desk"
            replaces = "m1"
            nodes = {"review": "decide", "beside": "beside"}
            def up(state):
                state["ticket"]["matter"] = state["ticket"].pop("subject")
                state["note"] = "noted"
                return state
        """
        write(tmp_path, 3, node="decide", title="matter", m1=RENAME, m2=again)
        deployed = await crib.deploy()
        assert deployed.state == "active", deployed.reasons
        if at_once:
            (moved,) = await crib.threads.migrate(dry_run=False)
            assert moved.through == ("m1", "m2")
        else:  # as when the process dies between the ledger and the checkpoint
            await crib.threads.move(deployed.release, dry_run=False)
        said = await answered(crib, "t")
        assert said == ["v1 begins", "v3 A B T True", "v3 ends, v1 beside"], "what a node had written comes after"


def test_the_command_line_and_http_migrate_threads_dry_run_first(tmp_path: Path) -> None:
    async def prepared() -> str:
        write(tmp_path, 1)
        async with toolcrib.open(tmp_path) as crib:
            for thread in ("one", "two"):
                await park(crib, thread)
            write(tmp_path, 2, node="review", title="subject", m1=RENAME)
            return (await crib.deploy()).release

    release = asyncio.run(prepared())
    dry = command(tmp_path, "threads", "migrate", "--agent", "desk")
    assert dry.returncode == 0, dry.stderr
    assert f"would move to {release} through m1" in dry.stdout
    assert "nothing was changed" in dry.stderr
    done = command(tmp_path, "threads", "migrate", "one", "--to", release, "--yes", "--json")
    (move,) = json.loads(done.stdout)
    assert (move["thread_id"], move["moved"], move["through"]) == ("one", True, ["m1"])
    with serving(tmp_path) as (_, client):
        answer = client.post("/v1/threads/migrate", json={"dry_run": False})
        assert [(one["thread_id"], one["moved"]) for one in answer.json()] == [("two", True)]
        assert client.post("/v1/threads/migrate", json={"to": "r-00000000"}).status_code == 404
        run = client.post("/v1/agents/desk/runs", json={"thread_id": "two", "resume": "B"})
        assert run.json()["output"]["said"][1] == "v2 A B T True", run.text
