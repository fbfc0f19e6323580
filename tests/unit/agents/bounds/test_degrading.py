"""Degradation: an agent that fails answers without tools, or with a friendly text, and says that it failed."""

from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import tool
from toolcrib.agents.function_calling import build_function_calling
from toolcrib.agents.parts import AgentParts
from toolcrib.core.agents import AgentLimits, AgentSpec, Degradation
from toolcrib.core.errors import IterationLimit, ModelFailed
from toolcrib.core.models import ModelRetry
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


@tool(side_effect="read")
async def look(word: str) -> str:
    """Look a word up."""
    return f"{word} means thing"


RELEASE = release_of(adapt(look))
LOOKS = calls(("look", {"word": "x"}))


class Broken(ScriptedModel):
    """A model that fails whenever it has tools."""

    works_without: bool = True

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        if len(self.asked) == len(self.script) - 1 and self.works_without:
            return super()._generate(messages, *args, **kwargs)
        self.asked.append(list(messages))
        raise ValueError("overloaded")


async def turn(model: ScriptedModel, told: list[tuple[str, Mapping[str, Any]]], **spec: Any) -> list[Any]:
    """The messages of a turn."""
    parts = AgentParts(
        name="support",
        spec=AgentSpec(model="openai:any", model_retry=ModelRetry(attempts=1), **spec),
        prompt="Be good.",
        tools=[one.spec for one in RELEASE.tools.values()],
        release=RELEASE.id,
    )
    graph = build_function_calling({"": parts}, checkpointer=None)
    config = config_for(RELEASE, model, notify=lambda event, data: told.append((event, data)))
    messages: list[Any] = (await graph.ainvoke({"messages": [HumanMessage("x?")]}, config))["messages"]
    return messages


async def test_an_agent_that_goes_round_too_often_answers_without_tools_from_what_it_knows() -> None:
    model = ScriptedModel(script=[LOOKS, LOOKS, AIMessage("x means thing")])
    told: list[tuple[str, Mapping[str, Any]]] = []
    messages = await turn(model, told, limits=AgentLimits(iterations=2), degrade=Degradation())
    assert messages[-1].content == "x means thing"
    last = model.asked[-1]
    assert [one.type for one in last] == ["system", "human", "ai", "human", "ai", "human", "human"]
    assert last[3].content == "[Result of look] x means thing"
    assert last[2].content == '[Called look with {"word": "x"}]'
    ((_, said),) = [one for one in told if one[0] == "answer.degraded"]
    assert said["code"] == "iteration_limit"


async def test_without_degradation_the_run_fails() -> None:
    with pytest.raises(IterationLimit):
        await turn(ScriptedModel(script=[LOOKS]), [], limits=AgentLimits(iterations=2))


async def test_a_model_that_fails_with_tools_is_asked_once_more_without() -> None:
    model = Broken(script=[AIMessage(""), AIMessage("I can only greet.")])
    assert (await turn(model, [], degrade=Degradation()))[-1].content == "I can only greet."


@pytest.mark.parametrize("policy", [Degradation(), Degradation(ask=False)])
async def test_when_nothing_helps_the_run_fails_with_its_first_failure(policy: Degradation) -> None:
    model = Broken(script=[AIMessage("")], works_without=False)
    with pytest.raises(ModelFailed, match="overloaded"):
        await turn(model, [], degrade=policy)
    assert len(model.asked) == (2 if policy.ask else 1)
