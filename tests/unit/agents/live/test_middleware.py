"""Live tools as middleware of LangChain's `create_agent`: offered, run, and beside LangChain's own middleware."""

from typing import Any

import anyio
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
)
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool as langchain_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command

from tests.unit.agents.live.test_synchronous import loop_in_thread, source_on
from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import Breaker, ToolError, tool
from toolcrib.agents.live.middleware import LiveToolsMiddleware
from toolcrib.core.errors import ToolcribError
from toolcrib.execution.state.breaker import Circuits
from toolcrib.observability.hub import EventHub
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
NOBODY: Any = None
"""Where the scope stands in the config, nobody is asked for one."""


@tool
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool
async def fail(number: int) -> int:
    """Fail."""
    raise ToolError("no")


@langchain_tool
def triple(number: int) -> int:
    """Three times a number."""
    return 3 * number


LIVE = (adapt(double), adapt(fail))


def scripted(*turns: AIMessage) -> ScriptedModel:
    return ScriptedModel(script=[*turns, AIMessage("done")])


def live(*patterns: str) -> LiveToolsMiddleware:
    return LiveToolsMiddleware(patterns or ("*",), source=NOBODY)


async def told(agent: Any, given: Any = None, **config: Any) -> dict[str, Any]:
    given = given or {"messages": [HumanMessage("go")]}
    with anyio.fail_after(5):
        found: dict[str, Any] = await agent.ainvoke(given, config_for(release_of(*LIVE), scripted(), **config))
    return found


def results(state: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(m.status, m.content) for m in state["messages"] if isinstance(m, ToolMessage)]


def offered(model: ScriptedModel) -> list[str]:
    return [one.name for one in model.offered]


async def test_the_model_is_offered_live_tools_beside_the_agents_own_and_both_are_run() -> None:
    model = scripted(calls(("double", {"number": 2}), ("triple", {"number": 2}), ("fail", {"number": 2})))

    state = await told(create_agent(model, [triple], middleware=[live()]))

    assert offered(model)[:3] == ["triple", "double", "fail"]
    assert results(state) == [("success", "4"), ("success", "6"), ("error", "no")]
    assert state["messages"][-1].content == "done"


async def test_only_tools_that_fit_the_patterns_are_offered_and_run() -> None:
    model = scripted(calls(("fail", {"number": 1}), ("doubel", {"number": 1})))

    state = await told(create_agent(model, [], middleware=[live("dou*")]))

    assert offered(model)[:1] == ["double"]
    assert "fail" not in offered(model)
    assert [status for status, _ in results(state)] == ["error", "error"]
    assert "Did you mean 'double'?" in results(state)[1][1]


async def test_a_tool_the_agent_was_made_with_goes_before_a_live_one_of_its_name() -> None:
    @langchain_tool("double")
    def twice(number: int) -> str:
        """Double by hand."""
        return "by hand"

    model = scripted(calls(("double", {"number": 2})))

    assert results(await told(create_agent(model, [twice], middleware=[live()]))) == [("success", "by hand")]
    assert offered(model)[:2] == ["double", "fail"]


async def test_what_is_not_worth_calling_now_is_not_offered() -> None:
    @tool(breaker=Breaker(min_calls=1, failure_rate=0.1))
    async def shaky(number: int) -> int:
        """Fail always."""
        raise RuntimeError("away")

    circuits = Circuits(events=EventHub())
    model = scripted(calls(("shaky", {"number": 1})))
    config = config_for(release_of(adapt(shaky), adapt(double), circuits=circuits), model, circuits=circuits)

    await create_agent(model, [], middleware=[live()]).ainvoke({"messages": [HumanMessage("go")]}, config)

    assert offered(model) == ["shaky", "double", "double"]


async def test_live_tools_get_state_and_runtime_and_may_return_commands() -> None:
    @tool
    async def remember(runtime: ToolRuntime[Any, Any]) -> Command[Any]:
        """Count the messages."""
        told = ToolMessage(f"{len(runtime.state['messages'])} so far", tool_call_id=runtime.tool_call_id)
        return Command(update={"messages": [told]})

    agent = create_agent(scripted(calls(("remember", {}))), [], middleware=[live()])
    config = config_for(release_of(adapt(remember)), scripted())
    state = await agent.ainvoke({"messages": [HumanMessage("go")]}, config)

    assert results(state) == [("success", "2 so far")]


async def test_people_limits_and_summaries_work_beside_it() -> None:
    model = scripted(calls(("double", {"number": 2})), calls(("double", {"number": 3})))
    agent = create_agent(
        model,
        [],
        middleware=[
            live(),
            HumanInTheLoopMiddleware(interrupt_on={"double": True}),
            ToolCallLimitMiddleware(tool_name="double", thread_limit=1),
            SummarizationMiddleware(model=ScriptedModel(script=[AIMessage("in short")]), trigger=("messages", 50)),
        ],
        checkpointer=InMemorySaver(),
    )

    asked = await told(agent)
    assert asked["__interrupt__"][0].value["action_requests"][0]["args"] == {"number": 2}
    edited = {"type": "edit", "edited_action": {"name": "double", "args": {"number": 5}}}
    state = await told(agent, Command(resume={"decisions": [edited]}))
    while "__interrupt__" in state:
        state = await told(agent, Command(resume={"decisions": [{"type": "approve"}]}))

    assert results(state)[0][1].endswith("10"), "what a person made of the call is what ran"
    assert "limit" in results(state)[1][1]
    assert state["messages"][-1].content == "done"


async def test_two_of_them_with_other_tools_stand_side_by_side() -> None:
    model = scripted(calls(("double", {"number": 2}), ("fail", {"number": 2})))

    state = await told(create_agent(model, [], middleware=[live("double"), live("fail")]))

    assert results(state) == [("success", "4"), ("error", "no")]


async def test_streamed_agents_tell_of_live_tools() -> None:
    agent = create_agent(scripted(calls(("double", {"number": 2}))), [], middleware=[live()])
    config = config_for(release_of(*LIVE), scripted())

    seen = [
        event["event"]
        async for event in agent.astream_events({"messages": [HumanMessage("go")]}, config, version="v2")
        if event["name"] == "double"
    ]

    assert seen == ["on_tool_start", "on_tool_end"]


def test_a_synchronous_agent_has_them_too() -> None:
    with loop_in_thread() as loop:
        source = source_on(loop)
        model = scripted(calls(("where", {"number": 2})))
        agent = create_agent(model, [triple], middleware=[LiveToolsMiddleware(("where",), source=source)])
        state = agent.invoke({"messages": [HumanMessage("go")]})

    assert offered(model)[:2] == ["triple", "where"]
    assert results(state) == [("success", "2 project")]


def test_a_text_in_place_of_a_list_of_tools_is_refused() -> None:
    with pytest.raises(ToolcribError, match="is a list, not the text 'order_\\*'"):
        LiveToolsMiddleware("order_*", source=NOBODY)
