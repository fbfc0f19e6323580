"""The function-calling agent: asks, calls, answers, and keeps within its limits."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import Breaker, tool
from toolcrib.agents.factory import build_agent
from toolcrib.agents.function_calling import build_function_calling
from toolcrib.agents.models.offer import tool_definition
from toolcrib.agents.parts import AgentParts
from toolcrib.core.agents import Agent, AgentLimits, AgentSpec
from toolcrib.core.errors import IterationLimit, RunTimeout, ToolcribError
from toolcrib.core.experiments.arms import Arm, Arms
from toolcrib.execution.state.breaker import Circuits
from toolcrib.observability.hub import EventHub
from toolcrib.registry.release import Release
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


@tool(examples=("What is twice 4?",))
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


def agent_of(release: Release, **limits: float) -> Agent:
    spec = AgentSpec(model="test:scripted", limits=AgentLimits(**limits))  # type: ignore[arg-type]  # numbers as in YAML
    specs = [each.spec for each in release.tools.values()]
    parts = AgentParts(name="a", spec=spec, prompt="Be brief.", tools=specs, release=release.id)
    return build_agent(parts, graph=None, checkpointer=None)


async def test_it_calls_tools_until_the_model_answers() -> None:
    release = release_of(adapt(double))
    model = ScriptedModel(script=[calls(("double", {"number": 4})), AIMessage("It is 8.")])

    with anyio.fail_after(5):
        state = await agent_of(release).graph.ainvoke(
            {"messages": [HumanMessage("twice 4?")]}, config_for(release, model)
        )

    assert [message.content for message in state["messages"]] == ["twice 4?", "", "8", "It is 8."]
    assert isinstance(model.asked[0][0], SystemMessage), "the prompt comes first, and is not part of the state"
    assert model.offered == [tool_definition(release.tools["double"].spec)]


async def test_examples_are_offered_only_where_they_are_read() -> None:
    spec = adapt(double).spec

    assert "x-examples" not in tool_definition(spec)["function"]
    assert tool_definition(spec, examples=True)["function"]["x-examples"] == ["What is twice 4?"]


async def test_a_model_that_never_answers_is_stopped_after_its_iterations() -> None:
    release = release_of(adapt(double))
    model = ScriptedModel(script=[calls(("double", {"number": 4}))])

    with pytest.raises(IterationLimit, match="asked its model 3 times"), anyio.fail_after(5):
        await agent_of(release, iterations=3).graph.ainvoke(
            {"messages": [HumanMessage("x")]}, config_for(release, model)
        )

    assert len(model.asked) == 3


async def test_a_model_that_insists_on_a_failing_tool_is_no_longer_offered_it() -> None:
    ran = []

    @tool(breaker=Breaker(min_calls=10))
    async def search(query: str) -> str:
        """Search."""
        ran.append(query)
        raise ConnectionError("down")

    circuits = Circuits(events=EventHub())
    release = release_of(adapt(search), adapt(double), circuits=circuits)
    model = ScriptedModel(script=[calls(("search", {"query": "x"}))])

    with pytest.raises(IterationLimit), anyio.fail_after(30):
        await agent_of(release, iterations=754, iteration_timeout_s=30).graph.ainvoke(
            {"messages": [HumanMessage("x")]},
            {**config_for(release, model, circuits=circuits), "recursion_limit": 2_000},
        )

    offers = [one["function"]["name"] for one in model.offered]
    assert (len(model.asked), len(ran)) == (754, 10)
    assert offers[:2] == ["search", "double"]
    assert set(offers[2:]) == {"double"}, "from the eleventh answer on the broken tool is hidden"
    assert "is not called for another" in str(model.asked[-1][-1].content)


async def test_a_model_that_hangs_is_stopped_when_the_iterations_time_is_over() -> None:
    release = release_of(adapt(double))

    class Hanging(ScriptedModel):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            await anyio.sleep_forever()

    with pytest.raises(RunTimeout, match=r"did not answer within 0\.05 s"), anyio.fail_after(5):
        await agent_of(release, iteration_timeout_s=0.05).graph.ainvoke(
            {"messages": [HumanMessage("x")]}, config_for(release, Hanging(script=[]))
        )


async def test_a_tool_gets_no_more_time_than_its_iteration_has() -> None:
    @tool(timeout_s=60)
    async def hang() -> str:
        """Hang."""
        await anyio.sleep_forever()
        return ""

    release = release_of(adapt(hang))
    model = ScriptedModel(script=[calls(("hang", {})), AIMessage("Too slow.")])

    with anyio.fail_after(5):
        state = await agent_of(release, iteration_timeout_s=0.1).graph.ainvoke(
            {"messages": [HumanMessage("x")]}, config_for(release, model)
        )

    assert "the iteration's time is over" in state["messages"][2].content
    assert state["messages"][-1].content == "Too slow."


async def test_outside_of_toolcrib_it_says_how_it_is_run() -> None:
    with pytest.raises(ToolcribError, match="started without one"):
        await agent_of(release_of(adapt(double))).graph.ainvoke({"messages": [HumanMessage("x")]})


async def test_one_graph_says_to_each_tenant_what_is_its_own() -> None:
    release = release_of(adapt(double))
    specs = [tool.spec for tool in release.tools.values()]
    spec = AgentSpec(model="test:scripted")
    parts: dict[str | Arm, AgentParts] = {
        "": AgentParts(name="a", spec=spec, prompt="For all.", tools=specs, release=release.id),
        "acme": AgentParts(name="a", spec=spec, prompt="For acme.", tools=[], release=release.id),
    }
    graph = build_function_calling(parts, checkpointer=None)

    model = ScriptedModel(script=[AIMessage("yes")])

    for tenant in ("acme", "", "globex"):
        with anyio.fail_after(5):
            await graph.ainvoke({"messages": [HumanMessage("x")]}, config_for(release, model, tenant=tenant))
        assert bool(model.offered) is (tenant != "acme")

    assert [asked[0].content for asked in model.asked] == ["For acme.", "For all.", "For all."]


async def test_a_run_in_variants_is_told_their_prompt_and_the_tools_that_its_calls_find() -> None:
    @tool(name="double")
    async def twice(number: int) -> int:
        """Double a number at once."""
        return number + number

    arms = (Arm("search", "fast"), Arm("tone", "b"))
    other = adapt(twice)
    release = release_of(adapt(double))
    release = replace(release, variants={("double", "", arms[0]): (other, release.chains["double"])})
    specs, spec = [tool.spec for tool in release.tools.values()], AgentSpec(model="test:scripted")
    parts: dict[str | Arm, AgentParts] = {
        whom: AgentParts(name="a", spec=spec, prompt=prompt, tools=specs, release=release.id)
        for whom, prompt in (("", "For all."), ("acme", "For acme."), (arms[1], "For b."))
    }
    graph = build_function_calling(parts, checkpointer=None)

    async def told(tenant: str, run_in: Arms) -> tuple[str, str]:
        model = ScriptedModel(script=[AIMessage("yes")])
        config = config_for(release, model, tenant=tenant, arms=run_in)
        with anyio.fail_after(5):
            await graph.ainvoke({"messages": [HumanMessage("x")]}, config)
        return str(model.asked[0][0].content), model.offered[0]["function"]["description"]

    assert await told("", ()) == ("For all.", "Double a number.")
    assert await told("", arms) == ("For b.", "Double a number at once.")
    assert await told("acme", arms[:1]) == ("For acme.", "Double a number at once.")
    assert await told("globex", (Arm("search", "control"), arms[1])) == ("For b.", "Double a number.")
