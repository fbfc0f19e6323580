"""ToolNode: every form of input, and results in the form of the input, on the pinned release."""

from typing import Annotated, Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolCallId
from langchain_core.tools import tool as langchain_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolRuntime
from langgraph.types import interrupt

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import ToolcribError, ToolError, ToolNode, tool
from toolcrib.registry.release import Release
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


@tool
async def peek(state: Annotated[dict[str, Any], InjectedState], runtime: ToolRuntime, config: RunnableConfig) -> str:
    """Say what was injected."""
    return f"{len(state['messages'])} {runtime.tool_call_id} {config['configurable']['thread_id']}"


@tool
async def ask(question: str) -> str:
    """Ask a human."""
    return str(interrupt({"question": question}))


@pytest.fixture
def release() -> Release:
    return release_of(*map(adapt, (double, fail, peek, ask)))


async def run(release: Release, given: Any, **scope: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode())
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    state: Any = given if isinstance(given, dict) else {"messages": given}
    with anyio.fail_after(5):
        return await graph.compile().ainvoke(state, config_for(release, ScriptedModel(script=[]), **scope))


async def invoke(release: Release, given: Any) -> Any:
    with anyio.fail_after(5):
        return await ToolNode().ainvoke(given, config_for(release, ScriptedModel(script=[])))


async def test_calls_of_the_last_ai_message_become_tool_messages_in_order(release: Release) -> None:
    state = await run(release, [HumanMessage("x"), calls(("double", {"number": 1}), ("double", {"number": 2}))])

    answers = state["messages"][-2:]
    assert [(m.name, m.content, m.tool_call_id, m.status) for m in answers] == [
        ("double", "2", "call-0", "success"),
        ("double", "4", "call-1", "success"),
    ]


async def test_a_failing_call_is_an_error_message_and_its_siblings_keep_their_results(release: Release) -> None:
    state = await run(release, [calls(("fail", {"number": 1}), ("double", {"number": 2}))])

    failed, good = state["messages"][-2:]
    assert (failed.status, failed.content) == ("error", "no 1 Ask for another.")
    assert (good.status, good.content) == ("success", "4")


async def test_an_unknown_tool_is_an_error_message_with_near_names(release: Release) -> None:
    state = await run(release, [calls(("doubel", {"number": 1}))])

    assert state["messages"][-1].status == "error"
    assert "Did you mean 'double'?" in state["messages"][-1].content


async def test_a_tool_outside_of_the_agents_list_does_not_exist_for_it(release: Release) -> None:
    state = await run(release, [calls(("double", {"number": 1}))], tools=("fail",))

    assert state["messages"][-1].status == "error"
    assert "There is no tool named 'double'" in state["messages"][-1].content


async def test_state_runtime_and_config_are_injected_and_hidden_from_the_model(release: Release) -> None:
    assert release.tools["peek"].spec.args_schema["properties"] == {}

    state = await run(release, [HumanMessage("x"), calls(("peek", {}))])

    assert state["messages"][-1].content == "2 call-0 t1"


@pytest.mark.parametrize(
    "given",
    [
        {"tool": "double", "tool_input": {"number": 4}},
        {"name": "double", "args": {"number": 4}, "id": "c9"},
        [{"name": "double", "args": {"number": 4}, "id": "c9", "type": "tool_call"}],
        {
            "__type": "tool_call_with_context",
            "state": {},
            "tool_call": {"name": "double", "args": {"number": 4}, "id": "c"},
        },
    ],
)
async def test_invocations_without_messages_answer_under_messages(release: Release, given: Any) -> None:
    answer = await invoke(release, given)

    assert [message.content for message in answer["messages"]] == ["8"]


async def test_a_list_of_messages_is_answered_with_a_list(release: Release) -> None:
    answer = await invoke(release, [calls(("double", {"number": 4}))])

    assert [type(message) for message in answer] == [ToolMessage]


@pytest.mark.parametrize("given", [{"messages": []}, {"messages": [HumanMessage("x")]}, [HumanMessage("x")], {}])
async def test_input_without_tool_calls_is_refused_with_the_fix(release: Release, given: Any) -> None:
    with pytest.raises(ToolcribError, match="no message with tool calls"):
        await invoke(release, given)


async def test_without_a_release_it_says_how_to_get_one() -> None:
    with pytest.raises(ToolcribError, match="no release") as caught:
        await ToolNode().ainvoke({"messages": [calls(("double", {"number": 1}))]}, {})

    assert "crib.tool_node()" in caught.value.hint


async def test_an_interrupt_in_a_tool_leaves_the_graph_as_an_interrupt(release: Release) -> None:
    state = await run(release, [calls(("ask", {"question": "may I?"}))])

    assert [i.value for i in state["__interrupt__"]] == [{"question": "may I?"}]


async def test_arguments_that_are_no_mapping_are_left_to_validation(release: Release) -> None:
    answer = await invoke(release, {"tool": "double", "tool_input": "4"})

    assert answer["messages"][0].status == "error"
    assert "number: is required" in answer["messages"][0].content


async def test_langchain_tools_get_their_call_id(release: Release) -> None:
    @langchain_tool
    def who(call_id: Annotated[str, InjectedToolCallId]) -> str:
        """Say the id."""
        return call_id

    state = await run(release_of(adapt(who)), [AIMessage("", tool_calls=[{"name": "who", "args": {}, "id": "c7"}])])

    assert state["messages"][-1].content == "c7"


async def test_steps_are_told_to_the_runs_listener(release: Release) -> None:
    told: list[str] = []

    await run(
        release, [calls(("double", {"number": 1}))], notify=lambda event, data: told.append(f"{event} {data['tool']}")
    )

    assert told == ["tool.started double", "tool.finished double"]


async def test_a_step_that_runs_again_from_its_checkpoint_does_not_repeat_its_calls() -> None:
    paid, crashes = [], [True]

    @tool
    async def pay(amount: int) -> str:
        """Pay."""
        paid.append(amount)
        return f"paid {amount}"

    class CrashingNode(ToolNode):
        async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
            messages = await super().ainvoke(input, config, **kwargs)
            if crashes.pop() if crashes else False:
                raise OSError("the process died before the checkpoint")
            return messages

    graph = StateGraph(MessagesState)
    graph.add_node("tools", CrashingNode())
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = config_for(release_of(adapt(pay)), ScriptedModel(script=[]))
    asked = calls(("pay", {"amount": 1}), ("pay", {"amount": 1}))

    with anyio.fail_after(5):
        with pytest.raises(OSError, match="the process died"):
            await compiled.ainvoke({"messages": [asked]}, config)
        state = await compiled.ainvoke(None, config)
        again = await compiled.ainvoke({"messages": [asked.model_copy(update={"id": None})]}, config)

    assert [message.content for message in state["messages"][1:]] == ["paid 1", "paid 1"]
    assert len(again["messages"]) == 6
    assert paid == [1, 1, 1, 1], "each call of both turns once, though their ids are the same"
