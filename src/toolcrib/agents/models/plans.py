"""Plans of models: which ones a run asks, in which order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.agents.models.names import missing_key, model_problem, provider_of
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.errors import InputInvalid
from toolcrib.core.models import ModelPlan, Place, Tier, named
from toolcrib.core.quick_init import quick_init


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A model that may be asked.

    Attributes:
        place: where below `model` it is written.
        model: its name.
        options: keyword arguments it is made with.
    """

    place: Place
    model: str
    options: Mapping[str, Any]


def choices(spec: AgentSpec) -> tuple[Choice, ...]:
    """All models of an agent: the tiers, the lowest first, then what it falls back to.

    Options of the whole agent hold for the provider of the first one only: they may be its key and its address.
    """
    found = [Choice(place=place, model=name, options=own) for place, name, own in named(spec.model)]
    first = provider_of(found[0].model)
    return tuple(
        Choice(
            place=one.place,
            model=one.model,
            options={**spec.model_options, **one.options} if provider_of(one.model) == first else one.options,
        )
        for one in found
    )


def chain(models: Sequence[Choice], tier: Tier | None, *, answered: str = "") -> Sequence[Choice]:
    """The models a run asks, one after the other.

    Args:
        models: all of the agent.
        tier: the run's; None for an agent without tiers.
        answered: the model that gave the run's last answer: the run stays with it, and goes on from there.
    """
    wanted = [one for one in models if not one.place or one.place[0] in (tier, "fallback")]
    start = next((index for index, one in enumerate(wanted) if one.model == answered), 0)
    return [*wanted[start:], *wanted[:start]]


def refuse_tier(agent: Agent, tier: Tier | None) -> None:
    """Refuse a tier that its caller asked for and the agent does not have.

    Raises:
        InputInvalid: with those it has.
    """
    plan = agent.spec.model
    tiers: tuple[str, ...] = plan.tiers if isinstance(plan, ModelPlan) and agent.spec.kind != "graph" else ()
    if tier is not None and tier not in tiers:
        raise InputInvalid(
            f"Agent {agent.name!r} has no model for the tier {tier!r}.",
            hint=f"It has {', '.join(tiers)}." if tiers else "It has no tiers: leave `tier` out.",
        )


def plan_problems(spec: AgentSpec) -> Iterator[tuple[Place, str, str]]:
    """What is wrong with the names of an agent's models: (place below `model`, message, fix)."""
    for one in choices(spec):
        if problem := model_problem(one.model):
            yield (one.place, *problem)


def missing_keys(spec: AgentSpec, env: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """For each model without a key, the environment variables of which it needs one."""
    found = (missing_key(one.model, one.options, env) for one in choices(spec))
    return tuple(dict.fromkeys(keys for keys in found if keys))
