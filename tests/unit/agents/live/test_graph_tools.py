"""Live tools that ask for what a graph has, and that answer with what LangGraph itself acts on."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, InjectedStore, ToolRuntime
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from tests.unit.agents.live.test_mixed_nodes import answers, configured, double, graph_of
from tests.unit.agents.scripted import calls
from toolcrib import ToolNode, tool

pytestmark = pytest.mark.anyio


async def test_live_tools_are_given_store_runtime_and_fields_of_the_state() -> None:
    @tool
    async def look(
        store: Annotated[Any, InjectedStore()],
        runtime: ToolRuntime[Any, Any],
        mood: Annotated[str, InjectedState("mood")],
        absent: Annotated[str, InjectedState("absent")] = "nothing",
    ) -> str:
        """Say what was injected."""
        return f"{store.get(('a',), 'k').value['v']} {runtime.tool_call_id} {runtime.store is store} {mood} {absent}"

    class State(MessagesState):
        mood: str

    store = InMemoryStore()
    store.put(("a",), "k", {"v": 7})
    graph = graph_of(ToolNode(), State, store=store)
    state = await graph.ainvoke({"messages": [calls(("look", {}))], "mood": "glad"}, configured(look))

    assert state["messages"][-1].content == "7 call-0 True glad nothing"


@pytest.mark.parametrize(
    ("hint", "expected"),
    [(InjectedStore(), "wants the store of its graph"), (InjectedState("mood"), "wants 'mood' of the state")],
)
async def test_what_the_graph_has_not_is_an_error_with_the_fix(hint: Any, expected: str) -> None:
    async def look(wanted: Any) -> str:
        """Look."""
        raise AssertionError

    look.__annotations__["wanted"] = Annotated[dict[str, Any], hint]
    (found,) = await answers(ToolNode(), configured(tool(look)), ("look", {}))

    assert found.status == "error"
    assert expected in str(found.content)


async def test_a_command_of_a_live_tool_updates_the_state() -> None:
    @tool
    async def greet(name: str, runtime: ToolRuntime[Any, Any]) -> Command[Any]:
        """Greet, and remember whom."""
        told = ToolMessage(f"hello {name}", tool_call_id=runtime.tool_call_id)
        return Command(update={"messages": [told], "name": name})

    class State(MessagesState):
        name: str

    given = {"messages": [calls(("greet", {"name": "Ada"}), ("double", {"number": 1}))]}
    state = await graph_of(ToolNode(), State).ainvoke(given, configured(greet, double))

    assert state["name"] == "Ada"
    assert sorted(m.content for m in state["messages"][1:]) == ["2", "hello Ada"]


async def test_a_command_to_the_parent_leaves_the_subgraph() -> None:
    @tool
    async def hand_over(to: str) -> Command[Any]:
        """Hand over to somebody else."""
        return Command(goto=to, graph=Command.PARENT)

    parent = StateGraph(MessagesState)
    parent.add_node("inner", graph_of(ToolNode()))
    parent.add_node("other", lambda state: {"messages": [HumanMessage("other was here")]})
    parent.add_edge(START, "inner")
    state = await parent.compile().ainvoke({"messages": [calls(("hand_over", {"to": "other"}))]}, configured(hand_over))

    assert state["messages"][-1].content == "other was here"


async def test_a_command_without_the_message_of_its_call_is_told_to_the_model() -> None:
    @tool
    async def forget(name: str) -> Command[Any]:
        """Forget the message."""
        return Command(update={"messages": []})

    (found,) = await answers(ToolNode(), configured(forget), ("forget", {"name": "x"}))

    assert found.status == "error"
    assert "The tool has run, but LangGraph cannot use what it returned: Expected to have a matching" in found.content


async def test_content_blocks_and_messages_of_live_tools_stay_what_they_are() -> None:
    @tool
    async def draw(number: int) -> list[dict[str, Any]]:
        """Draw."""
        return [{"type": "text", "text": "a dot"}]

    @tool
    async def tell(number: int) -> Any:
        """Tell."""
        return ToolMessage("told", tool_call_id="call-1", artifact={"n": number})

    blocks, message = await answers(
        ToolNode(), configured(draw, tell), ("draw", {"number": 1}), ("tell", {"number": 2})
    )

    assert blocks.content == [{"type": "text", "text": "a dot"}]
    assert (message.content, message.artifact) == ("told", {"n": 2})


async def test_a_list_of_messages_is_the_messages_of_the_state() -> None:
    @tool
    async def peek(said: Annotated[list[Any], InjectedState("messages")]) -> int:
        """Count the messages."""
        return len(said)

    (found,) = await ToolNode().ainvoke([HumanMessage("x"), calls(("peek", {}))], configured(peek))

    assert found.content == "2"
