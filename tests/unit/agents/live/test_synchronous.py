"""Live tools in synchronous graphs, and on other event loops than that of their project."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool as langchain_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import ToolcribError, ToolError, ToolNode, tool
from toolcrib.agents.langchain_tools import as_langchain_tools
from toolcrib.agents.scope import RunScope, scope_of
from toolcrib.core.results import ToolResult
from toolcrib.execution import loops
from toolcrib.execution.loops import from_thread
from toolcrib.tools.adapt import adapt


@tool
async def where(number: int) -> str:
    """Name the thread."""
    return f"{number} {threading.current_thread().name}"


@tool(on_error={"ToolError": "manual"})
async def pay(amount: int) -> str:
    """Pay."""
    raise ToolError(f"no money for {amount}")


@tool(approval="required")
async def close(account: str) -> str:
    """Close an account."""
    return f"closed {account}"


@langchain_tool
def triple(number: int) -> int:
    """Three times a number."""
    return 3 * number


@contextmanager
def loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="project")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


class Source:
    """Gives out one scope, and sees that it is asked on its own loop."""

    def __init__(self, scope: RunScope, loop: asyncio.AbstractEventLoop) -> None:
        self.scope, self.loop = scope, loop

    def scope_for(self, config: RunnableConfig) -> RunScope:
        assert asyncio.get_running_loop() is self.loop
        return self.scope

    async def scope_at(self, config: RunnableConfig, digest: str) -> RunScope:
        return self.scope_for(config)


def source_on(loop: asyncio.AbstractEventLoop) -> Source:
    config = config_for(release_of(adapt(where), adapt(pay), adapt(close)), ScriptedModel(script=[]), loop=loop)
    scope = scope_of(config)
    assert scope is not None
    return Source(scope, loop)


def graph_of(node: ToolNode, **compiled: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(**compiled)


GIVEN = {"messages": [calls(("where", {"number": 1}), ("triple", {"number": 2}), ("where", {"number": 3}))]}
FOUND = ["1 project", "6", "3 project"]


def test_a_synchronous_graph_calls_live_tools_on_the_loop_of_their_project() -> None:
    with loop_in_thread() as loop:
        state = graph_of(ToolNode(["*", triple], source=source_on(loop))).invoke(GIVEN)

    assert [message.content for message in state["messages"][1:]] == FOUND


@pytest.mark.parametrize("tools", [["*", triple], ["*"]])
def test_an_asynchronous_graph_on_another_loop_does_so_too(tools: list[Any]) -> None:
    with loop_in_thread() as loop:
        state = asyncio.run(graph_of(ToolNode(tools, source=source_on(loop))).ainvoke(GIVEN))

    assert state["messages"][1].content == "1 project"


def test_questions_to_people_come_in_call_order_in_a_synchronous_graph_too() -> None:
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    with loop_in_thread() as loop:
        graph = graph_of(ToolNode(source=source_on(loop)), checkpointer=InMemorySaver())
        asked = graph.invoke({"messages": [calls(*(("pay", {"amount": n}) for n in range(6)))]}, config)
        questions = []
        while "__interrupt__" in asked:
            questions.append(asked["__interrupt__"][0].value["args"]["amount"])
            asked = graph.invoke(Command(resume={"result": f"paid {questions[-1]}"}), config)

    assert questions == list(range(6))
    assert [message.content for message in asked["messages"][1:]] == [f"paid {n}" for n in range(6)]


def test_a_person_agrees_to_calls_of_a_synchronous_graph_too() -> None:
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    with loop_in_thread() as loop:
        graph = graph_of(ToolNode(source=source_on(loop)), checkpointer=InMemorySaver())
        asked = graph.invoke({"messages": [calls(("close", {"account": "a"}))]}, config)
        assert asked["__interrupt__"]
        state = graph.invoke(Command(resume="approve"), config)
    assert state["messages"][-1].content == "closed a"


def test_blocking_on_the_loop_of_the_project_is_refused_with_the_fix() -> None:
    async def main() -> None:
        source = source_on(asyncio.get_running_loop())
        graph_of(ToolNode(source=source)).invoke(GIVEN)

    with pytest.raises(ToolcribError, match="event loop of its project is blocked") as caught:
        asyncio.run(main())

    assert "ainvoke" in caught.value.hint


def test_a_project_that_is_closed_is_named_as_the_reason() -> None:
    with loop_in_thread() as loop:
        node = ToolNode(source=source_on(loop))

    with pytest.raises(ToolcribError, match="is closed"):
        graph_of(node).invoke(GIVEN)
    with pytest.raises(ToolcribError, match="is closed"):
        asyncio.run(graph_of(node).ainvoke(GIVEN))


def test_a_thread_does_not_wait_for_a_loop_that_stops_in_the_middle_of_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loops, "LOOK_EVERY_S", 0.01)

    async def stops() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.Event().wait()

    with loop_in_thread() as loop:
        with pytest.raises(ToolcribError, match="is closed"):
            from_thread(loop, stops)
        (left,) = asyncio.all_tasks(loop)
        left.cancel()
        loop.run_until_complete(asyncio.wait({left}))


def test_live_tools_of_no_project_cannot_be_called_synchronously() -> None:
    config = config_for(release_of(adapt(where)), ScriptedModel(script=[]))

    with pytest.raises(ToolcribError, match="belong to no open project"):
        graph_of(ToolNode()).invoke({"messages": [calls(("where", {"number": 1}))]}, config)
    with pytest.raises(ToolcribError, match="belong to no open project"):
        from_thread(None, asyncio.Event().wait)


def test_langchain_tools_can_be_called_synchronously() -> None:
    async def call(name: str, args: dict[str, Any]) -> ToolResult:
        return ToolResult(ok=True, value=f"{name} {args} {threading.current_thread().name}")

    with loop_in_thread() as loop:
        source = source_on(loop)
        (made,) = as_langchain_tools([source.scope.release.tools["where"].spec], call, source=source)
        assert made.invoke({"number": 1}) == "where {'number': 1} project"
        assert asyncio.run(made.ainvoke({"number": 2})) == "where {'number': 2} project"
