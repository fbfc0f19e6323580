"""Prices of models: what a million tokens cost."""

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.money.amounts import Usage, exact

PerMillion = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]
MILLION = Decimal(1_000_000)


class Price(Protocol):
    """What a model's answers cost."""

    @property
    def max_output_tokens(self) -> int | None:
        """The longest answer the model gives; None when that is not known."""

    def cost(self, usage: Usage, *, at: float) -> Decimal:
        """US dollars for this usage, rounded up to twelve places; `at` is Unix time."""

    def highest(self, input_tokens: int, output_tokens: int, *, at: float) -> Decimal:
        """The most that so many tokens can cost, whatever of them is cached or reasoning."""


class ModelPrice(BaseModel):
    """The price of a model, under its name in `prices:` of `agents.yaml`.

    Attributes:
        input_usd_per_million: US dollars for a million tokens of the prompt.
        output_usd_per_million: US dollars for a million tokens of the answer.
        cached_input_usd_per_million: for those the provider reads from its cache; as any other when not given.
        cache_write_usd_per_million: for those the provider writes to its cache; as any other when not given.
        reasoning_usd_per_million: for those of the answer's reasoning; as any other when not given.
        max_output_tokens: the longest answer the model gives; so much is reserved for each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_usd_per_million: PerMillion = Decimal(0)
    output_usd_per_million: PerMillion = Decimal(0)
    cached_input_usd_per_million: PerMillion | None = None
    cache_write_usd_per_million: PerMillion | None = None
    reasoning_usd_per_million: PerMillion | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None

    def cost(self, usage: Usage, *, at: float) -> Decimal:
        """See `Price.cost`."""
        read, written, thought = usage.cached_input_tokens, usage.cache_write_tokens, usage.reasoning_tokens
        fresh = max(0, usage.input_tokens - read - written)
        said = max(0, usage.output_tokens - thought)
        each = self.input_usd_per_million, self.output_usd_per_million
        total = fresh * each[0] + said * each[1]
        total += read * _or(self.cached_input_usd_per_million, each[0])
        total += written * _or(self.cache_write_usd_per_million, each[0])
        total += thought * _or(self.reasoning_usd_per_million, each[1])
        return exact(total / MILLION)

    def highest(self, input_tokens: int, output_tokens: int, *, at: float) -> Decimal:
        """See `Price.highest`."""
        read, written = self.cached_input_usd_per_million, self.cache_write_usd_per_million
        each = max(one for one in (self.input_usd_per_million, read, written) if one is not None)
        answer = max(one for one in (self.output_usd_per_million, self.reasoning_usd_per_million) if one is not None)
        return exact((input_tokens * each + output_tokens * answer) / MILLION)


FREE = ModelPrice()
ASSUMED = ModelPrice(input_usd_per_million=Decimal(15), output_usd_per_million=Decimal(75))
"""What `unknown_price: estimate` takes: dearer than nearly all models."""


def price_named(model: str, prices: Mapping[str, ModelPrice]) -> ModelPrice | None:
    """The price written down for a model: under its own name, else under the first pattern that fits (`ollama:*`)."""
    if found := prices.get(model):
        return found
    return next((price for pattern, price in prices.items() if fnmatchcase(model, pattern)), None)


def _or(price: Decimal | None, other: Decimal) -> Decimal:
    return other if price is None else price
