"""What `agents.yaml` says of money: `prices:` and `budgets:`."""

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from toolcrib.core.money import Budgets, ModelPrice, Spending
from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.mistakes import Reading, check, wrong_type
from toolcrib.loader.reading.places import MAX_REASONS

PRICES, BUDGETS = "prices", "budgets"
_NEEDED = ("input_usd_per_million", "output_usd_per_million")


def read_spending(reading: Reading, top: Mapping[str, Any], reasons: list[Reason]) -> Spending:
    """What is right in it; with reasons for what is wrong."""
    checked = check(Budgets, reading, (BUDGETS,))
    reasons += checked.reasons
    return Spending(budgets=checked.usable, prices=_prices(reading, top.get(PRICES), reasons))


def _prices(reading: Reading, written: Any, reasons: list[Reason]) -> Mapping[str, ModelPrice]:
    if written is not None and not isinstance(written, dict):
        reasons.append(wrong_type(reading, (PRICES,), "must be a mapping of models (`openai:gpt-5-mini: {…}`)"))
    prices: dict[str, ModelPrice] = {}
    for model in islice(written if isinstance(written, dict) else (), MAX_REASONS):
        path = (PRICES, model)
        checked = check(ModelPrice, reading, path)
        reasons += checked.reasons
        lacking = [] if checked.model is None else [key for key in _NEEDED if key not in checked.model.model_fields_set]
        if lacking:
            message = f"the price of {str(model)[:80]!r} lacks {' and '.join(lacking)}"
            hint = "Add it, in US dollars for a million tokens; 0 for none."
            reasons.append(reading.document.reason("missing_key", message, path=path, hint=hint, at="key"))
        elif checked.model:
            prices[str(model)] = checked.model
    return MappingProxyType(prices)
