"""Fill a tool's arguments from a question, by rules alone."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from toolcrib.agents.offline_router.extract.arguments import quantities, wording, words
from toolcrib.agents.offline_router.extract.arguments.kinds import Argument, Kind, arguments_of, split_words
from toolcrib.agents.offline_router.extract.arguments.reading import Reading, Stage
from toolcrib.agents.offline_router.extract.arguments.schema import fit
from toolcrib.agents.offline_router.extract.choices import members_left
from toolcrib.agents.offline_router.extract.found import TEXT_LIMIT_CHARS, Found, Span, even, overlaps
from toolcrib.agents.offline_router.extract.text import find_quoted
from toolcrib.agents.offline_router.values import Filled, OfferedTool

_READERS = (words.READERS, quantities.READERS, wording.READERS)
_ORDER = tuple(Kind)
_REFERS = re.compile(
    r"\b(?:that(?! (?:is|was|says))|it|this|them|those|the (?:result|answer|total|number|value|amount|"
    r"sum|output|price))\b|"
    r"它|结果|这个|那个|上面|刚才",
    re.IGNORECASE,
)
_ONLY_REFERS = re.compile(
    r"(?:that|it|this|them|those|(?:the )?(?:result|answer|total|number|value|amount|sum|output|price)|"
    r"它|结果|这个|那个|上面的?|刚才的?)?\W*",
    re.IGNORECASE,
)
_LISTABLE = frozenset({Kind.IDENTIFIER, Kind.PLACE, Kind.EXPRESSION, Kind.TICKER, Kind.ZONE})
_JOINT = re.compile(
    r"[\s,;、.?!]*(?:(?:and|or|&|和|与|及|跟|以及|then|also|as well as|what about|how about|还有|另外)[\s,]*)*"
)
_WORDY = frozenset({Kind.TEXT, Kind.NAMED, Kind.PERSON})
_MOST_CALLS = 8
_MOST_LEFT = 4


def fill(text: str, tool: OfferedTool, *, today: date, earlier: Any = None, answering: str = "") -> Filled:
    """Read a tool's arguments from a text.

    ``earlier`` is the result of an earlier call: "that", "the result" and the like stand for it.
    ``answering`` names the argument the user was just asked for: the text is then mostly its value.
    """
    return _fill(_reading(text, tool, today, answering), tool, earlier)


def fill_all(text: str, tool: OfferedTool, *, today: date, earlier: Any = None) -> tuple[Filled, ...]:
    """Read one call for each value when the text lists several for a single-valued argument, else one call.

    So it is for the members of an enumeration that are left when the text says which one it does not mean.
    """
    reading = _reading(text, tool, today, "")
    for argument in reading.arguments:
        listed = _listed(reading, argument)
        if len(listed) > 1:
            spans = [one.span for one in listed]
            return tuple(
                _fill(replace(reading, blocked=tuple(span for span in spans if span != own)), tool, earlier)
                for own in spans[:_MOST_CALLS]
            )
        if left := _left(reading, argument):
            return tuple(_with(_fill(reading, tool, earlier), argument, value) for value in left)
    return (_fill(reading, tool, earlier),)


def _reading(text: str, tool: OfferedTool, today: date, answering: str) -> Reading:
    return Reading(
        text=even(text),
        raw=text[:TEXT_LIMIT_CHARS],
        today=today,
        arguments=arguments_of(tool),
        nouns=wording.own_nouns(" ".join(split_words(tool.name)), tool.description),
        answering=answering,
    )


def _fill(reading: Reading, tool: OfferedTool, earlier: Any) -> Filled:
    found: dict[str, Found] = {}
    asked = [one for one in reading.arguments if one.name == reading.answering]
    if asked:
        reading = _answer(reading, asked[0], found, tool)
    for stage in Stage:
        reading = replace(reading, stage=stage)
        if stage is Stage.LEFTOVER and asked:
            break
        if stage is Stage.LEFTOVER and earlier is not None:
            _refer(reading, found, earlier)
        for argument in sorted(reading.arguments, key=lambda one: _ORDER.index(one.kind)):
            if argument.name not in found and (argument.required or stage is not Stage.LEFTOVER):
                reading = _take(reading, argument, found, tool)
    return _filled(reading, found)


def _take(reading: Reading, argument: Argument, found: dict[str, Found], tool: OfferedTool) -> Reading:
    one = _object(reading, argument, tool) if argument.kind is Kind.OBJECT else _first(reading, argument)
    if one is None:
        return reading
    found[argument.name] = one
    spans = one.value.used if isinstance(one.value, Filled) else _spans(one)
    return replace(reading, taken=(*reading.taken, *spans))


def _spans(one: Found) -> tuple[Span, ...]:
    return ((one.start, one.end),) if one.end > one.start else ()


def _first(reading: Reading, argument: Argument) -> Found | None:
    """The first find that holds for the schema; all of them for a list."""
    finds = _read(reading, argument)
    if argument.many:
        return _many(reading, argument, finds)
    for one in finds:
        value = fit(one.value, argument.whole)
        if value is not None:
            return replace(one, value=value)
    return None


def _read(reading: Reading, argument: Argument) -> list[Found]:
    for readers in _READERS:
        if argument.kind in readers:
            finds = readers[argument.kind](reading, argument)
            return finds if argument.kind in _WORDY else _outside_quotes(reading, finds)
    return []


def _outside_quotes(reading: Reading, finds: list[Found]) -> list[Found]:
    """Finds outside quotes, if there are any, when another argument asks for text."""
    if any(one.kind in _WORDY for one in reading.arguments):
        quotes = [one.span for one in find_quoted(reading.text)]
        return [one for one in finds if not overlaps(one.span, quotes)] or finds
    return finds


def _many(reading: Reading, argument: Argument, finds: list[Found]) -> Found | None:
    if argument.kind in (Kind.TEXT, Kind.NAMED) and len(finds) == 1 and finds[0].strength < 0.8:
        parts = [part.strip() for part in re.split(r",|、|;|\band\b|和", str(finds[0].value)) if part.strip()]
        values: list[Any] = [*parts]
    else:
        values = [one.value for one in sorted(finds, key=lambda one: one.start)]
    made = fit(values, argument.whole)
    if not made:
        return None
    start, end = min(one.start for one in finds), max(one.end for one in finds)
    return Found(value=made, start=start, end=end, strength=max(one.strength for one in finds))


def _object(reading: Reading, argument: Argument, tool: OfferedTool) -> Found | None:
    """A nested object, filled like a tool of its own when the last stage is reached."""
    if (reading.stage is not Stage.LEFTOVER and not argument.required) or reading.stage is Stage.LABELLED:
        return None
    inner = OfferedTool(
        name=f"{tool.name} {argument.name}",
        description=argument.says,
        parameters={**tool.parameters, "properties": {}, **argument.schema},
    )
    made = (
        _fill(replace(reading, arguments=arguments_of(inner), stage=Stage.LABELLED, answering=""), inner, None)
        if arguments_of(inner)
        else None
    )
    if made is None or made.missing or not made.args:
        return None
    start, end = made.used[0] if made.used else (0, 0)
    return Found(value=dict(made.args), start=start, end=end, strength=made.evidence)


def _answer(reading: Reading, argument: Argument, found: dict[str, Found], tool: OfferedTool) -> Reading:
    """The argument the user was asked for: read by its kind, or else the whole text."""
    for stage in (Stage.LABELLED, Stage.TYPED):
        if argument.name not in found:
            reading = _take(replace(reading, stage=stage), argument, found, tool)
    if argument.name in found and argument.kind not in (Kind.TEXT, Kind.NAMED):
        return reading
    whole = _whole(reading, argument)
    if argument.name not in found and whole is not None:
        found[argument.name] = whole
        return replace(reading, taken=(*reading.taken, whole.span))
    if argument.name not in found:
        reading = _take(replace(reading, stage=Stage.LEFTOVER), argument, found, tool)
    return reading


def _whole(reading: Reading, argument: Argument) -> Found | None:
    if argument.kind in (Kind.ENUM, Kind.BOOLEAN, Kind.OBJECT, Kind.DATE, Kind.TIME, Kind.EMAIL) or argument.numeric:
        return None
    text = re.sub(
        r"^(?:it's|it is|its|the|in|to|for|from|my|是|在|到)\s+", "", reading.raw.strip(), flags=re.IGNORECASE
    )
    text = text if argument.kind is Kind.TEXT and len(text.split()) > 6 else text.strip(" .!?。！？\"'“”")
    text = text.title() if argument.kind is Kind.PLACE and text.isascii() and text.islower() else text
    value = fit([text] if argument.many else text, argument.whole)
    return Found(value=value, start=0, end=len(reading.text), strength=0.6) if value else None


def _refer(reading: Reading, found: dict[str, Found], earlier: Any) -> None:
    """Let "that" and "the result" stand for the result of an earlier call."""
    word = _REFERS.search(reading.masked())
    if word is None:
        return
    for argument in reading.arguments:
        if argument.name in found or not argument.required or argument.many:
            continue
        value = _referred(reading, argument, word, earlier)
        if value is not None and (value := fit(value, argument.whole)) is not None:
            found[argument.name] = Found(value=value, start=word.start(), end=word.end(), strength=0.7)
            return


def _referred(reading: Reading, argument: Argument, word: re.Match[str], earlier: Any) -> Any:
    number = isinstance(earlier, (int, float)) and not isinstance(earlier, bool)
    if argument.kind is Kind.EXPRESSION:
        if not number:
            return None
        said = reading.text[: word.start()] + f" {earlier} " + reading.text[word.end() :]
        finds = quantities.read_expression(replace(reading, text=said, raw=said, taken=(), blocked=()), argument)
        return finds[0].value if finds else None
    if argument.numeric:
        return None if not number or argument.kind is Kind.IDENTIFIER else earlier
    if argument.kind in (Kind.TEXT, Kind.NAMED, Kind.PLACE, Kind.IDENTIFIER, Kind.PERSON):
        finds = _read(replace(reading, stage=Stage.LEFTOVER), argument)
        left = str(finds[0].value) if finds else ""
        mostly = _ONLY_REFERS.fullmatch(left) is not None or argument.kind is Kind.IDENTIFIER
        return str(earlier) if mostly and isinstance(earlier, (int, float, str)) else None
    return None


def _filled(reading: Reading, found: Mapping[str, Found]) -> Filled:
    args = {one.name: found[one.name].value for one in reading.arguments if one.name in found}
    required = [one for one in reading.arguments if one.required]
    missing = tuple(one.name for one in required if one.name not in found)
    used = tuple(sorted(found[name].span for name in args if found[name].end > found[name].start))
    sure = [found[one.name].strength if one.name in found else 0.0 for one in required]
    extra = [found[one.name].strength for one in reading.arguments if one.name in found and not one.required]
    evidence = sum(sure) / len(sure) if sure else 0.8 * max(extra, default=0.0)
    if sure and extra and not missing:
        evidence = min(1.0, evidence + 0.1)
    return Filled(args=args, missing=missing, evidence=round(evidence, 3), used=used)


def _listed(reading: Reading, argument: Argument) -> list[Found]:
    """The values of an argument that stand in a list; empty unless it is the one that can be repeated."""
    if argument.kind not in _LISTABLE or argument.many or not argument.required or reading.others(argument.kind) != 1:
        return []
    if argument.kind is Kind.EXPRESSION:
        return _expressions(reading, argument)
    for stage in (Stage.LABELLED, Stage.TYPED, Stage.LEFTOVER):
        finds = sorted(_read(replace(reading, stage=stage), argument), key=lambda one: one.start)
        finds = [one for one in finds if fit(one.value, argument.whole) is not None]
        if finds:
            return _chain(reading, finds)
    return []


def _left(reading: Reading, argument: Argument) -> list[Any]:
    """The members of a short enumeration that are left when the text denies some; empty when it names one."""
    if argument.kind is not Kind.ENUM or argument.many or argument.numeric or reading.others(Kind.ENUM) != 1:
        return []
    left = members_left(reading.text, argument.members, argument.words)
    return [value for value in left if fit(value, argument.whole) is not None] if 1 < len(left) <= _MOST_LEFT else []


def _with(filled: Filled, argument: Argument, value: Any) -> Filled:
    """The same arguments and one more."""
    missing = tuple(name for name in filled.missing if name != argument.name)
    evidence = max(filled.evidence, 0.5)
    return replace(filled, args={**filled.args, argument.name: value}, missing=missing, evidence=evidence)


def _chain(reading: Reading, finds: list[Found]) -> list[Found]:
    """The longest row of finds with nothing but list words between them."""
    best: list[Found] = []
    row: list[Found] = []
    for one in finds:
        if row and not _JOINT.fullmatch(reading.text, row[-1].end, one.start):
            row = []
        row = [*row, one]
        best = row if len(row) > len(best) else best
    return best


def _expressions(reading: Reading, argument: Argument) -> list[Found]:
    finds: list[Found] = []
    reading = replace(reading, stage=Stage.TYPED)
    while len(finds) < _MOST_CALLS:
        more = quantities.read_expression(reading, argument)
        if not more or (finds and more[0].strength < 1):
            break
        finds.append(more[0])
        reading = replace(reading, blocked=(*reading.blocked, more[0].span))
    return sorted(finds, key=lambda one: one.start)
