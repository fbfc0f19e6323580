"""A run keeps its tier from its first answer on: over an interrupt, and when it goes on after its process died."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import tool
from toolcrib.agents.factory import build_agent
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.running import Outcome, Turn, take_turn
from toolcrib.agents.scope import SCOPE_KEY, RunScope
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.errors import ToolcribError
from toolcrib.core.models import Tier
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


@tool(side_effect="none")
async def confirm() -> str:
    """Ask a person."""
    return str(interrupt("sure?"))


class Broken(ScriptedModel):
    """Breaks as the process would."""

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        raise ToolcribError("the process died")


class ByName:
    """Models by their name; those asked for are remembered."""

    def __init__(self, **models: ScriptedModel) -> None:
        self._models = models
        self.asked: list[str] = []

    async def get(self, name: str, options: Mapping[str, Any]) -> ScriptedModel:
        self.asked.append(name)
        return self._models[name]


class Grounds:
    """An agent with three tiers, whose route is `simple`, and threads in memory."""

    def __init__(self) -> None:
        self.release = release_of(adapt(confirm))
        spec = AgentSpec.model_validate({"model": {"simple": "s", "medium": "m", "complex": "c", "route": "simple"}})
        tools = [each.spec for each in self.release.tools.values()]
        parts = AgentParts(name="a", spec=spec, prompt="", tools=tools, release=self.release.id)
        self.agent: Agent = build_agent(parts, graph=None, checkpointer=InMemorySaver())

    async def turn(self, models: ByName, *, tier: Tier | None = None, **turn: Any) -> Outcome:
        config = config_for(self.release, ScriptedModel(script=[]), run_id="run-1", agent="a")
        scope: RunScope = replace(config["configurable"][SCOPE_KEY], models=models, tier=tier)
        with anyio.fail_after(5):
            return await take_turn(
                self.agent, Turn(**{"question": "hi", "resume": None, "thread": "t", "streaming": False, **turn}), scope
            )


def answering() -> ScriptedModel:
    return ScriptedModel(script=[calls(("confirm", {})), AIMessage("done")])


async def test_a_run_that_waited_for_a_person_goes_on_with_its_tier() -> None:
    grounds, models = Grounds(), ByName(s=answering(), c=answering())

    waits = await grounds.turn(models, tier="complex")
    done = await grounds.turn(models, resume="yes")

    assert (waits.interrupts, done.output) == (("sure?",), "done")
    assert models.asked == ["c", "c"]


async def test_a_run_whose_process_died_before_the_first_answer_goes_on_with_the_tier_it_was_asked_for() -> None:
    grounds, models = Grounds(), ByName(c=Broken(script=[]))
    with pytest.raises(ToolcribError, match="died"):
        await grounds.turn(models, tier="complex")

    again = ByName(s=answering(), c=answering())
    waits = await grounds.turn(again, goes_on=True)

    assert (waits.interrupts, again.asked) == (("sure?",), ["c"])


async def test_the_next_turn_of_the_thread_chooses_anew() -> None:
    grounds = Grounds()
    models = ByName(s=ScriptedModel(script=[AIMessage("easy")]), c=ScriptedModel(script=[AIMessage("hard")]))

    first = await grounds.turn(models, tier="complex")
    second = await grounds.turn(models, question="and now?")

    assert (first.output, second.output) == ("hard", "easy")
