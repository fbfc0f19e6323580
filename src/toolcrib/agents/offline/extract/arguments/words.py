"""Reading arguments that are words: identifiers, places, dates, languages, choices, names and free text."""

import re
from types import MappingProxyType
from typing import Any

from toolcrib.agents.offline.extract.arguments.kinds import Argument, Kind
from toolcrib.agents.offline.extract.arguments.quantities import Reader
from toolcrib.agents.offline.extract.arguments.reading import Reading, Stage
from toolcrib.agents.offline.extract.choices import find_flag, find_members
from toolcrib.agents.offline.extract.dates import find_dates
from toolcrib.agents.offline.extract.found import Found
from toolcrib.agents.offline.extract.identifiers import (
    find_bare_numbers,
    find_labelled,
    find_matching,
    find_signs,
    find_tickers,
    label_words,
)
from toolcrib.agents.offline.extract.languages import find_languages
from toolcrib.agents.offline.extract.money import find_currencies, find_exchange
from toolcrib.agents.offline.extract.places import Role, find_places
from toolcrib.agents.offline.extract.text import find_emails, find_phones, find_urls
from toolcrib.agents.offline.extract.times import find_durations, find_times, find_zones
from toolcrib.agents.offline.extract.units import Unit, find_units, unit_named

_FORM_WORDS = frozenset({"id", "ids", "number", "no", "code", "num", "ref", "reference", "key", "identifier", "uuid"})
_SOURCE = frozenset({"from", "source", "base", "origin", "departure", "start", "input", "sell", "src", "pickup"})
_TARGET = frozenset(
    {"to", "target", "quote", "destination", "arrival", "end", "output", "buy", "dest", "dst", "dropoff"}
)
_CODE_SAID = re.compile(r"\bcode\b|\biso\b|'(?:[a-z]{2})'|\"[a-z]{2}\"|代码")
_AS_SAID = re.compile(r"natural|in words|as (?:said|written)|e\.g\.?,? ?['\"](?:in \d|tomorrow|next|at )")


def _role(argument: Argument) -> str:
    own = set(argument.words)
    return "source" if own & _SOURCE else "target" if own & _TARGET else "any"


def read_email(reading: Reading, argument: Argument) -> list[Found]:
    """An e-mail address."""
    return reading.free(find_emails(reading.text))


def read_url(reading: Reading, argument: Argument) -> list[Found]:
    """A link; one with a scheme wins."""
    mails = [one.span for one in find_emails(reading.text)]
    finds = [one for one in reading.free(find_urls(reading.text)) if not any(a <= one.start < b for a, b in mails)]
    whole = argument.schema.get("format") in ("uri", "url")
    return [
        Found(value=f"https://{one.value}", start=one.start, end=one.end) if whole and "://" not in one.value else one
        for one in sorted(finds, key=lambda one: "://" not in one.value)
    ]


def read_phone(reading: Reading, argument: Argument) -> list[Found]:
    """A phone number as written."""
    return reading.free(find_phones(reading.text))


def read_identifier(reading: Reading, argument: Argument) -> list[Found]:
    """An identifier beside its label, then any sign with a digit, then a bare number."""
    own = tuple(word for word in argument.words if word not in _FORM_WORDS)
    generic = own or tuple(word for word in sorted(reading.nouns))
    if reading.stage is Stage.LABELLED:
        return reading.free(find_labelled(reading.text, label_words(generic)))
    if reading.stage is Stage.TYPED:
        pattern = argument.schema.get("pattern")
        matching = find_matching(reading.text, pattern) if isinstance(pattern, str) else ()
        mails = [one.span for one in (*find_emails(reading.text), *find_urls(reading.text))]
        signs = [one for one in find_signs(reading.text) if not any(a <= one.start < b for a, b in mails)]
        if own and not argument.required and reading.others(Kind.IDENTIFIER) > 1:
            signs = []
        upper = find_labelled(reading.text, label_words(generic), strict=False)
        return reading.free([*matching, *signs, *upper])
    return reading.free(find_bare_numbers(reading.masked()))


def read_ticker(reading: Reading, argument: Argument) -> list[Found]:
    """A stock symbol."""
    return reading.free(find_tickers(reading.text)) if reading.stage is not Stage.LABELLED else []


def read_currency(reading: Reading, argument: Argument) -> list[Found]:
    """The currency in the argument's part of an exchange."""
    role = _role(argument)
    if reading.stage is Stage.LABELLED:
        return []
    if reading.answering == argument.name:
        return reading.free(find_currencies(reading.text))
    if role == "any" or reading.others(Kind.CURRENCY) < 2:
        exchange = find_exchange(reading.text)
        first = exchange.target if role == "target" else exchange.source
        return reading.free([*([first] if first else []), *find_currencies(reading.text)])
    exchange = find_exchange(reading.text)
    found = exchange.source if role == "source" else exchange.target
    return reading.free([found]) if found else []


def read_language(reading: Reading, argument: Argument) -> list[Found]:
    """A language by name, or by code when the argument says so."""
    role = _role(argument)
    single = reading.others(Kind.LANGUAGE) < 2
    finds = reading.free(find_languages(reading.text, "target" if role == "any" and single else role))
    if role == "source":
        finds = [one for one in finds if one.strength == 1.0]
    coded = _CODE_SAID.search(argument.says) is not None or argument.schema.get("maxLength") == 2
    members = {str(member).lower() for member in argument.members}
    return [
        Found(value=_language_form(one.value, coded, members), start=one.start, end=one.end, strength=one.strength)
        for one in (finds if reading.stage is not Stage.LABELLED else [])
    ]


def _language_form(value: tuple[str, str], coded: bool, members: set[str]) -> str:
    name, code = value
    if members:
        return code if code in members else name
    return code if coded else name


def read_date(reading: Reading, argument: Argument) -> list[Found]:
    """A day as `YYYY-MM-DD`."""
    finds = reading.free(find_dates(reading.text, reading.today)) if reading.stage is Stage.TYPED else []
    return [Found(value=one.value.isoformat(), start=one.start, end=one.end, strength=one.strength) for one in finds]


def read_time(reading: Reading, argument: Argument) -> list[Found]:
    """A time of day as `HH:MM`, with seconds when the format asks for a full time."""
    tail = ":00" if argument.schema.get("format") == "time" else ""
    finds = reading.free(find_times(reading.text)) if reading.stage is Stage.TYPED else []
    return [Found(value=f"{one.value}{tail}", start=one.start, end=one.end) for one in finds]


def read_datetime(reading: Reading, argument: Argument) -> list[Found]:
    """Day and time together in ISO 8601, or the words themselves when the clock is needed to know the time."""
    if reading.stage is not Stage.TYPED:
        return []
    dates, times = reading.free(find_dates(reading.text, reading.today)), reading.free(find_times(reading.text))
    waits = [one for one in reading.free(find_durations(reading.text)) if one.value[1] < 86400]
    formal = argument.schema.get("format") == "date-time"
    parts = [*dates[:1], *times[:1]]
    if not parts:
        return [] if formal else [reading.as_written(_with_in(reading, one)) for one in waits[:1]]
    start, end = min(one.start for one in parts), max(one.end for one in parts)
    near = end - start <= sum(one.end - one.start for one in parts) + 6
    if _AS_SAID.search(argument.says) and near:
        return [reading.as_written(Found(value="", start=start, end=end))]
    day = (dates[0].value if dates else reading.today).isoformat()
    clock = f"T{times[0].value}{':00' if formal else ''}" if times else ("T00:00:00" if formal else "")
    if not near:
        start, end = parts[-1].start, parts[-1].end
    return [Found(value=f"{day}{clock}", start=start, end=end)]


def _with_in(reading: Reading, one: Found) -> Found:
    before = re.search(r"\b(?:in|after)\s+$", reading.text[: one.start], re.IGNORECASE)
    after = re.match(r"\s*(?:from now|later|之?后|以后)", reading.text[one.end :], re.IGNORECASE)
    start = before.start() if before else one.start
    return Found(value="", start=start, end=one.end + (after.end() if after else 0))


def read_zone(reading: Reading, argument: Argument) -> list[Found]:
    """A time zone; any other place as it is named."""
    if reading.stage is Stage.TYPED:
        return reading.free(find_zones(reading.text))
    return read_place(reading, argument)


def read_place(reading: Reading, argument: Argument) -> list[Found]:
    """A place in the argument's role; the city alone when a city is asked for."""
    if reading.stage is Stage.LABELLED:
        return []
    role = _place_role(reading, argument)
    finds = reading.free(find_places(reading.masked(), role))
    if not argument.required:
        finds = [one for one in finds if one.strength >= 0.9]
    if "city" in argument.words or "cities" in argument.words:
        finds = [
            Found(value=str(one.value).partition(",")[0], start=one.start, end=one.end, strength=one.strength)
            for one in finds
        ]
    return finds


def _place_role(reading: Reading, argument: Argument) -> Role:
    role = _role(argument)
    if role == "any":
        return "any"
    alone = reading.others(Kind.PLACE) < 2
    if alone:
        return "destination" if role == "target" else "origin"
    return "origin" if role == "source" else "destination"


def read_unit(reading: Reading, argument: Argument) -> list[Found]:
    """A unit: the one behind the number is what is converted, the other what it becomes."""
    if reading.stage is not Stage.TYPED:
        return []
    finds = find_units(reading.text)
    role = _role(argument)
    if role != "any" and reading.others(Kind.UNIT) > 1 and reading.answering != argument.name:
        measured = [one for one in finds if one.strength == 1.0] or list(finds[:1])
        finds = tuple(measured) if role == "source" else tuple(one for one in finds if one not in measured)
    return [
        Found(value=_unit_form(reading, argument, one), start=one.start, end=one.end, strength=one.strength)
        for one in reading.free(finds)
    ]


def _unit_form(reading: Reading, argument: Argument, one: Found) -> Any:
    unit: Unit = one.value
    for member in argument.members:
        if unit_named(str(member)) is unit:
            return member
    for word in re.findall(r"['\"]([^'\"]{1,20})['\"]", argument.says):
        named = unit_named(word)
        if named is not None:
            return unit.sign if word in (named.sign, named.sign.lower()) else _long(unit, word)
    written = reading.text[one.start : one.end]
    return written if written.isascii() else unit.sign


def _long(unit: Unit, like: str) -> str:
    return unit.name if not like.endswith("s") or not unit.words or not unit.words[0].endswith("s") else unit.words[0]


def read_flag(reading: Reading, argument: Argument) -> list[Found]:
    """True or false, when the text speaks of the argument."""
    found = find_flag(reading.text, argument.words, reading.answering == argument.name)
    return [found] if found and reading.stage is Stage.TYPED else []


def read_member(reading: Reading, argument: Argument) -> list[Found]:
    """A member of the enumeration that the text names."""
    if reading.stage is not Stage.TYPED:
        return []
    if argument.numeric:
        return reading.free(find_labelled(reading.text, argument.words))
    return reading.free(find_members(reading.masked(), argument.members, argument.words))


READERS: MappingProxyType[Kind, Reader] = MappingProxyType(
    {
        Kind.EMAIL: read_email,
        Kind.URL: read_url,
        Kind.PHONE: read_phone,
        Kind.IDENTIFIER: read_identifier,
        Kind.TICKER: read_ticker,
        Kind.CURRENCY: read_currency,
        Kind.LANGUAGE: read_language,
        Kind.DATE: read_date,
        Kind.TIME: read_time,
        Kind.DATETIME: read_datetime,
        Kind.ZONE: read_zone,
        Kind.PLACE: read_place,
        Kind.UNIT: read_unit,
        Kind.BOOLEAN: read_flag,
        Kind.ENUM: read_member,
    }
)
