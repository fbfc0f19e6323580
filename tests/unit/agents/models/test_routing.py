"""Choosing the tier of a run."""

import logging
import threading
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from toolcrib.agents.models.routing import Router, before, choose, route_question, signed
from toolcrib.core.models import ModelPlan, RouteQuestion

pytestmark = pytest.mark.anyio
THREE = {"simple": "a", "medium": "b", "complex": "c"}
ASKED = RouteQuestion(question="Please refund me", messages=1, tools=2, tiers=("simple", "medium", "complex"))


def plan_of(**more: Any) -> ModelPlan:
    return ModelPlan.model_validate(THREE | more)


async def chosen(plan: ModelPlan, function: Any = None, *, timeout_s: float = 5.0) -> str:
    with anyio.fail_after(5):
        return await choose(plan, ASKED, Router(function, timeout_s=timeout_s) if function else None)


async def test_a_tier_by_name_a_rule_and_the_default() -> None:
    rules = [{"tier": "complex", "keywords": ["refund"]}, {"tier": "simple"}]

    assert await chosen(plan_of(route="complex")) == "complex"
    assert await chosen(plan_of(route=rules)) == "complex"
    assert await chosen(plan_of(route=[{"tier": "simple", "min_chars": 99}], default="complex")) == "complex"
    assert await chosen(plan_of()) == "simple"


async def test_a_function_of_the_project_chooses_in_a_thread_or_awaited() -> None:
    seen = []

    def plain(question: RouteQuestion) -> str:
        seen.append((question, threading.current_thread() is threading.main_thread()))
        return "complex"

    async def waiting(question: RouteQuestion) -> str:
        return "simple"

    plan = plan_of(route="tools/routing.py:f")
    assert (await chosen(plan, plain), await chosen(plan, waiting)) == ("complex", "simple")
    assert seen == [(ASKED, False)]


async def test_a_function_that_fails_or_says_no_tier_leaves_the_default(caplog: pytest.LogCaptureFixture) -> None:
    def broken(question: RouteQuestion) -> str:
        raise RuntimeError("secret")

    async def hanging(question: RouteQuestion) -> str:
        await anyio.sleep_forever()
        return "simple"

    plan = plan_of(route="tools/routing.py:f", default="complex")
    with caplog.at_level(logging.WARNING, "toolcrib"):
        assert await chosen(plan, broken) == "complex"
        assert await chosen(plan, hanging, timeout_s=0.01) == "complex"
        assert await chosen(plan, lambda question: "huge") == "complex"
        assert await chosen(plan, lambda question: None) == "complex"

    told = [record.router for record in caplog.records if record.message == "default tier taken"]  # type: ignore[attr-defined]  # an extra
    assert told == [
        "RuntimeError",
        "no tier within 0.01 s",
        "an answer of type str, which is no tier",
        "an answer of type NoneType, which is no tier",
    ]


async def test_functions_that_never_return_take_no_more_than_their_few_threads() -> None:
    go, begun = threading.Event(), []

    def stuck(question: RouteQuestion) -> str:
        begun.append(question)
        go.wait(5)
        return "simple"

    router = Router(stuck, timeout_s=0.05)
    try:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                for _ in range(9):
                    group.start_soon(router.tier, ASKED)
    finally:
        go.set()
    assert len(begun) == 4


async def test_a_run_goes_on_with_the_tier_and_model_of_its_last_answer() -> None:
    answer = signed(AIMessage("", id="m1"), tier="complex", model="openai:x")
    older = [HumanMessage("a"), signed(AIMessage("b"), tier="simple", model="openai:y")]

    assert answer.id == "m1"
    assert before([*older, HumanMessage("c"), answer, ToolMessage("d", tool_call_id="1")]) == ("complex", "openai:x")
    assert before([*older, HumanMessage("c")]) == (None, "")
    assert before([HumanMessage("c"), signed(AIMessage("b"), tier=None, model="offline")]) == (None, "offline")


async def test_the_figures_are_those_of_the_newest_question() -> None:
    messages = [SystemMessage("s"), HumanMessage("first"), AIMessage("b"), HumanMessage("second")]

    asked = route_question(plan_of(), messages, tools=3, agent="a", tenant="t")

    assert (asked.question, asked.chars, asked.messages, asked.tools) == ("second", 6, 3, 3)
