"""What a run does about a failed call: tells the model, ends, or asks a person and heeds the answer."""

from typing import Any

import anyio
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import ToolNode, tool
from toolcrib.core.errors import ToolAborted
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


class Till:
    """A graph with one tool node, whose tool `charge` fails as often as a test wants."""

    def __init__(self, failures: int, **on_error: Any) -> None:
        self.charged: list[str] = []

        @tool
        async def note(text: str) -> str:
            """Note something."""
            self.charged.append(text)
            return f"noted {text}"

        @tool(on_error=on_error)
        async def charge(card: str) -> str:
            """Charge a card."""
            self.charged.append(card)
            if len([one for one in self.charged if one == card]) <= failures:
                raise ConnectionError("bank is down")
            return f"charged {card}"

        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode())
        graph.add_edge(START, "tools")
        graph.add_edge("tools", END)
        self.graph = graph.compile(checkpointer=InMemorySaver())
        self.config = config_for(release_of(*map(adapt, (note, charge))), ScriptedModel(script=[]))

    async def turn(self, given: Any) -> dict[str, Any]:
        with anyio.fail_after(5):
            state: dict[str, Any] = await self.graph.ainvoke(given, self.config)
        return state

    async def ask(self, *cards: str) -> dict[str, Any]:
        wanted = calls(("note", {"text": "hello"}), *(("charge", {"card": card}) for card in cards))
        return await self.turn({"messages": [wanted]})


def said(state: dict[str, Any]) -> list[str]:
    return [f"{message.status}: {message.content}" for message in state["messages"][1:]]


async def test_an_error_nobody_listed_is_told_to_the_model() -> None:
    assert said(await Till(9, KeyError="abort").ask("v")) == [
        "success: noted hello",
        "error: Tool 'charge' failed: ConnectionError: bank is down",
    ]


async def test_skip_tells_the_model_to_go_on() -> None:
    assert said(await Till(9, OSError="skip").ask("v"))[1].endswith("bank is down Go on without it.")


async def test_abort_ends_the_run_when_the_siblings_are_done() -> None:
    till = Till(9, ConnectionError="abort")
    with pytest.raises(ToolAborted, match="'charge' failed, which ends this run"):
        await till.ask("v")
    assert till.charged == ["hello", "v"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("retry", "success: charged v"),
        ("skip", "error: Tool 'charge' failed: ConnectionError: bank is down Go on without it."),
        ({"result": "paid in cash"}, "success: paid in cash"),
        ("no idea", "error: Tool 'charge' failed: ConnectionError: bank is down Go on without it."),
    ],
)
async def test_manual_asks_a_person_and_heeds_the_answer(answer: Any, told: str) -> None:
    till = Till(1, **{"*": "manual"})
    asked = (await till.ask("v"))["__interrupt__"][0].value
    assert asked == {
        "type": "tool_error",
        "tool": "charge",
        "args": {"card": "v"},
        "call_id": "call-1",
        "error": {
            "code": "tool_failed",
            "message": "Tool 'charge' failed: ConnectionError: bank is down",
            "hint": "",
        },
        "options": ["retry", "skip", "abort", {"result": "what the tool should have returned"}],
    }
    state = await till.turn(Command(resume=answer))
    assert said(state) == ["success: noted hello", told]
    assert till.charged.count("hello") == 1, "the sibling that was done is not done again"
    assert till.charged.count("v") == (2 if answer == "retry" else 1)


async def test_a_person_can_end_the_run() -> None:
    till = Till(1, **{"*": "manual"})
    await till.ask("v")
    with pytest.raises(ToolAborted):
        await till.turn(Command(resume="abort"))


async def test_each_failed_call_asks_in_its_turn() -> None:
    till = Till(1, **{"*": "manual"})
    first = (await till.ask("v", "w"))["__interrupt__"][0].value["args"]
    second = (await till.turn(Command(resume={"result": "one"})))["__interrupt__"][0].value["args"]
    state = await till.turn(Command(resume="retry"))
    assert (first, second) == ({"card": "v"}, {"card": "w"})
    assert said(state)[1:] == ["success: one", "success: charged w"]
    assert till.charged == ["hello", "v", "w", "w"]


async def test_a_retry_that_fails_again_asks_again() -> None:
    till = Till(2, **{"*": "manual"})
    await till.ask("v")
    assert (await till.turn(Command(resume="retry")))["__interrupt__"]
    assert said(await till.turn(Command(resume="retry")))[1] == "success: charged v"
    assert till.charged.count("v") == 3
