"""The router's conversation: calls side by side and one after the other, what is missing, results in words."""

import json
from datetime import date
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from toolcrib.agents.offline_router import Decision, OfferedTool, OfflineRouter, PlannedCall, Router, Turn
from toolcrib.agents.offline_router.scoring import LexicalScorer


def tool(name: str, description: str, **properties: dict[str, Any]) -> OfferedTool:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return OfferedTool(name=name, description=description, parameters=schema)


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
TOOLS = [
    tool("order_status", "Where an order is.", order_id={**TEXT, "description": "The order's id, e.g. A-42."}),
    tool(
        "calculator", "Evaluate an arithmetic expression.", expression={**TEXT, "description": "Arithmetic expression"}
    ),
    tool("convert_currency", "Convert an amount of money.", amount=NUMBER, from_currency=TEXT, to_currency=TEXT),
    tool("get_weather", "Get the weather of a city.", city={**TEXT, "description": "City name"}),
]


@pytest.fixture
def router() -> Router:
    return Router(scorer=LexicalScorer(), today=lambda: date(2026, 11, 21))


def ask(router: Router, *turns: Turn, tools: list[OfferedTool] = TOOLS) -> Decision:
    return router.decide(turns, tools)


def user(text: str) -> Turn:
    return Turn(role="user", text=text)


def said(decision: Decision) -> Turn:
    return Turn(role="assistant", text=decision.text, calls=decision.calls)


def result(name: str, value: Any, *, failed: bool = False) -> Turn:
    return Turn(role="tool", tool=name, text=value if isinstance(value, str) else json.dumps(value), failed=failed)


def names(decision: Decision) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, dict(call.args)) for call in decision.calls]


def test_independent_parts_become_calls_side_by_side(router: Router) -> None:
    decision = ask(router, user("What's the weather in Paris and convert 100 USD to EUR"))

    assert names(decision) == [
        ("get_weather", {"city": "Paris"}),
        ("convert_currency", {"amount": 100, "from_currency": "USD", "to_currency": "EUR"}),
    ]


def test_several_values_of_one_argument_become_several_calls(router: Router) -> None:
    assert names(ask(router, user("status of orders A-42 and A-43"))) == [
        ("order_status", {"order_id": "A-42"}),
        ("order_status", {"order_id": "A-43"}),
    ]


def test_a_part_that_needs_an_earlier_result_waits_for_it(router: Router) -> None:
    question = user("What is 12 * 30, then convert that from USD to EUR")
    first = ask(router, question)
    assert [call.name for call in first.calls] == ["calculator"]

    second = ask(router, question, said(first), result("calculator", 360))

    assert names(second) == [("convert_currency", {"amount": 360, "from_currency": "USD", "to_currency": "EUR"})]
    done = ask(
        router, question, said(first), result("calculator", 360), said(second), result("convert_currency", 331.2)
    )
    assert not done.calls
    assert "331.2" in done.text


def test_what_is_missing_is_asked_for_and_the_answer_completes_the_call(router: Router) -> None:
    question = user("Where is my order?")
    asked = ask(router, question)
    assert not asked.calls
    assert asked.text == "To use `order_status` I need: order_id (The order's id, e.g. A-42)."

    assert names(ask(router, question, said(asked), user("A-42"))) == [("order_status", {"order_id": "A-42"})]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello!", "I am the offline router"),
        ("Who are you?", "I am the offline router"),
        ("你是谁？", "我是离线路由器"),
        ("Tell me a joke", "None of the 4 tools here fits"),
        ("What tools do you have?", "- `order_status`: Where an order is."),
        ("", "There is no question"),
    ],
)
def test_talk_without_a_tool_is_answered_plainly_and_calls_nothing(router: Router, text: str, words: str) -> None:
    decision = ask(router, user(text))

    assert not decision.calls
    assert words in decision.text
    assert "language model" not in decision.text.lower()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"order": "A-42", "status": "shipped", "carrier": "DHL"}, "A-42: status shipped, carrier DHL"),
        ([], "Nothing was found."),
        ([{"id": "A-1"}, {"id": "A-2"}], "2 found:\n- id A-1\n- id A-2"),
        (list(range(12)), "12 found:\n" + "".join(f"- {n}\n" for n in range(10)) + "… and 2 more"),
        ("plain words", "plain words"),
    ],
)
def test_results_are_worded_by_their_shape(router: Router, value: Any, words: str) -> None:
    question = user("Where is order A-42?")

    assert ask(router, question, said(ask(router, question)), result("order_status", value)).text == words


def test_a_failed_call_is_reported_and_not_repeated(router: Router) -> None:
    question = user("Where is order A-42?")
    decision = ask(router, question, said(ask(router, question)), result("order_status", "no such order", failed=True))

    assert not decision.calls
    assert decision.text == "The tool `order_status` failed: no such order"


def test_a_prompt_may_give_words_around_answers_and_a_language(router: Router) -> None:
    system = Turn(
        role="system",
        text="You help.\nBegin every answer with: Dear customer,\nEnd every answer with: The Shop\nAnswer in Chinese",
    )
    question = user("Where is order A-42?")
    decision = ask(router, system, question, said(ask(router, question)), result("order_status", []))

    assert decision.text == "Dear customer, 没有找到任何结果。 The Shop"


def test_the_same_conversation_gives_the_same_decision(router: Router) -> None:
    other = Router(scorer=LexicalScorer(), today=lambda: date(2026, 11, 21))
    turns = [user("What's the weather in Paris and convert 100 USD to EUR")]

    assert router.decide(turns, TOOLS) == router.decide(turns, TOOLS) == other.decide(turns, TOOLS)


@settings(max_examples=150)
@given(
    st.text(max_size=300), st.text(max_size=40), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3)
)
def test_it_never_raises_whatever_is_asked_and_offered(text: str, name: str, properties: dict[str, Any]) -> None:
    router = Router(scorer=LexicalScorer(), today=lambda: date(2026, 11, 21))
    odd = OfferedTool(name=name, description=text, parameters={"properties": properties, "required": list(properties)})

    assert isinstance(router.decide([user(text)], [*TOOLS, odd]), Decision)


def test_in_a_chat_models_place_it_offers_bound_tools_and_numbers_its_calls(router: Router) -> None:
    function = {"name": "order_status", "description": "Where an order is.", "parameters": TOOLS[0].parameters}
    model = OfflineRouter(router=router).bind_tools([{"type": "function", "function": function}])
    question = HumanMessage("Where is order A-42?")

    asked = model.invoke([SystemMessage("Be brief."), question])
    assert [(call["id"], call["args"]) for call in asked.tool_calls] == [("call_1", {"order_id": "A-42"})]
    answer = model.invoke([question, asked, ToolMessage("shipped", name="order_status", tool_call_id="call_1")])
    again = model.invoke(
        [question, asked, ToolMessage("shipped", name="order_status", tool_call_id="call_1"), answer, question]
    )

    assert answer.content == "shipped"
    assert again.tool_calls[0]["id"] == "call_2"
    assert answer.response_metadata["model_name"] == "offline"
    assert answer.usage_metadata is not None


@pytest.mark.anyio
async def test_it_streams_words_and_calls(router: Router) -> None:
    model = OfflineRouter(router=router, offered=tuple(TOOLS))
    with anyio.fail_after(5):
        asked = [chunk async for chunk in model.astream([HumanMessage("Where is order A-42?")])]
        talked = [str(chunk.text) async for chunk in model.astream([HumanMessage("Hello!")])]

    assert [call["name"] for chunk in asked for call in getattr(chunk, "tool_calls", [])] == ["order_status"]
    assert len(talked) > 3
    assert "".join(talked).startswith("Hello. I am the offline router.")


def test_a_planned_call_is_known_by_tool_and_arguments() -> None:
    assert PlannedCall(name="a", args={"x": 1, "y": 2}).key == PlannedCall(name="a", args={"y": 2, "x": 1}).key


def test_ai_messages_before_the_question_are_read_as_calls(router: Router) -> None:
    model = OfflineRouter(router=router, offered=tuple(TOOLS))
    before = [HumanMessage("hi"), AIMessage("Hello.")]

    assert model.invoke([*before, HumanMessage("Where is order A-42?")]).tool_calls
