"""What a run tells of its tool calls: steps, streams and questions, without what is sensitive."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import anyio
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command
from pydantic import BaseModel, SecretStr

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import Sensitive, ToolNode, tool
from toolcrib.agents.langchain_tools import as_langchain_tools
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.results import ToolResult
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
CARD = "4111-1111-1111-1111"
ARGS = {"card": CARD, "pin": "1234567", "amount": 5}
SHOWN = {"card": "[redacted]", "pin": "[redacted]", "amount": 5}


class Receipt(BaseModel):
    token: Annotated[str, Sensitive()]
    text: str


class Till:
    """A graph with one tool node, everything it told, and what its tools were given."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.given: list[str] = []

        @tool
        async def pay(card: Annotated[str, Sensitive()], pin: SecretStr, amount: int) -> Receipt:
            """Pay."""
            self.given.append(f"{card} {pin.get_secret_value()}")
            return Receipt(token="tok-123456", text=f"{card} paid, tok-123456 is yours")

        @tool(on_error={"ConnectionError": "manual"})
        async def charge(card: Annotated[str, Sensitive()], pin: SecretStr, amount: int) -> str:
            """Charge a card."""
            self.given.append(f"{card} {pin.get_secret_value()}")
            if len(self.given) < 3:
                raise ConnectionError(f"no bank for {card}")
            return "charged"

        @tool
        async def plain(card: str) -> str:
            """No marks."""
            return card

        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode())
        graph.add_edge(START, "tools")
        graph.add_edge("tools", END)
        self.graph = graph.compile(checkpointer=InMemorySaver())
        self.release = release_of(*map(adapt, (pay, charge, plain)))
        self.config = config_for(self.release, ScriptedModel(script=[]), notify=self._notify)

    def _notify(self, event: str, data: Mapping[str, Any]) -> None:
        self.told.append((event, data))

    async def turn(self, given: Any) -> dict[str, Any]:
        with anyio.fail_after(5):
            state: dict[str, Any] = await self.graph.ainvoke(given, self.config)
        return state


async def test_steps_are_told_without_what_is_sensitive_and_the_model_gets_its_result() -> None:
    till = Till()
    state = await till.turn({"messages": [calls(("pay", ARGS))]})
    (_, started), (_, finished) = till.told
    assert started["args"] == SHOWN
    assert finished["value"] == {"token": "[redacted]", "text": "[redacted] paid, [redacted] is yours"}
    assert till.given == [f"{CARD} 1234567"]
    assert json.loads(state["messages"][-1].content) == {
        "token": "tok-123456",
        "text": f"{CARD} paid, tok-123456 is yours",
    }


async def test_wrong_arguments_are_told_without_quoting_them() -> None:
    till = Till()
    state = await till.turn({"messages": [calls(("pay", {"crad": CARD, "pin": [CARD], "amount": 5}))]})
    assert till.told[0][1]["args"] == {"crad": "[redacted]", "pin": "[redacted]", "amount": 5}
    assert CARD not in json.dumps(till.told) + state["messages"][-1].content


async def test_a_person_is_asked_without_the_arguments_and_the_answer_repeats_the_real_call() -> None:
    till = Till()
    state = await till.turn({"messages": [calls(("charge", ARGS))]})
    for _ in range(2):
        (asked,) = state["__interrupt__"]
        assert asked.value["args"] == SHOWN
        assert asked.value["error"]["message"].endswith("ConnectionError: no bank for [redacted]")
        state = await till.turn(Command(resume="retry"))
    assert "__interrupt__" not in state
    assert set(till.given) == {f"{CARD} 1234567"}
    assert CARD not in json.dumps(till.told)


async def test_calls_of_tools_without_marks_are_told_as_they_are() -> None:
    till = Till()
    await till.turn({"messages": [calls(("plain", {"card": CARD}))]})
    assert [data.get("args") or data["value"] for _, data in till.told] == [{"card": CARD}, CARD]
    scope = till.config["configurable"]["__toolcrib_scope"]
    wanted = ToolCall(name="plain", args={"card": CARD})
    assert scope.shown(wanted) is wanted


async def test_our_tools_as_langchain_tools_fail_without_quoting() -> None:
    till = Till()
    scope = till.config["configurable"]["__toolcrib_scope"]

    async def call(name: str, args: dict[str, Any]) -> ToolResult:
        result: ToolResult = await scope.calls.call(till.release, ToolCall(name=name, args=args), CallContext())
        return result

    (charge,) = as_langchain_tools([till.release.tools["charge"].spec], call)
    told = await charge.ainvoke(ARGS)
    assert "no bank for [redacted]" in told
    assert CARD not in told
