"""Reading arguments that are numbers: amounts, measures, percentages, lengths of time, counts."""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from types import MappingProxyType

from toolcrib.agents.offline.extract.arguments.kinds import Argument, Kind
from toolcrib.agents.offline.extract.arguments.reading import Reading, Stage
from toolcrib.agents.offline.extract.arithmetic import find_expression
from toolcrib.agents.offline.extract.dates import find_dates
from toolcrib.agents.offline.extract.found import Found, Span
from toolcrib.agents.offline.extract.identifiers import find_signs
from toolcrib.agents.offline.extract.money import find_currencies, find_exchange
from toolcrib.agents.offline.extract.numbers import Number, find_numbers, tidy
from toolcrib.agents.offline.extract.text import find_emails, find_urls
from toolcrib.agents.offline.extract.times import find_durations, find_times, in_unit, unit_seconds
from toolcrib.agents.offline.extract.units import Unit, convert, find_measures, unit_named

_LABELS = MappingProxyType(
    {
        **{
            "people": "people persons person guests guest pax 人 位 个人",
            "guests": "guests guest people persons 人 位",
        },
        **{
            "adults": "adults adult people 人 大人",
            "party": "people persons guests 人 位",
            "passengers": "passengers people 人",
        },
        **{"length": "characters character chars char digits letters long 位 字符 长度", "sides": "sides sided 面"},
        **{"limit": "results result items top first latest last limit entries 条 个 篇", "top": "top first 前"},
        **{
            "count": "times items pieces count copies 次 个 条",
            "quantity": "pieces units items copies pcs 个 件 台 本 份",
        },
        **{
            "max": "results top first at_most up_to",
            "rooms": "rooms room 房间 间",
            "number": "number",
            "page": "page 第",
        },
        **{
            "principal": "loan principal borrow mortgage 贷款 本金",
            "budget": "budget under below 预算",
            "age": "age aged years_old 岁",
        },
        **{
            "minimum": "minimum min at_least 最小",
            "maximum": "maximum max at_most up_to 最大",
            "stars": "stars star 星",
        },
        **{
            "rate": "rate interest apr 利率",
            "seats": "seats seat people 座",
            "rating": "stars star rating 星",
            "base": "base",
        },
        **{
            "year": "year in 年",
            "n": "n first",
            "copies": "copies 份",
            "tip": "tip 小费",
            "score": "score 分",
            "tickets": "tickets 张",
        },
        **{"dice": "dice die 骰子 个", "words": "words 字 词", "sentences": "sentences 句", "floor": "floor 楼"},
    }
)
_LOW = frozenset({"minimum", "min", "low", "lower", "start", "lo", "from", "begin", "first"})
_HIGH = frozenset({"maximum", "max", "high", "upper", "end", "hi", "to", "stop", "last"})
_RANGE = re.compile(
    r"\b(?:between|from)\s+(?P<a>-?\d+(?:\.\d+)?)\s+(?:and|to)\s+(?P<b>-?\d+(?:\.\d+)?)|"
    r"(?P<c>-?\d+(?:\.\d+)?)\s*(?:到|至|-|~)\s*(?P<d>-?\d+(?:\.\d+)?)(?:\s*之?间)?",
    re.IGNORECASE,
)
_DIMENSIONS = MappingProxyType(
    {
        **{"weight": "weight", "mass": "weight", "height": "length", "length": "length", "width": "length"},
        **{"depth": "length", "distance": "length", "temperature": "temperature", "temp": "temperature"},
        **{"volume": "volume", "area": "area", "speed": "speed"},
    }
)
_MEASURE_LABELS = MappingProxyType(
    {
        **{"height": "height tall high 高 身高", "weight": "weight weighs weigh weighing heavy 重 体重 重量"},
        **{
            "distance": "distance far 距离",
            "length": "length long 长",
            "width": "width wide 宽",
            "depth": "depth deep 深",
        },
        **{"temperature": "temperature temp degrees 温度", "speed": "speed 速度", "volume": "volume 体积"},
    }
)
_FRACTION = re.compile(r"\bfraction\b|\bdecimal\b|between 0 and 1|0\s*(?:-|to)\s*1\b|e\.g\.,? ?'?0\.\d|小数")


def read_expression(reading: Reading, argument: Argument) -> list[Found]:
    """The calculation the text asks for; dates, links and signs like `A-42` are none."""
    if reading.stage is Stage.LABELLED:
        return []
    hidden = [one.span for one in (*_iso_dates(reading), *find_signs(reading.text), *find_urls(reading.text))]
    hidden = [(start, end) for start, end in hidden if not re.search(r"\d\s*[xX*/]\s*\d", reading.text[start:end])]
    found = find_expression(reading.masked(hidden))
    if found is None and reading.stage is Stage.LEFTOVER:
        lone = [one for one in find_numbers(reading.masked(hidden)) if not one.weak]
        if len(lone) == 1 and reading.answering == argument.name:
            return [Found(value=str(lone[0].value), start=lone[0].start, end=lone[0].end, strength=0.4)]
    return [found] if found else []


def _iso_dates(reading: Reading) -> list[Found]:
    dates = find_dates(reading.text, reading.today)
    return [one for one in dates if re.match(r"\d{4}[-/]|\d+[/.]\d+[/.]\d{4}", reading.text[one.start : one.end])]


def read_money(reading: Reading, argument: Argument) -> list[Found]:
    """An amount: the one to be changed, one beside a currency, one beside its label, any number at last."""
    numbers = _plain(reading)
    if reading.stage is Stage.LABELLED:
        amount = find_exchange(reading.masked()).amount
        wanted = reading.others(Kind.CURRENCY) > 0 and reading.others(Kind.MONEY) == 1
        found = [amount] if amount is not None and wanted else []
        return reading.free([*found, *_labelled(reading, argument, numbers)])
    if reading.stage is Stage.TYPED:
        currencies = find_currencies(reading.text)
        beside = [
            one
            for one in numbers
            if any(0 <= mark.start - one.end <= 1 or 0 <= one.start - mark.end <= 1 for mark in currencies)
        ]
        return _found(beside, 0.9)
    return _by_looks(numbers)


def _by_looks(numbers: list[Number]) -> list[Found]:
    return _found([one for one in numbers if not one.percent], 0.5)


def read_number(reading: Reading, argument: Argument) -> list[Found]:
    """A number beside its label, an end of a range, or the next number nobody else wants."""
    numbers = _plain(reading)
    if reading.stage is Stage.LABELLED:
        return [*_range_end(reading, argument), *_labelled(reading, argument, numbers)]
    if reading.stage is Stage.TYPED:
        return []
    measured = [Found(value=one.value[0], start=one.start, end=one.end) for one in find_measures(reading.masked())]
    strong = [Found(value=one.value, start=one.start, end=one.start + _digits(reading, one)) for one in measured]
    return [*strong, *_by_looks(numbers)] if reading.others(Kind.UNIT) else _by_looks(numbers)


def _digits(reading: Reading, one: Found) -> int:
    return next((number.end - number.start for number in find_numbers(reading.text) if number.start == one.start), 1)


def read_percent(reading: Reading, argument: Argument) -> list[Found]:
    """A percentage, as a fraction of one when the argument says so."""
    numbers = [one for one in find_numbers(reading.masked()) if not one.weak]
    if reading.stage is Stage.TYPED:
        numbers = [one for one in numbers if one.percent]
    elif reading.stage is Stage.LABELLED:
        return _labelled(reading, argument, numbers)
    scaled = argument.schema.get("maximum") == 1 or _FRACTION.search(argument.says) is not None
    return [
        Found(
            value=tidy(one.value / 100) if scaled and one.percent else one.value,
            start=one.start,
            end=one.end,
            strength=1.0 if one.percent else 0.5,
        )
        for one in numbers
    ]


def read_measure(reading: Reading, argument: Argument) -> list[Found]:
    """A measure in the unit the argument wants: converted when the text names another."""
    wanted = _wanted_unit(argument)
    dimension = wanted.dimension if wanted else next((_DIMENSIONS[w] for w in argument.words if w in _DIMENSIONS), "")
    if not dimension and reading.stage is not Stage.LABELLED:
        return read_number(reading, argument)
    if reading.stage is Stage.LEFTOVER:
        return _by_looks(_plain(reading))
    measures = _joined(
        [one for one in reading.free(find_measures(reading.text)) if one.value[1].dimension == dimension]
    )
    if reading.stage is Stage.TYPED:
        return [_in(one, wanted) for one in measures]
    labels = _labels(argument, _MEASURE_LABELS)
    near = [one for one in measures if _beside(reading.text, one.span, labels)]
    return [_in(one, wanted) for one in near] or _labelled(reading, argument, _unmeasured(reading), _MEASURE_LABELS)


def _unmeasured(reading: Reading) -> list[Number]:
    spans = [one.span for one in find_measures(reading.text)]
    return [one for one in _plain(reading) if not any(start <= one.start < end for start, end in spans)]


def _joined(measures: list[Found]) -> list[Found]:
    """`5 feet 10 inches` as one measure."""
    made: list[Found] = []
    for one in measures:
        if made and 0 <= one.start - made[-1].end <= 1 and one.value[1] is not made[-1].value[1]:
            last = made.pop()
            more = convert(one.value[0], one.value[1], last.value[1]) or 0
            made.append(Found(value=(last.value[0] + more, last.value[1]), start=last.start, end=one.end))
        else:
            made.append(one)
    return made


def _in(one: Found, wanted: Unit | None) -> Found:
    value, unit = one.value
    return Found(value=convert(value, unit, wanted) if wanted else value, start=one.start, end=one.end)


def _wanted_unit(argument: Argument) -> Unit | None:
    for word in argument.words[1:] or argument.words:
        unit = unit_named(word)
        if unit is not None:
            return unit
    match = re.search(r"\bin (\w+)|\((\w+)\)", argument.says)
    return unit_named(match[1] or match[2]) if match else None


def read_duration(reading: Reading, argument: Argument) -> list[Found]:
    """A length of time in the unit the argument wants, or as written for a string."""
    finds = reading.free(find_durations(reading.text))
    if reading.stage is Stage.LABELLED:
        return []
    if not argument.numeric:
        return [reading.as_written(one) for one in finds] if reading.stage is Stage.TYPED else []
    wanted = next((unit_seconds(word) for word in argument.words if unit_seconds(word)), 0)
    if not wanted:
        match = re.search(r"\b(seconds|minutes|hours|days|nights|weeks|months|years)\b", argument.says)
        wanted = unit_seconds(match[1]) if match else 0
    if reading.stage is Stage.TYPED:
        total = _total(finds, wanted)
        return total if total else []
    return _by_looks(_plain(reading))


def _total(finds: list[Found], wanted: int) -> list[Found]:
    """Each length of time in the wanted unit; neighbours (`1h 30m`) as one."""
    made: list[Found] = []
    same = [one for one in finds if one.value[1] == wanted]
    for one in same if same and len(finds) > 1 and not _adjacent(finds) else finds:
        count, seconds = one.value
        value = in_unit(count, seconds, wanted) if wanted else tidy(count)
        if made and 0 <= one.start - made[-1].end <= 5 and _adjacent(finds):
            value = tidy(made[-1].value + value)
            made.append(Found(value=value, start=made.pop().start, end=one.end))
        else:
            made.append(Found(value=value, start=one.start, end=one.end))
    return made


def _adjacent(finds: list[Found]) -> bool:
    return all(0 <= two.start - one.end <= 5 for one, two in pairwise(finds))


def _plain(reading: Reading) -> list[Number]:
    """Numbers that are no part of a date, a time, a sign or a link."""
    text = reading.text
    typed = (
        *find_dates(text, reading.today),
        *find_times(text),
        *find_signs(text),
        *find_urls(text),
        *find_emails(text),
    )
    hidden = [one.span for one in typed if not _is_shift(text, one)]
    shares = reading.others(Kind.PERCENT) > 0
    numbers = [one for one in find_numbers(reading.masked(hidden)) if not (shares and one.percent)]
    return [one for one in numbers if not one.weak or len(text) < 24]


def _is_shift(text: str, one: Found) -> bool:
    return re.match(r"(?:in|after|within|about)\s+\d", text[one.start : one.end], re.IGNORECASE) is not None


def _found(numbers: Iterable[Number], strength: float) -> list[Found]:
    return [Found(value=one.value, start=one.start, end=one.end, strength=strength) for one in numbers]


def _labels(argument: Argument, table: MappingProxyType[str, str]) -> tuple[str, ...]:
    labels: list[str] = []
    for word in argument.words:
        if word not in ("of", "the", "in", "number", "num", "per", "to", "from", "amount", "value", "total"):
            labels.extend((word, *(one.replace("_", " ") for one in table.get(word, "").split())))
    return tuple(dict.fromkeys(labels))


def _labelled(
    reading: Reading, argument: Argument, numbers: list[Number], table: MappingProxyType[str, str] = _LABELS
) -> list[Found]:
    labels = _labels(argument, table)
    ranked: list[tuple[int, Found]] = []
    for one in numbers:
        gap = _gap(reading.text, one.span, labels)
        if gap is not None:
            ranked.append((gap, Found(value=one.value, start=one.start, end=one.end)))
    return [found for _, found in sorted(ranked, key=lambda pair: pair[0])]


def _beside(text: str, span: Span, labels: tuple[str, ...]) -> bool:
    return _gap(text, span, labels) is not None


def _gap(text: str, span: Span, labels: tuple[str, ...]) -> int | None:
    """How far a label stands from a number: 0 behind it, 1 before it; None when it is not beside it."""
    before, after = text[max(0, span[0] - 30) : span[0]], text[span[1] : span[1] + 24]
    for label in labels:
        edge = r"\b" if label.isascii() else ""
        if re.match(rf"[\s-]*{re.escape(label)}{edge}", after, re.IGNORECASE):
            return 0
        joint = r"(?:\s*(?:of|is|was|=|:|to|about|around|是|为|at|number|no\.?)\s*|\s+)?[$€£¥]?$"
        if re.search(rf"{edge}{re.escape(label)}{joint}", before, re.IGNORECASE):
            return 1
    return None


def _range_end(reading: Reading, argument: Argument) -> list[Found]:
    own = set(argument.words)
    low, high = bool(own & _LOW), bool(own & _HIGH)
    if low == high or sum(bool(set(one.words) & (_LOW | _HIGH)) for one in reading.arguments) < 2:
        return []
    match = _RANGE.search(reading.text)
    if match is None:
        return []
    group = ("a" if match["a"] else "c") if low else ("b" if match["b"] else "d")
    return [Found(value=float(match[group]), start=match.start(group), end=match.end(group))]


Reader = Callable[[Reading, Argument], list[Found]]
READERS: MappingProxyType[Kind, Reader] = MappingProxyType(
    {
        Kind.EXPRESSION: read_expression,
        Kind.MONEY: read_money,
        Kind.NUMBER: read_number,
        Kind.COUNT: read_number,
        Kind.PERCENT: read_percent,
        Kind.MEASURE: read_measure,
        Kind.DURATION: read_duration,
    }
)
