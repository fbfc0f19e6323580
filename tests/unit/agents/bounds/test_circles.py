"""Circles: calls that come too often in one turn, and messages that ask for too many."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import ToolError, ToolNode, tool
from toolcrib.agents.bounds.circles import circle
from toolcrib.core.agents import LoopLimits
from toolcrib.core.calls import ToolCall
from toolcrib.tools.adapt import adapt

LIMITS = LoopLimits(failing=2, unchanged=3, fan_out=2)


def step(number: int, name: str, args: dict[str, Any], result: str, *, ok: bool = True) -> list[BaseMessage]:
    """One call and its result."""
    asked = AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"c{number}"}])
    return [asked, ToolMessage(result, tool_call_id=f"c{number}", status="success" if ok else "error")]


def asking(name: str, args: dict[str, Any]) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "now"}])


def told(turn: list[list[BaseMessage]], name: str = "a", **args: Any) -> str:
    """What is said of a further call after these steps; empty when it may be made."""
    thread = [HumanMessage("q"), *(one for pair in turn for one in pair), asking(name, args)]
    found = circle(thread, ToolCall(name=name, args=args, id="now"), LIMITS)
    return found.message if found else ""


def test_a_call_that_failed_too_often_is_not_made_again() -> None:
    once, twice = ([step(n, "a", {"x": 1}, "no", ok=False) for n in range(times)] for times in (1, 2))
    assert told(once, x=1) == ""
    assert told(twice, x=1) == "This call of 'a' was made 2 times in this turn, and failed each time."
    assert told(twice, x=2) == ""
    assert told(twice, "b", x=1) == ""


def test_a_call_that_failed_and_then_succeeded_counts_its_failures_only() -> None:
    assert told([step(0, "a", {}, "no", ok=False), step(1, "a", {}, "yes")]) == ""


def test_two_calls_in_turn_are_a_circle_as_soon_as_one_of_them_is() -> None:
    ping_pong = [step(n, name, {}, f"from {name}") for n, name in enumerate("abababa")]
    assert told(ping_pong[:4]) == ""
    assert told(ping_pong[:6]) == "This call of 'a' had the same result 3 times in this turn."
    assert told(ping_pong[:6], "b").startswith("This call of 'b' had the same result")


def test_a_call_whose_result_changes_may_be_repeated() -> None:
    assert told([step(n, "a", {}, f"{n} % done") for n in range(9)]) == ""


def test_former_turns_do_not_count() -> None:
    past = [one for n in range(5) for one in step(n, "a", {}, "no", ok=False)]
    thread = [HumanMessage("q"), *past, HumanMessage("again"), asking("a", {})]
    assert circle(thread, ToolCall(name="a", args={}, id="now"), LIMITS) is None


@pytest.mark.anyio
async def test_what_a_message_asks_for_beyond_the_bound_is_told_not_made() -> None:
    made = []

    @tool
    async def note(number: int) -> str:
        """Note a number."""
        made.append(number)
        return "noted"

    asked = calls(*(("note", {"number": n}) for n in range(4)))
    config = config_for(release_of(adapt(note)), ScriptedModel(script=[]), loops=LIMITS)
    answers = (await ToolNode().ainvoke({"messages": [HumanMessage("q"), asked]}, config))["messages"]
    assert [one.status for one in answers] == ["success", "success", "error", "error"]
    assert made == [0, 1]
    assert "4 calls were asked for at once; the first 2 were made" in answers[3].content


@pytest.mark.anyio
async def test_a_call_in_a_circle_never_reaches_the_tool_and_the_model_is_told() -> None:
    made = []

    @tool
    async def search(query: str) -> str:
        """Search."""
        made.append(query)
        raise ToolError("nothing")

    thread: list[Any] = [HumanMessage("q")]
    config = config_for(release_of(adapt(search)), ScriptedModel(script=[]), loops=LIMITS)
    for _ in range(3):
        thread.append(calls(("search", {"query": "x"})))
        thread += (await ToolNode().ainvoke({"messages": thread}, config))["messages"]
    assert made == ["x", "x"]
    assert "answer with what is known" in thread[-1].content
