"""Who sees which release while a canary serves beside the stable one: threads, tasks, graphs of one's own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

import toolcrib
from tests.integration.releases.test_project import GRAPH, TOOLS
from toolcrib.core.errors import ToolcribError
from toolcrib.runtime.crib import Crib

pytestmark = pytest.mark.anyio
AGENTS = 'agents:\n  asking: {kind: graph, graph: "graphs/asking.py:graph"}\n'
THREADS = [f"t{number}" for number in range(40)]


@pytest.fixture
async def crib(tmp_path: Path) -> AsyncIterator[Crib]:
    """A project that says Hello, with a canary for half of the threads that says Servus."""
    words = tmp_path / "tools" / "_words.py"
    for name, text in {
        "tools/greeting.py": TOOLS,
        "tools/_words.py": 'HELLO = "Hello"\n',
        "graphs/asking.py": GRAPH,
        "agents.yaml": AGENTS,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    async with toolcrib.open(tmp_path) as crib:
        words.write_text('HELLO = "Servus"\n')
        assert (await crib.deploy(canary=50)).state == "canary"
        yield crib


def parts(crib: Crib) -> tuple[set[str], set[str]]:
    """The threads that see the stable release, and those that see the canary."""
    registry, stable = crib._wings.registry, set[str]()
    for thread in THREADS:
        if registry.route(tenant="", key=thread) is crib.release:
            stable.add(thread)
    return stable, set(THREADS) - stable


async def asked(crib: Crib, thread: str) -> str:
    """One whole turn of a thread: the run waits, and is answered. Which release served it."""
    waits = await crib.run("asking", {"answer": ""}, thread_id=thread)
    assert waits.interrupts, waits
    done = await crib.run("asking", thread_id=thread, resume="yes")
    assert done.success, done
    assert done.release == waits.release
    return done.release


async def test_a_thread_stays_on_its_side_turn_by_turn_and_moves_only_when_the_percentage_passes_it(crib: Crib) -> None:
    stable, canary = parts(crib)
    assert len(stable) > 5
    assert len(canary) > 5
    mine, other = min(canary), min(stable)
    for _ in range(3):
        assert await asked(crib, mine) != crib.release.id
        assert await asked(crib, other) == crib.release.id
    await crib.deploy(canary=100)
    assert await asked(crib, other) == await asked(crib, mine) != crib.release.id


async def test_what_a_canary_serves_counts_from_its_first_call(crib: Crib) -> None:
    for _ in range(24):
        assert (await crib.call("greet", {"name": "Ada"})).ok
    figures = (await crib.canary.status()).figures
    counted = {side: figures[side]["whole"]["calls"]["ended"] for side in ("canary", "stable")}
    assert sum(counted.values()) == 24
    assert min(counted.values()) > 0


async def test_a_parked_run_resumes_on_its_own_release_though_the_canary_has_ended(crib: Crib) -> None:
    _, canary = parts(crib)
    thread = min(canary)
    waits = await crib.run("asking", {"answer": ""}, thread_id=thread)
    assert (await crib.rollback()).state == "withdrawn"
    await crib._wings.deployer.sweep(keep=0)
    assert [release.id for release in crib._wings.registry.residents()] == [crib.release.id]
    done = await crib.run("asking", thread_id=thread, resume="yes")
    assert (done.success, done.release) == (True, waits.release)
    assert waits.release != crib.release.id
    assert "Servus" in str(done.output)
    assert await asked(crib, thread) == crib.release.id
    assert (await crib.ledger()).mixed == 0


async def test_a_task_runs_on_the_release_its_id_and_tenant_are_routed_to_and_says_so(crib: Crib) -> None:
    registry = crib._wings.registry
    tasks = [await crib.submit("greet", {"name": "Ada"}) for _ in range(24)]
    expected = {task: registry.route(tenant="", key=task).id for task in tasks}
    assert len(set(expected.values())) == 2
    for task in tasks:
        record = await crib.tasks.wait(task, timeout_s=20)
        assert (record.state, record.release) == ("succeeded", expected[task])
        assert record.result
        assert str(record.result["value"]).endswith(f"from {expected[task]}")
    await crib.hold("acme", crib.release.id)
    held = [await crib.submit("greet", {"name": "Ada"}, tenant="acme") for _ in range(8)]
    assert {(await crib.tasks.wait(task, timeout_s=20)).release for task in held} == {crib.release.id}
    with anyio.fail_after(5):
        while any("task" in holders for holders in crib.census().values()):
            await anyio.lowlevel.checkpoint()


async def test_a_graph_of_ones_own_is_routed_by_its_thread_and_tenant(crib: Crib) -> None:
    stable, canary = parts(crib)
    graph = StateGraph(MessagesState)
    graph.add_node("tools", crib.tool_node())
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile()

    async def served(**place: str) -> str:
        asks: Any = {"messages": [AIMessage("", tool_calls=[{"name": "greet", "args": {"name": "A"}, "id": "1"}])]}
        state = await compiled.ainvoke(asks, {"configurable": dict(place)})
        return str(state["messages"][-1].content).rpartition(" ")[2]

    other = (await crib.channel()).canary
    assert other
    assert {await served(thread_id=thread) for thread in stable} == {crib.release.id}
    assert {await served(thread_id=thread) for thread in canary} == {f"r-{other.digest[:8]}"}
    await crib.hold("acme", crib.release.id)
    assert {await served(thread_id=thread, tenant="acme") for thread in canary} == {crib.release.id}


async def test_langchain_tools_and_tool_nodes_of_one_graph_run_see_one_release(crib: Crib) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("theirs", ToolNode(crib.langchain_tools()))
    graph.add_node("ours", crib.tool_node())
    for begin, end in ((START, "theirs"), ("theirs", "ours"), ("ours", END)):
        graph.add_edge(begin, end)
    compiled = graph.compile()
    calls = [{"name": "greet", "args": {"name": name}, "id": name} for name in "ABCDEF"]
    seen: list[str] = []
    for _ in range(12):
        asks: Any = {"messages": [AIMessage("", tool_calls=calls)]}
        state = await compiled.ainvoke(asks)
        said = [str(message.content) for message in state["messages"] if message.type == "tool"]
        releases = {text.rpartition(" ")[2] for text in said}
        assert len(said) == 12
        assert len(releases) == 1
        seen += releases
    assert len(set(seen)) == 2, "runs without a thread are spread over both"


async def test_langchain_tools_outside_of_a_graph_are_calls_of_their_own(crib: Crib) -> None:
    (greet,) = crib.langchain_tools()
    said = {(await greet.ainvoke({"name": "Ada"})).rpartition(" ")[2] for _ in range(40)}
    assert len(said) == 2
    with pytest.raises(ToolcribError, match="outside of a graph run"):
        await crib.tool_node().ainvoke({"tool": "greet", "tool_input": {"name": "Ada"}})
