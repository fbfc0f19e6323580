"""The shapes of a question that tell its matter without words: arithmetic, money for money, a unit for a unit."""

from types import MappingProxyType

from toolcrib.agents.offline_router.extract.arguments.kinds import Kind
from toolcrib.agents.offline_router.extract.arithmetic import find_expression
from toolcrib.agents.offline_router.extract.found import even
from toolcrib.agents.offline_router.extract.languages import find_languages
from toolcrib.agents.offline_router.extract.money import find_currencies
from toolcrib.agents.offline_router.extract.text import find_emails, find_urls
from toolcrib.agents.offline_router.extract.units import find_measures, find_units

TOOL_SHAPES = MappingProxyType(
    {
        Kind.EXPRESSION: ("s:expression", 1.0),
        Kind.CURRENCY: ("s:exchange", 1.0),
        Kind.UNIT: ("s:units", 1.0),
        Kind.EMAIL: ("s:email", 0.6),
        Kind.URL: ("s:url", 0.8),
        Kind.LANGUAGE: ("s:language", 0.5),
        Kind.TICKER: ("s:ticker", 0.0),
    }
)


def shapes_of(question: str) -> dict[str, float]:
    """The shapes found in a question, each with its strength."""
    text = even(question)
    shapes: dict[str, float] = {}
    if (expression := find_expression(text)) is not None:
        shapes["s:expression"] = 1.2 * expression.strength
    currencies = {one.value for one in find_currencies(text) if one.strength >= 0.9}
    if len(currencies) >= 2:
        shapes["s:exchange"] = 1.4
    if find_measures(text) and len({one.value.sign for one in find_units(text)}) >= 2:
        shapes["s:units"] = 1.2
    if find_emails(text):
        shapes["s:email"] = 1.0
    if find_urls(text):
        shapes["s:url"] = 1.0
    if find_languages(text):
        shapes["s:language"] = 1.0
    return shapes
