"""`PriceBook`: prices of models, as the project writes them down, else as the price library knows them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolcrib.core.models import OFFLINE
from toolcrib.core.money import FREE, ModelPrice, Price, Usage, exact, price_named

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

# where the library would take one for another
_PROVIDERS = MappingProxyType({"azure_openai": "azure", "bedrock_converse": "bedrock"})


class PriceBook:
    """Prices of models. What the library knows is looked up once for each model, off the event loop."""

    def __init__(self) -> None:
        self._known: dict[str, LibraryPrice | None] = {}

    async def find(self, model: str, prices: Mapping[str, ModelPrice]) -> Price | None:
        """The price of a model; None when nobody knows it.

        Args:
            model: its name, as in `agents.yaml`.
            prices: what the project writes down; goes before what the library knows.
        """
        if own := written_price(model, prices):
            return own
        if model not in self._known:
            self._known[model] = await asyncio.to_thread(library_price, model)
        return self._known[model]


def written_price(model: str, prices: Mapping[str, ModelPrice]) -> ModelPrice | None:
    """The price the project writes down; the offline model costs nothing."""
    return FREE if model == OFFLINE else price_named(model, prices)


@dataclass(frozen=True, slots=True)
class LibraryPrice:
    """The price of a model the library knows; see `Price`."""

    provider: "Provider"
    model: "ModelInfo"

    @property
    def max_output_tokens(self) -> int | None:
        """See `Price.max_output_tokens`; the library does not know it."""
        return None

    def cost(self, usage: Usage, *, at: float) -> Decimal:
        """See `Price.cost`."""
        make = import_module("genai_prices").Usage
        counted = make(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        )
        when = datetime.fromtimestamp(at, UTC)
        return exact(self.model.calc_price(counted, self.provider, genai_request_timestamp=when).total_price)

    def highest(self, input_tokens: int, output_tokens: int, *, at: float) -> Decimal:
        """See `Price.highest`."""
        fresh = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        written = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_write_tokens=input_tokens)
        return max(self.cost(fresh, at=at), self.cost(written, at=at))


def library_price(model: str) -> LibraryPrice | None:
    """What the price library knows of a model. Blocks: its first import takes a second or more.

    It never asks the network: the prices are those of the installed version.
    """
    snapshot = import_module("genai_prices.data_snapshot").get_snapshot()
    family, colon, name = model.partition(":")
    provider = _PROVIDERS.get(family, family) if colon else None
    try:
        return LibraryPrice(*snapshot.find_provider_model(name if colon else model, None, provider, None))
    except LookupError:
        return None
