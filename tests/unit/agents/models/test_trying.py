"""Asking one model more than once: how often, how long waited, never beyond the time there is."""

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from tests.unit.agents.scripted import config_for, release_of
from toolcrib.agents.factory import build_agent
from toolcrib.agents.parts import AgentParts
from toolcrib.core.agents import AgentSpec
from toolcrib.core.errors import ModelFailed, ToolcribError
from toolcrib.core.events import ModelFinished
from toolcrib.testing import FakeClock, FakeRandom, RecordingEvents

pytestmark = pytest.mark.anyio
REQUEST = httpx.Request("POST", "http://127.0.0.1/")


def refused(status: int, **headers: str) -> httpx.HTTPStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(status, headers=named, request=REQUEST))


class Failing(BaseChatModel):
    """Fails with the script's errors in turn, then answers."""

    script: list[Any]

    @property
    def _llm_type(self) -> str:
        return "failing"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        said = self.script.pop(0) if self.script else "done"
        if isinstance(said, Exception):
            raise said
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])


class Asked:
    """An agent whose models fail as scripted, on a clock that stands still."""

    def __init__(self, **fields: Any) -> None:
        self.clock, self.random, self.events = FakeClock(), FakeRandom(0.5), RecordingEvents()
        self.notified: list[tuple[str, Mapping[str, Any]]] = []
        self._spec = AgentSpec.model_validate(fields)

    async def ask(self, script: Sequence[Any], **scope: Any) -> Any:
        release = release_of()
        parts = AgentParts(name="a", spec=self._spec, prompt="", tools=[], release=release.id)
        config = config_for(
            release,
            Failing(script=list(script)),
            clock=self.clock,
            random=self.random,
            emit=self.events.emit,
            notify=lambda event, data: self.notified.append((event, data)),
            **scope,
        )
        with anyio.fail_after(5):
            state = await build_agent(parts, graph=None, checkpointer=None).graph.ainvoke(
                {"messages": [HumanMessage("x")]}, config
            )
        return state["messages"][-1].content

    def told(self) -> list[tuple[str, str, str, int]]:
        seen = [event for event in self.events.events if isinstance(event, ModelFinished)]
        return [(one.model, one.tier, one.outcome, one.attempts) for one in seen]


async def test_waits_double_up_to_their_bound_with_full_jitter() -> None:
    asked = Asked(model="m", model_retry={"attempts": 5, "base_s": 1, "cap_s": 3})

    assert await asked.ask([refused(500)] * 4) == "done"
    assert asked.random.drawn == [(0.0, 1.0), (0.0, 2.0), (0.0, 3.0), (0.0, 3.0)]
    assert asked.clock.sleeps == [0.5, 1.0, 1.5, 1.5]
    assert asked.told() == [("m", "", "ok", 5)]


async def test_the_providers_own_word_is_kept_to_also_beyond_the_bound_of_ours() -> None:
    asked = Asked(model="m", model_retry={"cap_s": 3})

    assert await asked.ask([refused(429, retry_after="9")]) == "done"
    assert asked.clock.sleeps == [9.0]


async def test_where_another_model_may_answer_a_long_wait_is_not_waited() -> None:
    asked = Asked(model={"medium": "m", "fallback": ["n"]}, model_retry={"cap_s": 3})

    assert await asked.ask([refused(429, retry_after="2"), refused(429, retry_after="9")]) == "done"
    assert asked.clock.sleeps == [2.0]
    assert asked.told() == [("m", "medium", "failed", 2), ("n", "medium", "ok", 1)]


@pytest.mark.parametrize("deadline", [None, 1_005.0])
async def test_no_wait_is_longer_than_what_is_left_of_the_iteration_or_the_run(deadline: float | None) -> None:
    limits = {"iteration_timeout_s": 60 if deadline else 5}
    asked = Asked(model="m", limits=limits, model_retry={"attempts": 9})

    with pytest.raises(ModelFailed) as raised:
        await asked.ask([refused(429, retry_after="3")] * 9, deadline=deadline)

    assert asked.clock.sleeps == [3.0]
    assert raised.value.retryable
    assert "m (asked 2 times): HTTPStatusError (429): no" in raised.value.message


async def test_errors_of_toolcrib_itself_end_the_run_with_no_other_model_asked() -> None:
    asked = Asked(model={"medium": "m", "fallback": ["n"]})

    with pytest.raises(ToolcribError, match="broke"):
        await asked.ask([ToolcribError("broke")])

    assert asked.told() == [("m", "medium", "refused", 1)]


async def test_the_trace_tells_which_model_answered_and_which_failed_before() -> None:
    asked = Asked(model={"simple": "m", "fallback": ["n"]}, model_retry={"attempts": 1})

    await asked.ask([refused(401)])

    (event, step) = asked.notified[-1]
    assert event == "model.finished"
    assert (step["model"], step["tier"], step["attempts"]) == ("n", "simple", 1)
    assert step["failed"] == [{"model": "m", "attempts": 1, "error": "HTTPStatusError (401)"}]
