"""Which models a run asks, in which order."""

from typing import Any

import pytest

from toolcrib.agents.models.plans import chain, choices, missing_keys, plan_problems
from toolcrib.core.agents import AgentSpec
from toolcrib.core.models import ModelPlan

PLAN = {"simple": "openai:a", "complex": "openai:b", "fallback": ["anthropic:c", {"model": "openai:d"}]}


def spec_of(**fields: Any) -> AgentSpec:
    return AgentSpec.model_validate({"model": PLAN, **fields})


def test_a_run_asks_its_tier_and_then_what_it_falls_back_to() -> None:
    assert [one.model for one in chain(choices(spec_of()), "complex")] == ["openai:b", "anthropic:c", "openai:d"]
    assert [one.model for one in chain(choices(AgentSpec(model="openai:x")), None)] == ["openai:x"]


def test_a_run_stays_with_the_model_that_answered_and_goes_on_from_there() -> None:
    models = chain(choices(spec_of()), "simple", answered="anthropic:c")

    assert [one.model for one in models] == ["anthropic:c", "openai:d", "openai:a"]
    assert chain(choices(spec_of()), "simple", answered="gone")[0].model == "openai:a"


def test_options_of_the_agent_never_reach_another_provider() -> None:
    spec = spec_of(model_options={"api_key": "k", "n": 1})
    plan = spec.model_copy(
        update={"model": ModelPlan.model_validate(PLAN | {"simple": {"model": "openai:a", "options": {"n": 2}}})}
    )

    assert [dict(one.options) for one in chain(choices(plan), "simple")] == [
        {"api_key": "k", "n": 2},
        {},
        {"api_key": "k", "n": 1},
    ]


def test_each_name_and_each_key_is_looked_at() -> None:
    spec = spec_of(model=PLAN | {"simple": "opnai:a", "fallback": ["anthropic:c", {"model": "nope"}]})

    assert [place for place, _, _ in plan_problems(spec)] == [("simple",), ("fallback", 0), ("fallback", 1, "model")]
    assert missing_keys(spec_of(), {}) == (("OPENAI_API_KEY",), ("ANTHROPIC_API_KEY",))
    assert missing_keys(spec_of(model_options={"api_key": "k"}), {}) == (("ANTHROPIC_API_KEY",),)


@pytest.mark.parametrize("model", ["offline", {"medium": "offline"}])
def test_the_offline_model_needs_nothing(model: Any) -> None:
    spec = spec_of(model=model)

    assert ([*plan_problems(spec)], missing_keys(spec, {})) == ([], ())
