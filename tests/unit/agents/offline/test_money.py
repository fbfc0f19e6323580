"""Currencies and exchanges."""

import pytest

from toolcrib.agents.offline.extract.money import find_currencies, find_exchange


@pytest.mark.parametrize(
    ("text", "amount", "source", "target"),
    [
        ("How many yen do I get for 300 dollars?", 300, "USD", "JPY"),
        ("If a laptop costs 999 USD, what is the price in INR?", 999, "USD", "INR"),
        ("€20 to £", 20, "EUR", "GBP"),
        ("40 Swiss francs to gbp", 40, "CHF", "GBP"),
        ("500 欧元等于多少日元?", 500, "EUR", "JPY"),
        ("把 100 美元换成人民币", 100, "USD", "CNY"),
    ],
)
def test_an_exchange_has_amount_source_and_target(text: str, amount: float, source: str, target: str) -> None:
    found = find_exchange(text)

    assert found.amount is not None and found.source is not None and found.target is not None
    assert (found.amount.value, found.source.value, found.target.value) == (amount, source, target)


def test_lower_case_words_that_are_codes_too_are_no_currencies() -> None:
    assert not find_currencies("try all of them with a pen")
