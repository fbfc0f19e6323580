"""Experiments in an open project: a run keeps its variant whatever is deployed, and every door tells of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph
from langgraph.types import Command

import toolcrib
from tests.integration.commands import toolcrib as command
from tests.integration.draining.project import gate
from tests.unit.server.conftest import Door, open_door
from toolcrib.core.errors import InputInvalid
from toolcrib.core.events import RunFinished, RunStarted, ToolFinished

pytestmark = pytest.mark.anyio
TOOLS = '''
from toolcrib import tool

@tool(side_effect="read", cache={"ttl_s": 60}, examples=["search for shoes"])
def search(query: str) -> str:
    """Search the catalogue."""
    return f"slow {query}"

@tool(side_effect="read", cache={"ttl_s": 60})
def search_fast(query: str) -> str:
    """Search the catalogue at once."""
    if query == "boom":
        raise ValueError(query)
    return f"fast {query}"

@tool(side_effect="read", fallback="search")
def shaky(query: str) -> str:
    """Never answers itself."""
    raise ConnectionError

@tool(side_effect="read")
def count() -> int:
    """Count."""
    return 1

@tool(side_effect="read")
def count_twice() -> int:
    """Count more."""
    return 2
'''
GRAPH = """
import sys
from typing import TypedDict
from langgraph.graph import StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode

class State(TypedDict, total=False):
    asks: bool
    seen: list[str]

node = ToolNode()

async def begin(state):
    if state.get("asks"):
        interrupt("go on?")
    elif "toolcrib_test_gate" in sys.modules:
        await sys.modules["toolcrib_test_gate"].through("begin")
    return {}

async def end(state, config):
    told = await node.ainvoke({"tool": "search", "tool_input": {"query": "x"}}, config)
    return {"seen": [told["messages"][0].content]}

graph = StateGraph(State)
graph.add_node("begin", begin)
graph.add_node("end", end)
graph.set_entry_point("begin")
graph.add_edge("begin", "end")
graph.set_finish_point("end")
"""
AGENTS = """
agents:
  walker: {kind: graph, graph: "graphs/walker.py:graph"}
  support: {prompt: "You are {agent}.", tools: [search], limits: {iterations: 9}}
  idle: {tools: [search_fast]}
  thinker: {kind: react, tools: [search], answer_cache: {ttl_s: 60}}
"""
SWAP = """
experiments:
  search_v2:
    by: user
    variants: {{control: {{weight: {control}}}, fast: {{weight: {fast}, tools: {{search: search_fast}}}}}}
"""
CONTROL, FAST = {"search_v2": "control"}, {"search_v2": "fast"}
COUNT = "  count: {by: tenant, variants: {twice: {tools: {count: count_twice}}}}\n"
PLAN = "  plan: {by: user, variants: {two: {agents: {thinker: {model: {simple: offline, fallback: [offline]}}}}}}\n"
TONE = "  tone: {by: user, variants: {b: {agents: {support: {prompt: prompts/b.md, limits: {iterations: 1}}}}}}\n"


def write(root: Path, *, control: int = 1, fast: int = 1, more: str = "") -> None:
    for folder in ("tools", "graphs", "prompts"):
        (root / folder).mkdir(exist_ok=True)
    (root / "tools" / "search.py").write_text(TOOLS)
    (root / "graphs" / "walker.py").write_text(GRAPH)
    (root / "prompts" / "b.md").write_text("Be quick.")
    (root / "agents.yaml").write_text(AGENTS)
    (root / "tools.yaml").write_text(SWAP.format(control=control, fast=fast) + more)


def users(crib: toolcrib.Crib) -> dict[str, str]:
    """Variant -> a user who is in it."""
    found = {crib.release.arms(user=f"u{number}")[0].variant: f"u{number}" for number in range(40)}
    assert found.keys() == {"control", "fast"}
    return found


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """An open project that no test changes, and a client of its server."""
    root = tmp_path_factory.mktemp("experiments")
    write(root, more=TONE + COUNT + PLAN)
    async with open_door(root) as door:
        yield door


async def test_runs_keep_their_variant_over_other_weights_the_end_of_their_process_and_whoever_answers(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    with gate() as place, anyio.fail_after(60):
        async with toolcrib.open(tmp_path) as crib:
            who = users(crib)["control"]
            waits = await crib.run("walker", {"asks": True}, thread_id="waits", user=who)
            assert (waits.interrupts, dict(waits.variants)) == (("go on?",), CONTROL)
            stopped = asyncio.create_task(crib.run("walker", {}, thread_id="stopped", user=who))
            await place.reached.get()
            crib.ending.suspend()
            place.open.set()
            assert (await stopped).error
        write(tmp_path, control=0)
        async with toolcrib.open(tmp_path) as crib:
            (change,) = await crib.diff()
            assert (change.kind, change.name, change.detail) == ("experiment", "search_v2", "control 1 -> 0")
            while (gone_on := await crib.recent_runs())[0].status in ("running", "suspended"):
                await anyio.lowlevel.checkpoint()
            assert [(run.thread_id, run.status, dict(run.variants)) for run in gone_on] == [
                ("stopped", "success", CONTROL),
                ("waits", "interrupted", CONTROL),
            ]
            done = await crib.run("walker", thread_id="waits", resume="yes", user="somebody else")
            assert (done.output["seen"], dict(done.variants)) == (["slow x"], CONTROL)
            assert [run.user for run in await crib.recent_runs()] == [who] * 3
            told = crib.experiments.show("search_v2")["variants"]
            assert (told["control"]["calls"]["count"], told["control"]["runs"]["count"]) == (2, 2)
            new = await crib.run("walker", {}, thread_id="new", user=who)
            assert (new.output["seen"], dict(new.variants)) == (["fast x"], FAST)


async def test_calls_are_each_in_their_variant_and_share_no_result(door: Door) -> None:
    crib = door.crib
    who = users(crib)
    before = crib.experiments.show("search_v2")["variants"]["fast"]["calls"]["count"]
    for variant, value in ((FAST, "fast x"), (CONTROL, "slow x"), (FAST, "fast x")):
        result = await crib.call("search", {"query": "x"}, user=who[variant["search_v2"]])
        assert (result.value, dict(result.variants), result.tool) == (value, variant, "search")
    assert (result.cached, result.to_dict()["variants"]) == (True, FAST)
    assert (await crib.call("search", {"query": "x"})).variants == ()
    many = await crib.call_many([toolcrib.ToolCall(name="search", args={"query": "x"})] * 2, user=who["fast"])
    assert [one.value for one in many] == ["fast x"] * 2
    failed = await crib.call("search", {"query": "boom"}, user=who["fast"])
    assert (failed.ok, dict(failed.variants)) == (False, FAST)
    other = await crib.call("search_fast", {"query": "x"}, user=who["control"])
    assert (other.value, other.variants, other.cached) == ("fast x", (), False)
    stood_in = await crib.call("shaky", {"query": "x"}, user=who["fast"])
    assert (stood_in.value, stood_in.fallback_for, stood_in.variants) == ("fast x", "shaky", ())
    after = crib.experiments.show("search_v2")["variants"]["fast"]["calls"]
    assert (after["count"] - before, after["failed"]) == (6, 1)


async def test_a_task_is_in_the_variant_of_its_tenant(door: Door) -> None:
    for tenant, value in (("acme", 2), ("", 1)):
        task = await door.crib.submit("count", tenant=tenant)
        await door.crib.tasks.wait(task, timeout_s=10)
        result = await door.crib.tasks.result(task)
        assert (result.value, dict(result.variants)) == (value, {"count": "twice"} if tenant else {})


async def test_a_graph_of_ones_own_goes_by_its_thread_tenant_and_user(door: Door) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", door.crib.tool_node())
    graph.set_entry_point("tools")
    call = {"name": "search", "args": {"query": "x"}, "id": "c1", "type": "tool_call"}
    for variant, user in users(door.crib).items():
        asked: Any = {"messages": [AIMessage("", tool_calls=[call])]}
        state = await graph.compile().ainvoke(asked, {"configurable": {"user": user}})
        assert state["messages"][-1].content == {"fast": "fast x", "control": "slow x"}[variant]


async def test_an_agent_in_a_variant_has_its_prompt_its_limits_and_the_tools_of_its_other_variants(door: Door) -> None:
    crib = door.crib
    who = users(crib)["fast"]
    assert crib.release.agent("support", arms=crib.release.arms(user=who)).prompt == "Be quick."
    run = await crib.run("support", "search for shoes", user=who)
    plain = await crib.run("support", "search for shoes")
    idle = await crib.run("idle", "hello", user=who)
    assert dict(run.variants) == {**FAST, "tone": "b"}
    assert (run.error and run.error.code) == "iteration_limit"
    called = [step for step in run.trace if step["kind"] == "tool"]
    assert [(step["value"], step["variants"]) for step in called] == [("fast shoes", dict(run.variants))]
    assert run.trace[0]["variants"] == dict(run.variants)
    assert (plain.success, plain.variants, idle.variants) == (True, (), ())


async def test_a_react_agent_may_have_a_plan_of_models_and_its_answers_in_each_variant(door: Door) -> None:
    crib, who = door.crib, users(door.crib)
    for variant, found in (("control", "slow shoes"), ("fast", "fast shoes")):
        run = await crib.run("thinker", "search for shoes", user=who[variant])
        again = await crib.run("thinker", "search for shoes", user=who[variant])
        assert dict(run.variants) == {"search_v2": variant, "plan": "two"}
        assert (found in run.output, run.from_cache, again.output, again.from_cache) == (True, False, run.output, True)
        asked = [step for step in run.trace if step["kind"] == "model"]
        assert {(step["tier"], *step["variants"].values()) for step in asked} == {("simple", variant, "two")}
    plain = await crib.run("thinker", "search for shoes", tenant="acme")
    assert (plain.variants, plain.trace[0]["tier"], plain.from_cache) == ((), "", False)
    assert (await crib.run("thinker", "hello", user=who["fast"], tier="simple")).success
    with pytest.raises(InputInvalid, match="no model for the tier 'simple'"):
        await crib.run("thinker", "hello", tier="simple")


async def test_a_run_of_another_server_is_in_its_variants_also_when_somebody_else_answers(door: Door) -> None:
    crib, who, saver = door.crib, users(door.crib)["fast"], InMemorySaver()
    config: Any = {"configurable": {"thread_id": "guest"}}
    seen: list[Any] = []
    for user, given in ((who, {"asks": True}), ("somebody else", Command(resume="yes"))):
        run = await crib.guests.begin("walker", thread_id="guest", user=user)
        seen.append(await run.graph.copy({"checkpointer": saver}).ainvoke(given, config))
        await crib.guests.end(run)
    assert seen[-1]["seen"] == ["fast x"]
    ran = [run for run in await crib.recent_runs() if run.thread_id == "guest"]
    assert [(run.user, dict(run.variants)) for run in ran] == [(who, FAST)] * 2


async def test_events_metrics_and_counts_tell_the_variant(door: Door) -> None:
    crib = door.crib
    who, events, heard = users(crib)["fast"], crib.events(), list[dict[str, Any]]()
    await crib.run("walker", {}, user=who)
    with anyio.fail_after(5):
        async for event in events:
            if isinstance(event, RunStarted | ToolFinished | RunFinished):
                heard.append(event.to_dict()["variants"])
            if isinstance(event, RunFinished):
                break
    assert heard == [FAST] * 3
    lines = (await crib.metrics()).decode().splitlines()
    names = {line.partition("{")[0] for line in lines if 'variant="search_v2:fast"' in line}
    assert {"tool_calls_total", "agent_requests_total", "agent_execution_time_seconds_count"} <= names


async def test_http_tells_of_experiments_and_takes_a_user(door: Door) -> None:
    http, who = door.http, users(door.crib)["fast"]
    called = (await http.post("/v1/tools/search/calls", json={"args": {"query": "x"}, "user": who})).json()
    ran = (await http.post("/v1/agents/walker/runs", json={"input": {}, "user": who, "thread_id": "h"})).json()
    assert (called["value"], called["variants"], ran["variants"]) == ("fast x", FAST, FAST)
    listed = (await http.get("/v1/experiments")).json()
    assert listed[0] == (await http.get("/v1/experiments/search_v2")).json()
    assert (listed[0]["variants"]["fast"]["share"], listed[1]["agents"]) == (0.5, ["support"])
    missing = await http.get("/v1/experiments/serch_v2")
    assert (missing.status_code, missing.json()["hint"]) == (404, "Did you mean 'search_v2'?")
    shown = (await http.get("/v1/tools/search", params={"user": who})).json()
    assert [(one["experiment"], one["variant"]) for one in shown["experiments"]] == [("search_v2", "fast")]
    assert shown["code_name"] == "search_fast"
    runs = (await http.get("/v1/ledger")).json()["runs"]
    assert (FAST, who) in [(run["variants"], run["user"]) for run in runs]
    assert who in [thread["user"] for thread in (await http.get("/v1/threads")).json()]


async def test_the_command_line_tells_of_experiments(door: Door) -> None:
    root, who = door.root, users(door.crib)["fast"]
    run = command(root, "run", "support", "search for shoes", "--user", who, "--json")
    assert json.loads(run.stdout)["variants"] == {**FAST, "tone": "b"}
    (listed,) = [line for line in command(root, "experiments").stdout.splitlines() if "search_fast" in line]
    assert listed.split()[:4] == ["search_v2", "user", "fast", "50.0%"]
    assert "search_v2:fast, tone:b" in command(root, "runs").stdout
    explained = command(root, "tools", "explain", "search", "--user", who).stdout
    assert "search_v2:fast" in explained
    assert "tools/search.py:9" in explained
