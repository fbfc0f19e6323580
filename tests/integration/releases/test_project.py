"""A project as its users meet it: opened, asked, edited, broken, rolled back, closed and opened again."""

import inspect
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

import toolcrib
from toolcrib import ToolCall, ToolcribError
from toolcrib.core.errors import AgentNotFound, DeploymentRejected, ProjectInvalid, ResumeRefused, ThreadBusy

pytestmark = pytest.mark.anyio

TOOLS = '''
from toolcrib import ToolContext, tool
from . import _words

@tool(side_effect="read")
def greet(name: str, context: ToolContext) -> str:
    """Greet somebody.

    Args:
        name: whom.
    """
    return f"{_words.HELLO} {name} from {context.release}"
'''

GRAPH = """
from typing import TypedDict
from langgraph.graph import StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode

WORD = "one"

class State(TypedDict, total=False):
    answer: str

async def ask(state):
    return {"answer": f"{interrupt({'question': 'go on?'})} says {WORD}"}

async def greet(state, config):
    told = await ToolNode().ainvoke({"tool": "greet", "tool_input": {"name": state["answer"]}}, config)
    return {"answer": told["messages"][0].content}

graph = StateGraph(State)
graph.add_node("ask", ask)
graph.add_node("greet", greet)
graph.set_entry_point("ask")
graph.add_edge("ask", "greet")
graph.set_finish_point("greet")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "tools/greeting.py": TOOLS,
        "tools/_words.py": 'HELLO = "Hello"\n',
        "graphs/asking.py": GRAPH,
        "agents.yaml": 'agents:\n  asking: {kind: graph, graph: "graphs/asking.py:graph"}\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


async def test_a_deployment_changes_the_next_call_and_says_what_changed(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        first = crib.release
        assert (await crib.call("greet", {"name": "Ada"})).value == f"Hello Ada from {first.id}"
        (project / "tools" / "_words.py").write_text('HELLO = "Servus"\n')

        deployment = await crib.deploy()

        assert (deployment.state, deployment.previous) == ("active", first.id)
        assert [(change.kind, change.name, change.detail) for change in deployment.diff] == [("tool", "greet", "code")]
        assert (await crib.call("greet", {"name": "Ada"})).value == f"Servus Ada from {crib.release.id}"
        assert crib.generation == 2


async def test_a_broken_tree_is_rejected_and_the_last_good_release_serves_also_after_a_restart(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        good = crib.release.id
        (project / "tools" / "_words.py").write_text("HELLO = (\n")

        deployment = await crib.deploy()

        assert deployment.state == "rejected"
        assert [reason.place for reason in deployment.reasons] == ["tools/_words.py:1:9"]
        assert crib.release.id == good
    async with toolcrib.open(project) as crib:
        assert crib.release.id == good
        assert isinstance(crib.problem, DeploymentRejected)
        assert (await crib.call("greet", {"name": "Ada"})).value == f"Hello Ada from {good}"


async def test_a_rollback_holds_over_a_restart_until_the_tree_changes(project: Path) -> None:
    words = project / "tools" / "_words.py"
    async with toolcrib.open(project) as crib:
        first = crib.release.id
        words.write_text('HELLO = "Servus"\n')
        second = (await crib.deploy()).release

        deployment = await crib.rollback()

        assert (deployment.state, deployment.release, deployment.previous) == ("rolled_back", first, second)
    async with toolcrib.open(project) as crib:
        assert crib.release.id == first
        assert crib.problem is not None
        assert f"{second}, was rolled back from" in crib.problem.message
        words.write_text('HELLO = "Moin"\n')
    async with toolcrib.open(project) as crib:
        assert crib.release.id not in (first, second)


async def test_a_project_that_was_never_good_cannot_be_opened(project: Path) -> None:
    (project / "tools" / "_words.py").write_text("import nowhere\n")

    with pytest.raises(DeploymentRejected) as caught:
        async with toolcrib.open(project):
            pass

    assert [reason.place for reason in caught.value.reasons] == ["tools/_words.py:1:1"]
    assert "nowhere" in caught.value.reasons[0].hint


async def test_a_run_that_waits_for_a_human_goes_on_on_its_own_release_also_after_a_restart(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        began = crib.release.id
        parked = await crib.run("asking", {}, thread_id="t1")
        assert parked.interrupts == ({"question": "go on?"},)
        (project / "graphs" / "asking.py").write_text(GRAPH.replace('"one"', '"two"').replace('"ask"', '"renamed"'))
        (project / "tools" / "_words.py").write_text('HELLO = "Servus"\n')
        assert (await crib.deploy(accept=["stranded"])).state == "active"
        with pytest.raises(ThreadBusy, match="waits for a human"):
            await crib.run("asking", {}, thread_id="t1")
    async with toolcrib.open(project) as crib:
        assert crib.release.id != began

        result = await crib.run("asking", thread_id="t1", resume="yes")

        assert (result.success, result.release) == (True, began)
        assert result.output == {"answer": f"Hello yes says one from {began}"}
        ledger = await crib.ledger()
        assert (ledger.failed, ledger.mixed) == (0, 0)
        with pytest.raises(ResumeRefused):
            await crib.run("asking", thread_id="t1", resume="again")


async def test_threads_of_two_tenants_with_one_name_are_two_threads(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        await crib.run("asking", {}, thread_id="t1", tenant="a")

        other = await crib.run("asking", {}, thread_id="t1", tenant="b")

        assert other.interrupts
        assert (await crib.run("asking", thread_id="t1", tenant="a", resume="A")).output["answer"].startswith("Hello A")


async def test_an_unknown_agent_is_an_error_with_near_names(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        with pytest.raises(AgentNotFound) as caught:
            await crib.run("askin", {})

    assert "asking" in caught.value.hint


async def test_a_batch_keeps_order_and_one_failure_sinks_nobody(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        results = await crib.call_many(
            [ToolCall(name="greet", args={"name": n}) if n else ToolCall(name="nope") for n in ("A", "", "B")]
        )

    assert [result.ok for result in results] == [True, False, True]
    assert results[1].error is not None
    assert results[1].error.code == "tool_not_found"


async def test_a_graph_of_ones_own_gets_live_tools_and_one_release_a_run(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        words = project / "tools" / "_words.py"

        async def edit(state: MessagesState) -> dict[str, object]:
            words.write_text(words.read_text().replace("Hello", "Servus"))
            await crib.deploy()
            return {"messages": [AIMessage("", tool_calls=[{"name": "greet", "args": {"name": "B"}, "id": "2"}])]}

        graph = StateGraph(MessagesState)
        graph.add_node("first", crib.tool_node())
        graph.add_node("edit", edit)
        graph.add_node("second", crib.tool_node())
        for begin, end in ((START, "first"), ("first", "edit"), ("edit", "second"), ("second", END)):
            graph.add_edge(begin, end)
        compiled = graph.compile()
        asked: Any = {"messages": [AIMessage("", tool_calls=[{"name": "greet", "args": {"name": "A"}, "id": "1"}])]}
        before = crib.release.id

        state = await compiled.ainvoke(asked)
        again = await compiled.ainvoke(asked)

        said = [message.content for message in state["messages"] if message.type == "tool"]
        assert said == [f"Hello A from {before}", f"Hello B from {before}"]
        assert again["messages"][1].content == f"Servus A from {crib.release.id}"


async def test_langchain_tools_are_live(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        (greet,) = crib.langchain_tools()
        (project / "tools" / "_words.py").write_text('HELLO = "Servus"\n')
        await crib.deploy()

        assert await greet.ainvoke({"name": "Ada"}) == f"Servus Ada from {crib.release.id}"
        assert "name: is required" in await greet.ainvoke({})


async def test_a_watched_project_deploys_a_saved_file(project: Path) -> None:
    async with toolcrib.open(project, watch=True) as crib:
        events = crib.events()
        (project / "tools" / "_words.py").write_text('HELLO = "Servus"\n')
        with anyio.fail_after(10):
            await anext(events)

        assert (await crib.call("greet", {"name": "Ada"})).value == f"Servus Ada from {crib.release.id}"


async def test_mistakes_in_the_cold_settings_are_told_before_anything_is_opened(project: Path) -> None:
    (project / "toolcrib.yaml").write_text("server: {prot: 1}\n")

    with pytest.raises(ProjectInvalid) as caught:
        async with toolcrib.open(project):
            pass

    assert [reason.place for reason in caught.value.reasons] == ["toolcrib.yaml:1:10"]
    assert not (project / ".toolcrib").exists()


async def test_a_directory_that_cannot_be_read_at_the_start_leaves_the_last_good_release_serving(
    project: Path,
) -> None:
    async with toolcrib.open(project) as crib:
        good = crib.release.id
    (project / "tools" / "big.py").write_text("#" * 3_000_000)
    async with toolcrib.open(project, watch=True) as crib:
        assert crib.release.id == good
        assert isinstance(crib.problem, ProjectInvalid)
        assert [reason.file for reason in crib.problem.reasons] == ["tools/big.py"]
        (project / "tools" / "big.py").unlink()
        with anyio.fail_after(20):
            while crib.problem is not None:
                await anyio.lowlevel.checkpoint()
    fresh = project.parent / "fresh"
    (fresh / "tools").mkdir(parents=True)
    (fresh / "tools" / "big.py").write_text("#" * 3_000_000)
    with pytest.raises(ProjectInvalid, match="cannot be read"):
        async with toolcrib.open(fresh):
            pass


CACHED = """
from dataclasses import dataclass
from toolcrib import tool
from ._words import HELLO

@dataclass
class Answer:
    text: str

@tool(side_effect="read", cache={"ttl_s": 300})
def answer(name: str) -> Answer:
    'Answer somebody.'
    return Answer(f"{HELLO} {name}")
"""


async def test_kept_results_outlive_a_release_but_not_a_change_of_their_code(project: Path) -> None:
    (project / "tools" / "cached.py").write_text(CACHED)
    async with toolcrib.open(project) as crib:
        first = await crib.call("answer", {"name": "Ada"})
        (project / "graphs" / "more.py").write_text("MORE = 1\n")
        assert (await crib.deploy()).state == "active"
        kept = await crib.call("answer", {"name": "Ada"})
        assert (kept.value, type(kept.value)) == (first.value, type(first.value))
        assert (kept.cached, kept.release) == (True, crib.release.id)
        assert kept.release != first.release

        (project / "tools" / "_words.py").write_text('HELLO = "Servus"\n')
        assert (await crib.deploy()).state == "active"
        anew = await crib.call("answer", {"name": "Ada"})
        assert (anew.value.text, anew.cached) == ("Servus Ada", False)
        assert await crib.invalidate_cache(tool="answer") == 2
        assert (crib.cache_stats().hits, crib.cache_stats().entries) == (1, 0)


async def test_the_settings_say_how_much_memory_kept_results_may_take(project: Path) -> None:
    (project / "toolcrib.yaml").write_text("cache: {max_mb: 1}\n")
    big = CACHED.replace('{HELLO} {name}")', '{name}" * 40_000)')
    (project / "tools" / "cached.py").write_text(big)
    async with toolcrib.open(project) as crib:
        for number in range(20):
            assert (await crib.call("answer", {"name": f"n{number}"})).ok
        stats = crib.cache_stats()
        assert (stats.entries + stats.evicted, stats.size_bytes <= 1 << 20) == (20, True)
        assert stats.evicted > 0


def test_synchronous_code_has_the_same_methods(project: Path) -> None:
    with toolcrib.open_sync(project) as crib:
        assert crib.call("greet", {"name": "Ada"}).value == f"Hello Ada from {crib.release.id}"
        assert crib.run("asking", {}, thread_id="t").interrupts
        names = [event.event for event in crib.stream("asking", thread_id="t", resume="x")]
        assert (names[0], names[-1]) == ("run.started", "run.finished")
        assert (crib.invalidate_cache(tool="greet", tenant="a", tag="t"), crib.cache_stats().entries) == (0, 0)
        with pytest.raises(ToolcribError):
            crib.rollback()
    with pytest.raises(ToolcribError, match="closed"):
        crib.call("greet", {"name": "Ada"})


async def test_a_closed_project_does_nothing_any_more_and_says_so(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        pass
    with pytest.raises(ToolcribError, match="closed"):
        await crib.call("greet", {"name": "Ada"})
    with pytest.raises(ToolcribError, match="closed"):
        await crib.deploy()


async def test_closing_leaves_nothing_behind_but_the_state_directory(project: Path) -> None:
    (project / "tools" / "_words.py").write_text(f'HELLO = "{project.name}"\n')  # a release no other test has
    before = {name for name in sys.modules if name.startswith("_toolcrib.")}
    async with toolcrib.open(project) as crib:
        assert {name for name in sys.modules if name.startswith("_toolcrib.")} > before
        source = inspect.getsource(crib.release.agents["asking"].graph.nodes["ask"].bound.afunc)
        assert "interrupt({'question': 'go on?'})" in source

    assert set(os.listdir(project)) == {"tools", "graphs", "agents.yaml", ".toolcrib"}
    assert {name for name in sys.modules if name.startswith("_toolcrib.")} == before
