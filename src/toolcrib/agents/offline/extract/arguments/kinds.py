"""Which kind of thing an argument asks for, told by its name, description, type and format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from toolcrib.agents.offline.extract.arguments.schema import resolve, type_of
from toolcrib.agents.offline.extract.found import words_in
from toolcrib.agents.offline.values import OfferedTool


class Kind(StrEnum):
    """What a value of the argument is; the order is that of reading, the surest kinds first."""

    EMAIL = "email"
    URL = "url"
    PHONE = "phone"
    EXPRESSION = "expression"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    ZONE = "zone"
    IDENTIFIER = "identifier"
    TICKER = "ticker"
    CURRENCY = "currency"
    LANGUAGE = "language"
    PERCENT = "percent"
    MEASURE = "measure"
    UNIT = "unit"
    DURATION = "duration"
    BOOLEAN = "boolean"
    ENUM = "enum"
    MONEY = "money"
    COUNT = "count"
    NUMBER = "number"
    PLACE = "place"
    PERSON = "person"
    OBJECT = "object"
    NAMED = "named"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument: ``words`` of its name, what it ``says`` of itself, the schema of one value (not of the list)."""

    name: str
    kind: Kind
    schema: Mapping[str, Any]
    whole: Mapping[str, Any]
    words: tuple[str, ...] = ()
    says: str = ""
    required: bool = False
    many: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return type_of(self.schema) in ("integer", "number")

    @property
    def members(self) -> tuple[Any, ...]:
        """The values allowed, when they are listed."""
        listed = self.schema.get("enum")
        return tuple(listed) if isinstance(listed, list) else ()


def _table(*rows: tuple[Kind, str]) -> tuple[tuple[Kind, frozenset[str]], ...]:
    return tuple((kind, frozenset(words.split())) for kind, words in rows)


_STRINGS = tuple(
    _table(
        (Kind.EMAIL, "email mail emails"),
        (Kind.URL, "url uri link website webpage href urls endpoint"),
        (Kind.PHONE, "phone telephone mobile tel cell"),
        (Kind.EXPRESSION, "expression expr formula equation calculation arithmetic"),
        (Kind.ZONE, "timezone tz zone"),
        (Kind.TICKER, "ticker symbol"),
        (Kind.CURRENCY, "currency currencies"),
        (Kind.LANGUAGE, "language lang languages locale"),
        (Kind.UNIT, "unit units uom"),
        (Kind.DATETIME, "datetime timestamp when"),
        (Kind.DATE, "date day deadline due checkin checkout birthday dob until since dates"),
        (Kind.TIME, "time hour clock"),
        (Kind.DURATION, "duration"),
        (Kind.PLACE, "city place location town country region destination origin address area airport venue cities"),
        (Kind.PLACE, "state neighborhood neighbourhood capital departure arrival port locations district"),
        (Kind.IDENTIFIER, "id sku isbn vin iban uuid ids identifier imei asin zip postcode zipcode plate hash"),
        (Kind.PERSON, "person recipient assignee attendee guest contact author artist director patient employee"),
    )
)
_NUMBERS = tuple(
    _table(
        (Kind.PERCENT, "percent percentage rate discount apr interest pct ratio vat"),
        (Kind.IDENTIFIER, "id ids"),
        (Kind.MEASURE, "weight height length width depth distance temperature temp mass volume area speed size"),
        (Kind.MEASURE, "kg grams lbs pounds km miles celsius fahrenheit meters cm"),
        (Kind.DURATION, "minutes hours seconds days weeks months years nights duration mins secs hrs term"),
        (
            Kind.MONEY,
            "amount price principal budget cost salary bill total money fee payment loan deposit income subtotal",
        ),
        (Kind.COUNT, "count quantity limit people guests persons adults number qty passengers servings copies top max"),
        (Kind.COUNT, "seats rooms tickets page items party size"),
    )
)
_CODED = frozenset({"number", "no", "code", "num", "ref", "reference", "key"})
_NAMED = frozenset({"title", "name", "movie", "film", "song", "book", "company", "product", "artist", "term", "word"})
_FREE = frozenset(
    {"description", "message", "body", "text", "content", "query", "question", "prompt", "note", "reason"}
)
_FORMATS = MappingProxyType(
    {
        **{"date": Kind.DATE, "date-time": Kind.DATETIME, "time": Kind.TIME, "email": Kind.EMAIL, "uri": Kind.URL},
        **{
            "url": Kind.URL,
            "uuid": Kind.IDENTIFIER,
            "duration": Kind.DURATION,
            "idn-email": Kind.EMAIL,
            "phone": Kind.PHONE,
        },
    }
)
_ROLES = frozenset({"from", "to", "source", "target", "base", "quote"})
_PEOPLE = frozenset(
    words_in(
        "first last full customer user person recipient attendee guest contact assignee author artist director "
        "patient employee"
    )
)


def arguments_of(tool: OfferedTool) -> tuple[Argument, ...]:
    """Every argument of a tool, the required ones marked."""
    root = tool.parameters
    properties = root.get("properties")
    required = root.get("required") or ()
    if not isinstance(properties, Mapping):
        return ()
    made = []
    for name, schema in properties.items():
        if isinstance(schema, Mapping):
            made.append(_argument(str(name), resolve(schema, root), tool, name in required))
    return tuple(made)


def split_words(name: str) -> tuple[str, ...]:
    """The lower-case words of a name in snake, kebab or camel case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(word for word in re.split(r"[^a-z0-9\u4e00-\u9fff]+", spaced.lower()) if word)


def _argument(name: str, schema: dict[str, Any], tool: OfferedTool, required: bool) -> Argument:
    whole, many = schema, type_of(schema) == "array"
    if many:
        items = schema.get("items")
        one = resolve(items, tool.parameters) if isinstance(items, Mapping) else {"type": "string"}
        whole = {**schema, "items": one}
        schema = {**one, "description": schema.get("description", "") or one.get("description", "")}
    says = f"{schema.get('title', '')} {schema.get('description', '')}".lower()
    words = split_words(name)
    kind = _kind(words, says, schema, tool)
    return Argument(
        name=name, kind=kind, schema=schema, whole=whole, words=words, says=says, required=required, many=many
    )


def _kind(words: tuple[str, ...], says: str, schema: Mapping[str, Any], tool: OfferedTool) -> Kind:
    form = type_of(schema)
    if form == "boolean":
        return Kind.BOOLEAN
    if form == "object":
        return Kind.OBJECT
    if form in ("integer", "number"):
        return _number_kind(words, says)
    known = _FORMATS.get(str(schema.get("format", ""))) or _string_kind(words, says, tool)
    if schema.get("enum") and known not in (Kind.CURRENCY, Kind.LANGUAGE, Kind.UNIT):
        return Kind.ENUM
    return known


def _number_kind(words: tuple[str, ...], says: str) -> Kind:
    own = set(words)
    if own & _CODED and len(words) > 1 and "of" not in own:
        return Kind.IDENTIFIER
    for kind, names in _NUMBERS:
        if own & names:
            return kind
    if re.search(r"\bamount of money\b|\bprice\b|\bcost\b", says):
        return Kind.MONEY
    return Kind.NUMBER


def _string_kind(words: tuple[str, ...], says: str, tool: OfferedTool) -> Kind:
    own = set(words)
    about = f"{says} {tool.name} {tool.description}".lower()
    if own & _FREE:
        return Kind.TEXT
    if own & _CODED and len(words) > 1 and not own & {"phone", "country", "currency", "language", "airport"}:
        return Kind.IDENTIFIER
    if own & _ROLES and len(words) == 1:
        return _role_kind(says, about)
    for kind, names in _STRINGS:
        if (
            own & names
            and not (kind is Kind.PLACE and own & {"id"})
            and not (kind is Kind.TICKER and "currency" in about)
        ):
            return kind if kind is not Kind.PLACE or "id" not in own else Kind.IDENTIFIER
    if own & _NAMED:
        return Kind.PERSON if own & _PEOPLE else Kind.NAMED
    if words[:1] in (("check",), ("start",), ("end",), ("begin",)):
        return Kind.DATE
    return _by_description(says, own)


def _role_kind(says: str, about: str) -> Kind:
    for text in (says, about):
        for kind, sign in (
            (Kind.CURRENCY, r"currenc|iso 4217|exchange rate"),
            (Kind.EMAIL, r"e-?mail|recipient address"),
            (Kind.LANGUAGE, r"language|translat"),
            (Kind.UNIT, r"\bunits?\b"),
            (Kind.PHONE, r"\bphone\b|\bsms\b"),
            (Kind.PERSON, r"\brecipient\b|\bperson\b|\bmessage\b"),
            (Kind.PLACE, r"\bcity|\bplace|airport|station|location|address|travel|route|distance|trip|flight|train"),
        ):
            if re.search(sign, text):
                return kind
    return Kind.TEXT


def _by_description(says: str, own: set[str]) -> Kind:
    for kind, sign in (
        (Kind.EMAIL, r"\be-?mail address"),
        (Kind.URL, r"\burl\b|\blink\b"),
        (Kind.CURRENCY, r"\bcurrency\b|iso 4217"),
        (Kind.EXPRESSION, r"arithmetic|math(?:ematical)? expression|表达式|算式"),
        (Kind.LANGUAGE, r"\blanguage\b"),
        (Kind.DATE, r"\byyyy-mm-dd\b|\biso date\b|日期"),
        (Kind.PLACE, r"\bcity\b|\bcountry\b|\blocation\b|城市|地点"),
        (Kind.IDENTIFIER, r"\b(?:identifier|id)\b|编号"),
    ):
        if re.search(sign, says):
            return kind
    return Kind.NAMED if own & {"topic", "subject", "keyword", "cuisine", "dish", "food", "ingredient"} else Kind.TEXT
