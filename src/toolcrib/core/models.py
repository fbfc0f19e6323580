"""Which models an agent asks: one by name, or a plan of tiers, a way to choose among them, and what to fall back to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from toolcrib.core.policies import Seconds

Tier = Literal["simple", "medium", "complex"]
TIERS: tuple[Tier, ...] = ("simple", "medium", "complex")
OFFLINE = "offline"
"""The model that needs no provider."""
AUTO = "auto"
FUNCTION = re.compile(r"(?P<path>[^:]+\.py):(?P<name>[^\W\d]\w*)")
"""`tools/routing.py:classify`."""

_FIGURES = ("chars", "tools", "messages")
_NEAREST: Mapping[Tier, tuple[Tier, ...]] = MappingProxyType(
    {
        "simple": ("simple", "medium", "complex"),
        "medium": ("medium", "complex", "simple"),
        "complex": ("complex", "medium", "simple"),
    }
)
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class ModelRetry(BaseModel):
    """How often one model is asked, and how long to wait in between: exponential backoff with full jitter.

    Attributes:
        attempts: how often in all, the first time included; then it is the next one's turn.
        base_s: upper bound of the first wait; doubles with each further one.
        cap_s: no wait of ours is longer; one that the provider asks for may be, where there is nothing to fall back to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    base_s: Seconds = 0.5
    cap_s: Seconds = 20.0


class ModelEntry(BaseModel):
    """One model with options of its own.

    Attributes:
        model: `offline`, or any `init_chat_model` string.
        options: keyword arguments for it; each wins over the one of the same name in `model_options`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Name
    options: dict[str, Any] = Field(default_factory=dict)


class RouteRule(BaseModel):
    """A tier, and when to take it: all that is said must be so; always, when nothing is said.

    Attributes:
        tier: the tier.
        min_chars: least length of the question.
        max_chars: greatest length of the question.
        min_tools: least number of tools that the agent has.
        max_tools: greatest number of tools that the agent has.
        min_messages: least number of messages in the thread, the question included.
        max_messages: greatest number of messages in the thread, the question included.
        keywords: words or phrases of which the question holds one, whatever their case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Tier
    min_chars: Count | None = None
    max_chars: Count | None = None
    min_tools: Count | None = None
    max_tools: Count | None = None
    min_messages: Count | None = None
    max_messages: Count | None = None
    keywords: tuple[Name, ...] = ()

    def fits(self, asked: "RouteQuestion") -> bool:
        """Whether the question is of this kind."""
        for figure in _FIGURES:
            value, low, high = getattr(asked, figure), getattr(self, f"min_{figure}"), getattr(self, f"max_{figure}")
            if (low is not None and value < low) or (high is not None and value > high):
                return False
        return not self.keywords or any(_holds(asked.question, word) for word in self.keywords)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    """What a tier is chosen by; a project's own function is given this.

    Attributes:
        question: the newest text of a human.
        messages: how many messages the thread has, the question included.
        tools: how many tools the agent has.
        tiers: those to choose from.
    """

    question: str
    messages: int
    tools: int
    tiers: tuple[Tier, ...]
    agent: str = ""
    tenant: str = ""

    @property
    def chars(self) -> int:
        """Length of the question."""
        return len(self.question)


def _one_model(value: Any) -> str:
    return "entry" if isinstance(value, dict | ModelEntry) else "name"


def _one_route(value: Any) -> str:
    return "rules" if isinstance(value, list | tuple) else "word"


OneModel = Annotated[
    Annotated[Name, Tag("name")] | Annotated[ModelEntry, Tag("entry")],
    Discriminator(_one_model),
]
Route = Annotated[
    Annotated[Name, Tag("word")] | Annotated[tuple[RouteRule, ...], Tag("rules")],
    Discriminator(_one_route),
]
RULES = (
    RouteRule(tier="complex", min_chars=2_000),
    RouteRule(tier="complex", min_messages=40),
    RouteRule(tier="simple", max_chars=200, max_tools=8, max_messages=10),
    RouteRule(tier="medium"),
)
"""What `route: auto` means."""


class ModelPlan(BaseModel):
    """Models by how hard the question is, and what to fall back to. A run keeps its tier from its first answer on.

    Attributes:
        simple: for easy questions: a model's name, or `{model:, options:}`. One tier at least must be there; in place
            of one that is not, the next one up is taken, else the next one down.
        medium: for most questions.
        complex: for hard questions.
        fallback: asked in turn when the tier's model fails.
        route: how a run's tier is chosen, when its caller does not say: `auto` (by length of question and thread and
            number of tools), a tier, rules of which the first that fits counts, or a function of the project
            (`tools/routing.py:classify`).
        default: the tier when no rule fits, or the function fails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    simple: OneModel | None = None
    medium: OneModel | None = None
    complex: OneModel | None = None
    fallback: tuple[OneModel, ...] = ()
    route: Route = AUTO
    default: Tier = "medium"

    @field_validator("route")
    @classmethod
    def _says_how(cls, value: str | tuple[RouteRule, ...]) -> str | tuple[RouteRule, ...]:
        if isinstance(value, str) and value not in (AUTO, *TIERS) and not FUNCTION.fullmatch(value):
            raise ValueError(
                f"{value[:80]!r} is no route. Write auto, simple, medium, complex, a list of rules such as "
                "{tier: simple, max_chars: 200}, or a function such as tools/routing.py:classify"
            )
        return value

    @model_validator(mode="after")
    def _has_a_tier(self) -> "ModelPlan":
        if not self.tiers:
            raise ValueError("it has no tier. Add simple, medium or complex, e.g. medium: openai:gpt-5-mini")
        return self

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """Those that are there, the cheapest first."""
        return tuple(tier for tier in TIERS if getattr(self, tier) is not None)

    def nearest(self, tier: Tier) -> Tier:
        """The tier itself when it is there, else the next one up, else the next one down."""
        return next(each for each in _NEAREST[tier] if each in self.tiers)

    @property
    def function(self) -> str:
        """`path.py:name` of the function that chooses; empty when none does."""
        return self.route if isinstance(self.route, str) and FUNCTION.fullmatch(self.route) else ""


def _one_choice(value: Any) -> str:
    return "plan" if isinstance(value, dict | ModelPlan) else "name"


ModelChoice = Annotated[
    Annotated[str, Tag("name")] | Annotated[ModelPlan, Tag("plan")],
    Discriminator(_one_choice),
]
Place = tuple[str | int, ...]


def named(choice: str | ModelPlan) -> Iterator[tuple[Place, str, Mapping[str, Any]]]:
    """Every model that is named: where below `model`, its name, its own options."""
    if isinstance(choice, str):
        yield (), choice, MappingProxyType({})
        return
    places: list[tuple[Place, str | ModelEntry]] = [((tier,), getattr(choice, tier)) for tier in choice.tiers]
    places += [(("fallback", index), one) for index, one in enumerate(choice.fallback)]
    for place, one in places:
        if isinstance(one, ModelEntry):
            yield (*place, "model"), one.model, one.options
        else:
            yield place, one, MappingProxyType({})


def _holds(question: str, words: str) -> bool:
    """Whether these words stand in the question, not as a part of longer ones."""
    return re.search(rf"(?<!\w){re.escape(words.casefold())}(?!\w)", question.casefold()) is not None
