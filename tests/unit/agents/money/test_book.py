"""The price book: the project's own words first, then the library; exact, and without the network."""

from decimal import Decimal

import pytest

from toolcrib.agents.money.book import PriceBook, library_price
from toolcrib.core.money import FREE, ModelPrice, Usage

AT = 1_795_000_000.0  # 2026-11-18
OWN = ModelPrice(input_usd_per_million=Decimal(7), output_usd_per_million=Decimal(8))
USAGE = Usage(input_tokens=1_000, output_tokens=100, cached_input_tokens=300)


@pytest.mark.anyio
async def test_the_projects_own_price_goes_before_the_librarys() -> None:
    book = PriceBook()
    assert await book.find("openai:gpt-5-mini", {"openai:gpt-5-mini": OWN}) is OWN
    assert await book.find("ollama:llama", {"ollama:*": OWN, "*": FREE}) is OWN
    assert await book.find("offline", {"*": OWN}) is FREE
    assert await book.find("openai:nobody-knows-this", {}) is None
    found = await book.find("openai:gpt-5-mini", {})
    assert found is not None
    assert found.cost(USAGE, at=AT) == Decimal("0.0003825")  # 700 at $0.25, 300 at $0.025, 100 at $2


def test_the_library_prices_what_is_read_from_a_cache_lower_and_what_is_written_to_it_higher() -> None:
    price = library_price("anthropic:claude-haiku-4-5")
    assert price is not None
    cost = price.cost(Usage(input_tokens=1_000), at=AT)
    assert price.cost(Usage(input_tokens=1_000, cached_input_tokens=1_000), at=AT) < cost
    assert price.highest(1_000, 0, at=AT) > cost
    assert library_price("gpt-5-mini") is not None
    assert library_price("nobody:gpt-5-mini") is None


def test_a_written_price_counts_each_kind_of_token() -> None:
    price = ModelPrice(
        input_usd_per_million=Decimal(1),
        output_usd_per_million=Decimal(10),
        cached_input_usd_per_million=Decimal("0.1"),
        cache_write_usd_per_million=Decimal(2),
        reasoning_usd_per_million=Decimal(20),
    )
    usage = Usage(input_tokens=10, output_tokens=5, cached_input_tokens=4, cache_write_tokens=3, reasoning_tokens=2)
    assert price.cost(usage, at=AT) == (3 * 1 + 4 * Decimal("0.1") + 3 * 2 + 3 * 10 + 2 * 20) / Decimal(1_000_000)
    assert price.highest(10, 5, at=AT) == (10 * 2 + 5 * 20) / Decimal(1_000_000)


def test_costs_are_rounded_up_to_twelve_places() -> None:
    assert ModelPrice(input_usd_per_million=Decimal("0.000001")).cost(Usage(input_tokens=1), at=AT) == Decimal("1E-12")
