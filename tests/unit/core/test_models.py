"""Plans of models as agents.yaml has them."""

from typing import Any

import pytest
from pydantic import ValidationError

from toolcrib.core.models import RULES, ModelPlan, RouteQuestion, RouteRule, Tier, named


def asked(question: str = "Hello?", *, messages: int = 1, tools: int = 2) -> RouteQuestion:
    return RouteQuestion(question=question, messages=messages, tools=tools, tiers=("simple", "medium", "complex"))


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"max_chars": 6}, True),
        ({"max_chars": 5}, False),
        ({"min_chars": 7}, False),
        ({"min_tools": 2, "max_tools": 2}, True),
        ({"min_tools": 3}, False),
        ({"max_messages": 0}, False),
        ({"keywords": ["hello"]}, True),
        ({"keywords": ["hell"]}, False),
        ({"keywords": ["x", "HELLO?"]}, True),
        ({"keywords": ["hello"], "min_chars": 7}, False),
    ],
)
def test_a_rule_fits_when_all_that_it_says_is_so(rule: dict[str, Any], fits: bool) -> None:
    assert RouteRule(tier="simple", **rule).fits(asked()) is fits


@pytest.mark.parametrize(
    ("question", "messages", "tools", "tier"),
    [
        ("x" * 200, 1, 8, "simple"),
        ("x" * 201, 1, 8, "medium"),
        ("x" * 200, 1, 9, "medium"),
        ("x" * 200, 11, 8, "medium"),
        ("x" * 1_999, 39, 99, "medium"),
        ("x" * 2_000, 1, 1, "complex"),
        ("x", 40, 1, "complex"),
    ],
)
def test_the_rules_of_auto_are_those_of_the_docs(question: str, messages: int, tools: int, tier: Tier) -> None:
    given = asked(question, messages=messages, tools=tools)

    assert next(rule.tier for rule in RULES if rule.fits(given)) == tier


@pytest.mark.parametrize(
    ("there", "wanted", "taken"),
    [
        (("simple", "complex"), "medium", "complex"),
        (("simple",), "medium", "simple"),
        (("medium", "complex"), "simple", "medium"),
        (("simple", "medium"), "complex", "medium"),
        (("complex",), "simple", "complex"),
    ],
)
def test_in_place_of_a_missing_tier_the_next_one_up_is_taken_else_down(
    there: tuple[Tier, ...], wanted: Tier, taken: Tier
) -> None:
    assert ModelPlan.model_validate(dict.fromkeys(there, "offline")).nearest(wanted) == taken


@pytest.mark.parametrize("plan", [{}, {"fallback": ["offline"]}, {"simple": "x", "route": "fast"}, {"simple": ""}])
def test_a_plan_needs_a_tier_and_a_route_that_there_is(plan: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelPlan.model_validate(plan)


def test_every_model_is_named_with_its_place_and_its_own_options() -> None:
    plan = ModelPlan.model_validate(
        {"complex": {"model": "b", "options": {"n": 1}}, "simple": "a", "fallback": ["c", {"model": "d"}]}
    )

    assert [*named("x")] == [((), "x", {})]
    assert [*named(plan)] == [
        (("simple",), "a", {}),
        (("complex", "model"), "b", {"n": 1}),
        (("fallback", 0), "c", {}),
        (("fallback", 1, "model"), "d", {}),
    ]
