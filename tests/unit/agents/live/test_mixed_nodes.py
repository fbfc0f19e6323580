"""ToolNode with objects and live tools side by side, as a stand-in for LangGraph's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import anyio
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool as langchain_tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, tools_condition
from langgraph.prebuilt import ToolNode as LangGraphToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Send, interrupt

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import Sensitive, ToolcribError, ToolError, ToolNode, tool
from toolcrib.core.errors import InputInvalid, ToolAborted
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


@tool
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool
async def fail(number: int) -> int:
    """Fail."""
    raise ToolError(f"no {number}", hint="Ask for another.")


def triple(number: int) -> int:
    """Three times a number."""
    return 3 * number


@langchain_tool
def burst(number: int) -> int:
    """Raise."""
    raise RuntimeError(f"burst {number}")


def configured(*tools: Any, **scope: Any) -> RunnableConfig:
    return config_for(release_of(*map(adapt, tools)), ScriptedModel(script=[]), **scope)


def graph_of(node: Any, state: Any = MessagesState, **compiled: Any) -> Any:
    graph = StateGraph(state)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(**compiled)


async def answers(node: ToolNode, config: RunnableConfig, *wanted: tuple[str, dict[str, Any]]) -> list[ToolMessage]:
    with anyio.fail_after(5):
        state = await graph_of(node).ainvoke({"messages": [calls(*wanted)]}, config)
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def said(messages: list[ToolMessage]) -> list[tuple[str, Any]]:
    return [(message.status, message.content) for message in messages]


async def test_objects_functions_and_live_tools_stand_side_by_side() -> None:
    node = ToolNode([triple, "dou*", burst])

    found = await answers(
        node,
        configured(double, fail),
        ("triple", {"number": 2}),
        ("double", {"number": 2}),
        ("fail", {"number": 2}),
    )

    assert said(found)[:2] == [("success", "6"), ("success", "4")]
    assert "There is no tool named 'fail'" in str(found[2].content), "the patterns say which live tools there are"


async def test_an_object_goes_before_a_live_tool_of_its_name() -> None:
    @langchain_tool("double")
    def twice(number: int) -> str:
        """Double by hand."""
        return f"by hand {2 * number}"

    assert said(await answers(ToolNode([twice, "*"]), configured(double), ("double", {"number": 1}))) == [
        ("success", "by hand 2")
    ]


async def test_what_an_object_raises_leaves_the_node_when_its_siblings_are_done() -> None:
    done = []

    @tool
    async def slow(number: int) -> int:
        """Take some turns of the loop."""
        for _ in range(5):
            await asyncio.sleep(0)  # lets others go first; takes no time
        done.append(number)
        return number

    with pytest.raises(RuntimeError, match="burst 1"):
        await answers(ToolNode([burst, "*"]), configured(slow), ("burst", {"number": 1}), ("slow", {"number": 2}))

    assert done == [2]


async def test_an_interrupt_goes_before_what_a_sibling_raises() -> None:
    @langchain_tool
    def ask(question: str) -> str:
        """Ask."""
        return str(interrupt(question))

    node = graph_of(ToolNode([burst, ask]))
    state = await node.ainvoke({"messages": [calls(("burst", {"number": 1}), ("ask", {"question": "may I?"}))]})

    assert [one.value for one in state["__interrupt__"]] == ["may I?"]


@pytest.mark.parametrize(("config", "most"), [({}, 16), ({"max_concurrency": 3}, 3)])
async def test_so_many_calls_at_once_and_no_more(config: RunnableConfig, most: int) -> None:
    running, peak = set(), []

    async def count(number: int) -> int:
        """Count who runs."""
        running.add(number)
        peak.append(len(running))
        await asyncio.sleep(0)  # lets others go first; takes no time
        running.discard(number)
        return number

    wanted = [("count", {"number": number}) for number in range(40)]
    live = await answers(ToolNode(), configured(tool(count)) | config, *wanted)
    objects = await answers(ToolNode([langchain_tool(count)]), config, *wanted)

    assert [m.content for m in live] == [m.content for m in objects] == [str(number) for number in range(40)]
    assert max(peak) == most


@pytest.mark.parametrize(
    ("on_error", "expected"),
    [
        (True, "no 1 Ask for another."),
        ("Something went wrong.", "Something went wrong."),
        ((ValueError,), "no 1 Ask for another."),
        (ValueError, "no 1 Ask for another."),
        (lambda error: f"I heard {error.message}", "I heard no 1"),
    ],
)
async def test_failures_of_live_tools_are_worded_as_handle_tool_errors_says(on_error: Any, expected: str) -> None:
    node = ToolNode(handle_tool_errors=on_error)

    assert said(await answers(node, configured(fail), ("fail", {"number": 1}))) == [("error", expected)]


async def test_a_function_that_words_other_errors_is_not_asked() -> None:
    def words(error: ValueError | KeyError) -> str:
        raise AssertionError

    def ours(error: ToolError) -> str:
        return "ours"

    config = configured(fail)
    other = await answers(ToolNode(handle_tool_errors=words), config, ("fail", {"number": 1}))
    own = await answers(ToolNode(handle_tool_errors=ours), config, ("fail", {"number": 1}))

    assert said([*other, *own]) == [("error", "no 1 Ask for another."), ("error", "ours")]


async def test_failures_that_are_not_to_be_handled_are_raised() -> None:
    with pytest.raises(ToolError, match="no 1"):
        await answers(ToolNode(handle_tool_errors=False), configured(fail), ("fail", {"number": 1}))


async def test_a_failure_that_ends_the_run_ends_it_however_errors_are_handled() -> None:
    @tool(on_error={"ToolError": "abort"})
    async def pay(amount: int) -> str:
        """Pay."""
        raise ToolError("no money")

    async def looked_at(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Awaitable[Any]]) -> Any:
        return await execute(request)

    for node in (ToolNode(handle_tool_errors="never mind"), ToolNode([triple, "*"])):
        with pytest.raises(ToolAborted, match="no money"):
            await answers(node, configured(pay), ("pay", {"amount": 1}))


async def test_wrappers_see_live_tools_as_they_see_others_and_may_change_the_call() -> None:
    seen = []

    async def wrap(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Awaitable[Any]]) -> Any:
        assert request.tool is not None
        seen.append((request.tool.name, request.tool.description, sorted(request.tool.args)))
        args = {"number": request.tool_call["args"]["number"] + 1}
        return await execute(request.override(tool_call={**request.tool_call, "args": args}))

    node = ToolNode([triple, "*"], awrap_tool_call=wrap)
    found = await answers(node, configured(double), ("double", {"number": 1}), ("triple", {"number": 1}))

    assert said(found) == [("success", "4"), ("success", "6")]
    assert seen == [("double", "Double a number.", ["number"]), ("triple", "Three times a number.", ["number"])]


async def test_a_tool_that_does_not_exist_is_none_to_wrappers_which_may_answer_for_it() -> None:
    async def wrap(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Awaitable[Any]]) -> Any:
        if request.tool is None and request.tool_call["name"] == "mine":
            return ToolMessage("by the wrapper", tool_call_id=request.tool_call["id"])
        return await execute(request)

    node = ToolNode(["*"], awrap_tool_call=wrap)
    mine, nobodys = await answers(node, configured(double), ("mine", {}), ("doubel", {}))

    assert said([mine]) == [("success", "by the wrapper")]
    assert "Did you mean 'double'?" in str(nobodys.content)


async def test_a_synchronous_wrapper_works_in_an_asynchronous_graph_with_live_tools_too() -> None:
    def wrap(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Any]) -> Any:
        return execute(request)

    loop = asyncio.get_running_loop()
    found = await answers(ToolNode(wrap_tool_call=wrap), configured(double, loop=loop), ("double", {"number": 4}))

    assert said(found) == [("success", "8")]


async def test_tools_that_are_sent_one_by_one_get_the_whole_state() -> None:
    @tool
    async def peek(state: Annotated[dict[str, Any], InjectedState]) -> int:
        """Count the messages."""
        return len(state["messages"])

    def spread(state: MessagesState) -> list[Send]:
        last = state["messages"][-1]
        assert isinstance(last, AIMessage)
        return [Send("tools", [call]) for call in last.tool_calls]

    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {})
    graph.add_node("tools", ToolNode([triple, "*"]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", spread, ["tools"])
    given: Any = {"messages": [HumanMessage("x"), calls(("peek", {}), ("triple", {"number": 1}))]}
    state = await graph.compile().ainvoke(given, configured(peek))

    assert sorted(m.content for m in state["messages"][2:]) == ["2", "3"]


class Ear(BaseCallbackHandler):
    """Hears of tools."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_tool_start(self, serialized: Any, input_str: str, *, inputs: Any = None, **kwargs: Any) -> None:
        self.heard.append((serialized["name"], inputs))

    def on_tool_end(self, output: Any, **kwargs: Any) -> None:
        self.heard.append(output.content)


async def test_callbacks_hear_of_live_tools_without_what_must_not_be_shown() -> None:
    @tool
    async def login(user: str, pin: Annotated[str, Sensitive()]) -> str:
        """Log in."""
        return f"{user} {len(pin)}"

    ear = Ear()
    config = configured(login) | {"callbacks": [ear]}
    found = await answers(ToolNode(), config, ("login", {"user": "ada", "pin": "0815"}))

    assert said(found) == [("success", "ada 4")]
    assert ear.heard[0][0] == "login"
    assert "0815" not in repr(ear.heard)
    assert ear.heard[1:] == ["ada 4"]


async def test_a_state_with_keys_of_an_invocation_is_still_a_state() -> None:
    class State(MessagesState):
        tool: str
        name: str
        args: str

    given = {"messages": [calls(("double", {"number": 3}))], "tool": "x", "name": "y", "args": "z"}
    state = await graph_of(ToolNode(), State).ainvoke(given, configured(double))

    assert state["messages"][-1].content == "6"


@pytest.mark.parametrize(
    "given",
    [
        {"tool": "triple", "tool_input": {"number": 4}},
        {"name": "triple", "args": {"number": 4}},
        [{"tool": "triple", "tool_input": {"number": 4}}],
    ],
)
async def test_invocations_of_objects_need_neither_graph_nor_id(given: Any) -> None:
    node = ToolNode([triple])

    assert [m.content for m in (await node.ainvoke(given))["messages"]] == ["12"]
    assert [m.content for m in node.invoke(given)["messages"]] == ["12"]


async def test_input_without_calls_is_a_value_error_as_in_langgraphs_node() -> None:
    for node in (ToolNode([triple]), LangGraphToolNode([triple])):
        with pytest.raises(ValueError, match="message"):
            node.invoke({"messages": []}, {"configurable": {"__pregel_runtime": None}}, runtime=None)
    with pytest.raises(InputInvalid, match="no message with tool calls"):
        await ToolNode([triple]).ainvoke([])


def test_one_text_for_tools_is_refused_with_the_fix() -> None:
    with pytest.raises(ToolcribError) as caught:
        ToolNode("billing.*")

    assert caught.value.hint == "Give ['billing.*']."


def test_tools_condition_and_the_options_of_the_node_are_langgraphs() -> None:
    node = ToolNode([triple], name="do", tags=["a"], messages_key="said")

    assert (node.name, node.tags, list(node.tools_by_name)) == ("do", ["a"], ["triple"])
    assert tools_condition({"messages": [calls(("triple", {"number": 1}))]}) == "tools"
    assert node.invoke({"said": [calls(("triple", {"number": 1}))]})["said"][0].content == "3"
    assert issubclass(ToolNode, LangGraphToolNode)
