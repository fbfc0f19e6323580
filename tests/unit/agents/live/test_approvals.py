"""Approval: a call is made when a person has agreed to it, and not before."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import Sensitive, ToolNode, tool
from toolcrib.registry.release import Release
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
BIG, SMALL, CLOSE = ("refund", {"amount": 250}), ("refund", {"amount": 5}), ("close", {"account": "a", "pin": "1234"})


def graph_of(node: Any) -> Any:
    """The smallest graph that can stop and go on."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(checkpointer=InMemorySaver())


class Bank:
    """What really happened."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        bank = self

        @tool(approval="when(amount > 100)")
        async def refund(amount: int = 200) -> str:
            """Pay back."""
            bank.done.append(amount)
            return f"paid {amount}"

        @tool(approval="required")
        async def close(account: str, pin: Annotated[str, Sensitive()]) -> str:
            """Close an account."""
            bank.done.append((account, pin))
            return "closed"

        self.release: Release = release_of(adapt(refund), adapt(close))
        self.graph = graph_of(ToolNode())

    async def turn(self, given: Any) -> Any:
        """The question the graph waits with, or its tool messages."""
        state = await self.graph.ainvoke(given, config_for(self.release, ScriptedModel(script=[])))
        if asked := state.get("__interrupt__"):
            return asked[0].value
        return [(one.status, one.content) for one in state["messages"] if isinstance(one, ToolMessage)]

    async def ask(self, *wanted: tuple[str, dict[str, Any]]) -> Any:
        return await self.turn({"messages": [calls(*wanted)]})

    async def answer(self, answer: Any) -> Any:
        return await self.turn(Command(resume=answer))


@pytest.fixture
def bank() -> Bank:
    return Bank()


async def test_a_call_below_the_condition_is_made_at_once(bank: Bank) -> None:
    assert await bank.ask(SMALL) == [("success", "paid 5")]


async def test_one_question_is_asked_about_all_calls_of_a_message_before_any_of_them_is_made(bank: Bank) -> None:
    question = await bank.ask(BIG, SMALL, CLOSE)

    assert bank.done == []
    assert [(one["name"], one["args"]) for one in question["action_requests"]] == [
        ("refund", {"amount": 250}),
        ("close", {"account": "a", "pin": "[redacted]"}),
    ]
    decisions = ["approve", "edit", "reject", "respond"]
    assert question["review_configs"] == [
        {"action_name": "refund", "allowed_decisions": decisions},
        {"action_name": "close", "allowed_decisions": decisions},
    ]

    answers = await bank.answer({"decisions": [{"type": "approve"}, {"type": "reject", "message": "too early"}]})

    assert sorted(bank.done) == [5, 250]
    assert [status for status, _ in answers] == ["success", "success", "error"]
    assert "rejected this call of 'close': too early" in answers[2][1]


async def test_the_question_shows_what_is_left_to_defaults_and_one_review_for_each_call(bank: Bank) -> None:
    question = await bank.ask(("refund", {}), BIG)

    assert question["action_requests"][0]["args"] == {}
    assert [one["description"].partition(" By ")[2] for one in question["action_requests"]] == [
        "default: amount = 200.",
        "",
    ]
    assert [one["action_name"] for one in question["review_configs"]] == ["refund", "refund"], "as LangChain has it"


@pytest.mark.parametrize("decision", ["approve", {"type": "approve"}, {"decisions": [{"type": "approve"}]}])
async def test_an_approved_call_is_made_as_it_was_asked_for(bank: Bank, decision: Any) -> None:
    await bank.ask(CLOSE)
    assert await bank.answer(decision) == [("success", "closed")]
    assert bank.done == [("a", "1234")]


async def test_an_edited_call_is_made_with_the_persons_arguments_and_the_model_is_told(bank: Bank) -> None:
    question = await bank.ask(CLOSE)
    args = question["action_requests"][0]["args"] | {"account": "b"}
    ((status, text),) = await bank.answer({"type": "edit", "edited_action": {"name": "close", "args": args}})
    assert bank.done == [("b", "1234")], "what was hidden from the person is as the model had it"
    assert (status, text.startswith("A person changed"), text.endswith("closed")) == ("success", True, True)


async def test_a_person_can_answer_in_the_tools_place(bank: Bank) -> None:
    await bank.ask(BIG)
    assert await bank.answer({"type": "respond", "message": "paid by hand"}) == [("success", "paid by hand")]
    assert bank.done == []


@pytest.mark.parametrize(
    "answer",
    [
        "maybe",
        {"decisions": []},
        {"type": "edit"},
        {"type": "edit", "edited_action": {"name": "close", "args": {}}},
        {"type": "edit", "edited_action": {"name": "refund", "args": {"amuont": 3}}},
        {"type": "respond"},
        {"decisions": "approve"},
        7,
    ],
)
async def test_an_answer_that_does_not_fit_is_asked_for_again_with_what_is_wrong(bank: Bank, answer: Any) -> None:
    await bank.ask(BIG)
    again = await bank.answer(answer)
    assert (again["action_requests"][0]["name"], bank.done) == ("refund", [])
    assert again["error"]
    assert await bank.answer("approve") == [("success", "paid 250")]


async def test_nobody_is_asked_about_a_call_that_cannot_be_made(bank: Bank) -> None:
    ((status, text),) = await bank.ask(("refund", {"amount": "much"}))
    assert (status, "amount" in text) == ("error", True)


async def test_a_call_that_a_wrapper_changes_after_the_approval_is_asked_about_again(bank: Bank) -> None:
    async def doubled(request: ToolCallRequest, execute: Any) -> Any:
        args = {"amount": request.tool_call["args"]["amount"] * 2}
        return await execute(request.override(tool_call={**request.tool_call, "args": args}))

    bank.graph = graph_of(ToolNode(awrap_tool_call=doubled))
    assert (await bank.ask(BIG))["action_requests"][0]["args"] == {"amount": 250}
    assert (await bank.answer("approve"))["action_requests"][0]["args"] == {"amount": 500}
    assert bank.done == []
    assert await bank.answer("approve") == [("success", "paid 500")]


def changed(needing: str, done: list[Any], *, fails: int = 0) -> Release:
    """A release with the tools of the bank, of which a person is asked about this one."""
    left = [fails]

    @tool(approval="required" if needing == "refund" else None)
    async def refund(amount: int) -> str:
        """Pay back."""
        done.append(amount)
        return f"paid {amount}"

    @tool(approval="required" if needing == "close" else None, on_error={"*": "manual"})
    async def close(account: str, pin: str) -> str:
        """Close an account."""
        left[0] -= 1
        if left[0] >= 0:
            raise ConnectionError("no line")
        done.append(account)
        return "closed"

    return release_of(adapt(refund), adapt(close))


async def test_an_answer_under_other_policies_holds_only_for_the_calls_that_were_shown(bank: Bank) -> None:
    bank.release = changed("close", bank.done)
    assert [one["name"] for one in (await bank.ask(SMALL, CLOSE))["action_requests"]] == ["close"]
    bank.release = changed("refund", bank.done)
    for answer in ("approve", {"decisions": [{"type": "approve"}]}):  # the second one has not one for each call
        again = await bank.answer(answer)
        assert ([one["name"] for one in again["action_requests"]], bank.done) == (["refund", "close"], [])
        assert again["error"]
    bank.release = changed("close", bank.done)
    assert [status for status, _ in await bank.answer({"decisions": ["approve", "reject"]})] == ["success", "error"]
    assert bank.done == [5]


async def test_approvals_hold_over_later_questions_of_the_same_step(bank: Bank) -> None:
    bank.release = changed("close", bank.done, fails=1)
    await bank.ask(CLOSE)
    assert (await bank.answer("approve"))["type"] == "tool_error"
    assert await bank.answer("retry") == [("success", "closed")]


@pytest.mark.parametrize("saves", [None, False, True])
async def test_calls_of_a_subgraph_are_agreed_to_whether_it_is_saved_or_not(bank: Bank, saves: bool | None) -> None:
    inner = StateGraph(MessagesState)
    inner.add_node("tools", ToolNode())
    inner.add_edge(START, "tools")
    bank.graph = graph_of(inner.compile(checkpointer=saves))
    await bank.ask(BIG)
    assert await bank.answer("approve") == [("success", "paid 250")]


async def test_questions_of_steps_side_by_side_are_answered_by_their_ids(bank: Bank) -> None:
    graph = StateGraph(MessagesState)
    for name in ("a", "b"):
        graph.add_node(name, ToolNode())
        graph.add_edge(START, name)
    bank.graph = graph.compile(checkpointer=InMemorySaver())
    config = config_for(bank.release, ScriptedModel(script=[]))
    state = await bank.graph.ainvoke({"messages": [calls(BIG)]}, config)
    first, second = (one.id for one in state["__interrupt__"])
    await bank.answer({first: "maybe", second: "approve"})
    assert bank.done == [250]
    await bank.answer("approve")
    assert bank.done == [250, 250]
