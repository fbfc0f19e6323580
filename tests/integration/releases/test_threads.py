"""Threads over releases: which one their next turn takes, moving them, and never an answer lost."""

import asyncio
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.errors import ResumeRefused, ThreadBusy

pytestmark = pytest.mark.anyio

GRAPH = """
from typing import Annotated, TypedDict
import operator
from langgraph.graph import StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    said: Annotated[list, operator.add]

async def begin(state):
    return {{"said": ["{word} begins"]}}

async def {node}(state):
    return {{"said": [f"{word} heard " + interrupt("go on?")]}}

graph = StateGraph(State)
graph.add_node("begin", begin)
graph.add_node("{node}", {node})
graph.set_entry_point("begin")
graph.add_edge("begin", "{node}")
graph.set_finish_point("{node}")
"""
SIMPLE = """
from typing import TypedDict
from langgraph.graph import StateGraph

class State(TypedDict, total=False):
    said: str

async def say(state):
    return {{"said": "{word}"}}

graph = StateGraph(State)
graph.add_node("say", say)
graph.set_entry_point("say")
graph.set_finish_point("say")
"""


class Project:
    """A directory with one agent that asks, and one that does not."""

    def __init__(self, root: Path, policy: str) -> None:
        self.root = root
        self.write(1, policy)

    def write(self, version: int, policy: str = "run", *, node: str = "ask", asks: bool = True) -> None:
        agents = f"""agents:
  simple: {{kind: graph, graph: "graphs/simple.py:graph", thread_policy: {policy}}}
"""
        if asks:
            agents += f"""  asking: {{kind: graph, graph: "graphs/asking.py:graph", thread_policy: {policy}}}
"""
        (self.root / "graphs").mkdir(exist_ok=True)
        (self.root / "graphs" / "asking.py").write_text(GRAPH.format(word=f"v{version}", node=node))
        (self.root / "graphs" / "simple.py").write_text(SIMPLE.format(word=f"v{version}"))
        (self.root / "agents.yaml").write_text(agents)


async def said(crib: toolcrib.Crib, thread: str) -> str:
    return str((await crib.run("simple", {}, thread_id=thread)).output["said"])


@pytest.mark.parametrize(("policy", "then"), [("run", "v2"), ("thread", "v1"), ("compatible", "v1"), ("latest", "v2")])
async def test_the_next_turn_takes_the_release_its_policy_says(tmp_path: Path, policy: str, then: str) -> None:
    project = Project(tmp_path, policy)
    async with toolcrib.open(tmp_path) as crib:
        assert await said(crib, "t") == "v1"
        project.write(2, policy)
        assert (await crib.deploy()).state == "active"
        assert await said(crib, "t") == then
        assert await said(crib, "new") == "v2"
        assert await said(crib, "t") == then, "and so does the one after it"


async def test_a_compatible_thread_follows_where_nothing_can_harm_it(tmp_path: Path) -> None:
    Project(tmp_path, "compatible")
    (tmp_path / "prompts").mkdir()
    async with toolcrib.open(tmp_path) as crib:
        first = await crib.run("simple", {}, thread_id="t")
        (tmp_path / "prompts" / "more.md").write_text("Be kind.")
        assert (await crib.deploy()).state == "active"
        second = await crib.run("simple", {}, thread_id="t")
        assert second.release == crib.release.id != first.release


@pytest.mark.parametrize("policy", ["run", "thread", "compatible", "latest"])
async def test_a_turn_that_waits_ends_on_the_release_it_began_on(tmp_path: Path, policy: str) -> None:
    project = Project(tmp_path, policy)
    async with toolcrib.open(tmp_path) as crib:
        parked = await crib.run("asking", {}, thread_id="t")
        assert parked.interrupts
        project.write(2, policy, node="renamed")
        assert (await crib.deploy(accept=["stranded"])).state == "active"
        answered = await crib.run("asking", thread_id="t", resume="yes")
        assert answered.output["said"] == ["v1 begins", "v1 heard yes"]
        assert answered.release == parked.release != crib.release.id


async def test_only_the_agent_that_asked_is_answered_and_only_once_in_all_processes(tmp_path: Path) -> None:
    Project(tmp_path, "run")
    async with toolcrib.open(tmp_path) as crib, toolcrib.open(tmp_path) as other:
        await crib.run("asking", {}, thread_id="t")
        with pytest.raises(ResumeRefused, match="the agent 'asking' waits for an answer, not 'simple'"):
            await crib.run("simple", thread_id="t", resume="yes")
        both = [one.run("asking", thread_id="t", resume="yes") for one in (crib, other)]
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert [type(end) for end in ends if isinstance(end, BaseException)] == [ThreadBusy]
        (answered,) = [end for end in ends if not isinstance(end, BaseException)]
        assert answered.output["said"] == ["v1 begins", "v1 heard yes"]


async def test_a_parked_thread_is_moved_where_its_node_is_and_answered_there(tmp_path: Path) -> None:
    project = Project(tmp_path, "run")
    async with toolcrib.open(tmp_path) as crib:
        await crib.run("asking", {}, thread_id="t")
        project.write(2)
        second = await crib.deploy()
        dry = await crib.threads.move(second.release, agent="asking")
        assert [(one.thread_id, one.moved, one.problem) for one in dry] == [("t", False, "")]
        moved = await crib.threads.move(second.release, agent="asking", dry_run=False)
        assert [(one.thread_id, one.status, one.target, one.moved) for one in moved] == [
            ("t", "interrupted", second.release, True)
        ]
        assert await crib.threads.move(second.release, agent="asking", dry_run=False) == [], "it is there already"
        answered = await crib.run("asking", thread_id="t", resume="yes")
        assert answered.output["said"] == ["v1 begins", "v2 heard yes"]
        assert answered.release == second.release


@pytest.mark.parametrize(
    ("asks", "node", "problem"),
    [(True, "renamed", "waits in the node 'ask'"), (False, "ask", "it has no agent 'asking'")],
)
async def test_a_thread_is_not_moved_where_its_answer_would_be_lost(
    tmp_path: Path, asks: bool, node: str, problem: str
) -> None:
    project = Project(tmp_path, "run")
    async with toolcrib.open(tmp_path) as crib:
        parked = await crib.run("asking", {}, thread_id="t")
        project.write(2, node=node, asks=asks)
        second = await crib.deploy(accept=["stranded"])
        (move,) = await crib.threads.move(second.release, agent="asking", dry_run=False)
        assert not move.moved
        assert problem in move.problem
        answered = await crib.run("asking", thread_id="t", resume="yes")
        assert answered.output["said"] == ["v1 begins", "v1 heard yes"]
        assert answered.release == parked.release


async def test_an_answer_whose_release_is_gone_is_refused_and_the_thread_stays(tmp_path: Path) -> None:
    project = Project(tmp_path, "run")
    async with toolcrib.open(tmp_path) as crib:
        parked = await crib.run("asking", {}, thread_id="t")
    project.write(2)
    async with toolcrib.open(tmp_path) as crib:
        assert crib.release.id != parked.release
        store = crib._wings.store
        digest = (await store.find(parked.release)).manifest.digest
        real = store.contents

        async def contents(asked: str) -> object:
            if asked == digest:
                raise toolcrib.core.errors.ReleaseNotFound("The store has no such release.")
            return await real(asked)

        store.contents = contents  # type: ignore[method-assign, assignment]  # as after a clean-up that went too far
        with pytest.raises(ResumeRefused, match=f"goes on with release {parked.release}, which cannot be loaded"):
            await crib.run("asking", thread_id="t", resume="yes")
        store.contents = real  # type: ignore[method-assign]  # and now it is there again
        assert (await crib.run("asking", thread_id="t", resume="yes")).success


async def test_threads_are_listed_with_the_release_they_go_on_with(tmp_path: Path) -> None:
    project = Project(tmp_path, "thread")
    async with toolcrib.open(tmp_path) as crib:
        first = crib.release.id
        await said(crib, "a")
        await crib.run("asking", {}, thread_id="b", tenant="acme")
        project.write(2, "thread")
        await crib.deploy()
        await said(crib, "c")
        assert [run.thread_id for run in await crib.threads.list()] == ["c", "b", "a"]
        assert [run.thread_id for run in await crib.threads.list(release=first)] == ["b", "a"]
        assert [run.paused_at for run in await crib.threads.list(status="interrupted")] == [("ask",)]
        assert [run.thread_id for run in await crib.threads.list(tenant="")] == ["c", "a"]
