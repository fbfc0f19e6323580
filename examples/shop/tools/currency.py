"""Prices in the customer's own currency."""

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from toolcrib import ToolError, tool

RATES = Path(__file__).parent.parent / "data" / "rates.json"


@tool(
    side_effect="read",
    examples=(
        "Convert 120 EUR to USD",
        "How much is 50 dollars in yen?",
        "把 120 欧元换成人民币",
        "120 欧元是多少日元？",
    ),
)
def convert_currency(amount: float, from_currency: str, to_currency: str) -> dict[str, Any]:
    """Convert an amount of money at the shop's own rates; the answer says of which day they are.

    Args:
        amount: How much money.
        from_currency: The currency it is in, as a three-letter code such as EUR.
        to_currency: The currency wanted, as a three-letter code such as USD.
    """
    table = _table()
    source, target = (_known(code, table["units_per_eur"]) for code in (from_currency, to_currency))
    rate = table["units_per_eur"][target] / table["units_per_eur"][source]
    result = (Decimal(str(amount)) * rate).quantize(Decimal("0.01"))
    return {
        "amount": amount,
        "from_currency": source,
        "result": float(result),
        "to_currency": target,
        "rate": float(round(rate, 6)),
        "rates_of": date.fromisoformat(table["date"]).isoformat(),
    }


def _known(code: str, rates: dict[str, Decimal]) -> str:
    """The code in capitals, if the shop has a rate for it."""
    wanted = code.strip().upper()
    if wanted not in rates:
        raise ToolError(f"The shop has no rate for {code!r}.", hint=f"It has {', '.join(sorted(rates))}.")
    return wanted


@cache
def _table() -> dict[str, Any]:
    """The bundled table, read once in the life of this module."""
    table: dict[str, Any] = json.loads(RATES.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    return table
