"""Guest mode: another server runs the graphs of a project's agents, each run on one release, also while it changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import toolcrib
from toolcrib.core.errors import AgentNotFound, BudgetExceeded, ProjectInvalid
from toolcrib.core.events import Event, RunFinished
from toolcrib.execution.loops import on_loop
from toolcrib.runs.guests import GuestRun, GuestRuns
from toolcrib.runtime.guest import host_of

pytestmark = pytest.mark.anyio

TOOL = '''
from toolcrib import ToolContext, tool

@tool(side_effect="read")
async def greet(name: str, context: ToolContext) -> str:
    """Greet somebody.

    Args:
        name: whom.
    """
    return f"Hello {name} from {context.release}"
'''
GRAPH = """
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode

async def ask(state: MessagesState, config: RunnableConfig) -> dict:
    name = interrupt("whom?")
    return await ToolNode().ainvoke({"tool": "greet", "tool_input": {"name": name}, "id": "1"}, config)

graph = StateGraph(MessagesState)
graph.add_node("ask", ask)
graph.add_edge(START, "ask")
graph.add_edge("ask", END)
"""
MODELLED = """
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langgraph.graph import START, MessagesState, StateGraph

model = FakeListChatModel(responses=["Hello."])

async def ask(state):
    return {"messages": [await model.ainvoke(state["messages"])]}

graph = StateGraph(MessagesState)
graph.add_node("ask", ask)
graph.add_edge(START, "ask")
"""
AGENTS = """
agents:
  asking: {kind: graph, graph: 'graphs/asking.py:graph'}
  modelled: {kind: graph, graph: 'graphs/modelled.py:graph'}
  offline: {kind: function_calling, model_options: {max_tokens: 1000}}
budgets: {agent: {tokens: 2500}, agents: {modelled: {tokens: 100000}}}
"""
FILES = {"tools/hello.py": TOOL, "graphs/asking.py": GRAPH, "graphs/modelled.py": MODELLED, "agents.yaml": AGENTS}


@dataclass
class Server:
    """A server as LangGraph's: it has the threads, and asks the factory for a graph for each run."""

    project: Path
    saver: InMemorySaver = field(default_factory=InMemorySaver)

    @asynccontextmanager
    async def graph(self, agent: str, thread: str = "") -> AsyncIterator[tuple[Any, Any]]:
        factory = toolcrib.graph_factory(self.project, agent, watch=False)
        config: Any = {"configurable": {"user": "ada"} | ({"thread_id": thread} if thread else {})}
        with anyio.fail_after(20):
            async with factory(config) as graph:
                yield graph.copy({"checkpointer": self.saver}), config

    async def run(self, agent: str, thread: str, given: Any) -> Any:
        async with self.graph(agent, thread) as (graph, config):
            return await graph.ainvoke(given, config)

    async def in_project(self, work: Callable[[toolcrib.Crib], Awaitable[Any]]) -> Any:
        """Do it in the project that the factories opened."""
        opened = await asyncio.to_thread(host_of(self.project, watch=False).opened)

        async def done() -> Any:
            return await work(opened.crib)

        return await on_loop(opened.loop, done)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    project = tmp_path_factory.mktemp("guest").resolve()
    for name, text in FILES.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    yield Server(project)
    await asyncio.to_thread(host_of(project, watch=False).close)


async def release_of(crib: toolcrib.Crib) -> str:
    return crib.release.id


def last(state: Any) -> str:
    return str(state["messages"][-1].content)


async def test_a_run_that_waits_goes_on_with_its_release_and_the_next_takes_the_new_one(server: Server) -> None:
    asked = await server.run("asking", "t1", {"messages": []})
    old = await server.in_project(release_of)
    (server.project / "tools" / "hello.py").write_text(TOOL.replace("Hello", "Servus"))
    new = (await server.in_project(lambda crib: crib.deploy())).release

    answered = await server.run("asking", "t1", Command(resume="Ada"))
    other = await server.run("asking", "t2", {"messages": []})
    later = await server.run("asking", "t2", Command(resume="Bo"))
    again = await server.run("asking", "t1", {"messages": []})
    once_more = await server.run("asking", "t1", Command(resume="Cy"))

    assert [state["__interrupt__"][0].value for state in (asked, other, again)] == ["whom?"] * 3
    assert last(answered) == f"Hello Ada from {old}"
    assert last(later) == f"Servus Bo from {new}"
    assert last(once_more) == f"Servus Cy from {new}", "a turn that is over holds on to nothing"


async def test_agents_of_one_project_share_it_and_models_and_tools_work(server: Server) -> None:
    state = await server.run("offline", "t3", {"messages": [("user", "Greet Ada")]})

    assert "Ada from r-" in last(state)
    assert host_of(server.project, watch=False) is host_of(server.project, watch=False)


async def test_a_server_that_only_looks_at_a_graph_leaves_no_trace(server: Server) -> None:
    before = await server.in_project(lambda crib: crib.recent_runs())
    async with server.graph("asking", "t4") as (graph, config):
        assert "ask" in graph.get_graph().nodes
        assert (await graph.aget_state(config)).values == {}
    async with server.graph("asking"):
        pass

    assert await server.in_project(lambda crib: crib.recent_runs()) == before


async def test_its_runs_stand_in_the_ledger_and_hold_their_release_while_they_last(server: Server) -> None:
    async with server.graph("offline", "t5") as (graph, config):
        await graph.ainvoke({"messages": [("user", "Greet Bo")]}, config)
        held = await server.in_project(lambda crib: crib.users())
    with pytest.raises(RuntimeError, match="server broke"):
        async with server.graph("offline", "t6") as (graph, config):
            await graph.ainvoke({"messages": [("user", "Greet Cy")]}, config)
            raise RuntimeError("server broke")

    runs = {run.thread_id: run for run in await server.in_project(lambda crib: crib.recent_runs())}
    assert (runs["t5"].status, runs["t6"].status, runs["t5"].user) == ("success", "error", "ada")
    assert (runs["t5"].error, runs["t6"].error) == ("", "run_failed: The run ended with RuntimeError.")
    assert any(use.leases for use in held)
    assert not any("run" in use.leases for use in await server.in_project(lambda crib: crib.users()))


async def test_a_turn_ends_as_it_did_whatever_its_server_makes_of_that(server: Server) -> None:
    async with server.graph("asking", "t9") as (graph, config):
        await graph.ainvoke({"messages": []}, config)
        await graph.ainvoke(Command(resume="Ada"), config)
    async with server.graph("asking", "t10") as (graph, config):
        with pytest.raises(ValueError, match="nobody"):
            await graph.ainvoke({"messages": [("nobody", "Hello")]}, config)

    runs = {run.thread_id: run for run in await server.in_project(lambda crib: crib.recent_runs())}
    assert runs["t9"].status == "success", "it was answered, and waits no more"
    assert runs["t10"].status == "error", "although the server went on"


async def test_a_run_that_is_cancelled_as_it_begins_holds_no_release(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, begin = asyncio.get_running_loop(), GuestRuns.begin

    async def begin_too_late(guests: GuestRuns, *given: Any, **who: Any) -> GuestRun:
        run = await begin(guests, *given, **who)
        here.call_soon_threadsafe(task.cancel)  # it is heard of before the run is
        return run

    monkeypatch.setattr(GuestRuns, "begin", begin_too_late)
    task = asyncio.ensure_future(server.run("asking", "t11", {"messages": []}))
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not any("run" in use.leases for use in await server.in_project(lambda crib: crib.users()))
    assert "t11" not in {run.thread_id for run in await server.in_project(lambda crib: crib.recent_runs())}


async def test_a_run_that_its_server_cancels_is_no_failure(server: Server) -> None:
    """Else a canary would be rolled back because people press stop."""

    async def listen(crib: toolcrib.Crib) -> AsyncIterator[Event]:
        return crib.events()

    async def last_of(events: AsyncIterator[Event]) -> RunFinished:
        return await anext(one async for one in events if isinstance(one, RunFinished))

    heard = await server.in_project(listen)
    with pytest.raises(asyncio.CancelledError):
        async with server.graph("offline", "t12") as (graph, config):
            await graph.ainvoke({"messages": [("user", "Greet Di")]}, config)
            raise asyncio.CancelledError

    ended = await server.in_project(lambda crib: last_of(heard))
    [run] = [run for run in await server.in_project(lambda crib: crib.recent_runs()) if run.thread_id == "t12"]
    assert (run.status, run.error) == ("cancelled", "")
    assert ended.result.error.code == "cancelled"


async def test_its_runs_are_paid_from_the_budgets_of_the_project(server: Server) -> None:
    async def rival(crib: toolcrib.Crib) -> Any:
        return await crib.run("offline", "Greet Ada", thread_id="t8")

    before = await spent(server)
    await server.run("offline", "t7", {"messages": [("user", "Greet Ada")]})
    after = await spent(server)
    with pytest.raises(BudgetExceeded, match="agent 'offline'"):
        for number in range(100):
            await server.run("offline", f"t7-{number}", {"messages": [("user", "Greet Ada")]})
    refused = await server.in_project(rival)

    runs = await server.in_project(lambda crib: crib.recent_runs())
    first, last = ([run for run in runs if run.thread_id.startswith("t7")][place] for place in (-1, 0))
    assert after - before == first.input_tokens + first.output_tokens > 0
    assert (first.cost_usd, first.status, last.status) == (0, "success", "error")
    assert refused.error.code == "budget_exceeded", "its own runs and those of the other server pay from one account"


async def test_own_graphs_pay_there_too(server: Server) -> None:
    await server.run("modelled", "modelled-1", {"messages": [("user", "Hi")]})

    [run] = [run for run in await server.in_project(lambda crib: crib.recent_runs()) if run.thread_id == "modelled-1"]
    assert await spent(server, "modelled") == run.input_tokens + run.output_tokens > 0


async def spent(server: Server, agent: str = "offline") -> int:
    accounts = await server.in_project(lambda crib: crib.budgets(scope="agent"))
    assert all(account.state.reserved.tokens == 0 for account in accounts)
    return sum(account.state.spent.tokens for account in accounts if account.state.account.name == agent)


async def test_an_agent_that_is_not_there_and_a_project_that_is_none_are_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AgentNotFound, match="askin"):
        async with server.graph("askin"):
            pass
    with pytest.raises(ProjectInvalid):
        async with partial(toolcrib.graph_factory, tmp_path / "nothing", "x")()({}):
            pass
