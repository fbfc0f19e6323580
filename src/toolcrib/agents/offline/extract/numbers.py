"""Numbers as digits, English words and Chinese characters."""

import re
from dataclasses import dataclass
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Span, overlaps

_SMALL = MappingProxyType(
    {
        **{"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8},
        **{"nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15},
        **{"sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30},
        **{"forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90},
    }
)
_SCALES = MappingProxyType({"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12})
_MULTIPLES = MappingProxyType({"dozen": 12, "couple": 2})
_SUFFIXES = MappingProxyType(
    {
        **{"k": 10**3, "thousand": 10**3, "mn": 10**6, "million": 10**6, "bn": 10**9, "billion": 10**9},
        **{"trillion": 10**12, "dozen": 12, "hundred": 100, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8},
        **{"百万": 10**6, "千万": 10**7},
    }
)
_DIGITS = re.compile(
    r"(?<![A-Za-z0-9_.])(?P<sign>(?<![\w)\]-])-)?(?P<body>(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,18})(?:\.\d{1,18})?|\.\d{1,18})"
    r"(?P<suffix>\s?(?:百万|千万|thousand|million|billion|trillion|hundred|dozen|bn|mn|[kK]|百|千|万|亿)(?![A-Za-z]))?"
    r"(?![\d_])"
)
_LONGEST = 24
_WORD = re.compile(r"[A-Za-z]+")
_CHINESE = re.compile(
    r"百分之|"
    r"[零〇一二两三四五六七八九十百千万亿]{1,24}(?:点[零〇一二三四五六七八九]{1,12})?|半(?=打)"
)
_CHINESE_DIGITS = MappingProxyType(
    {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
)
_CHINESE_SCALES = MappingProxyType({"十": 10, "百": 100, "千": 1000})
_NOT_NUMBERS = re.compile(
    r"[一三四]下|一些|一样|一起|一共|一定|一般|一直|一切|一点|一边|一会|一旦|万一|十分|统一|唯一|第一|千万别|万能|百度|三明治|"
    r"(?:周|星期|礼拜)[一二三四五六]|一家|一首|一条|一封|一张|一部|一份|一则|一段"
)
_PERCENT = re.compile(r"\s*(?:%|percent\b|per cent\b|pct\b|percentage points?\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of the text; ``weak`` when the word may mean something else ("one", "a couple")."""

    value: float
    start: int
    end: int
    percent: bool = False
    weak: bool = False

    @property
    def span(self) -> Span:
        """The place in the text, with its percent sign."""
        return (self.start, self.end)


def find_numbers(text: str) -> tuple[Number, ...]:
    """Every number of a text, in order of place."""
    digits = [_read_digits(match, text) for match in _DIGITS.finditer(text)]
    spans = [one.span for one in digits]
    words = [one for one in _english(text) if not overlaps(one.span, spans)]
    chinese = [one for one in _chinese(text) if not overlaps(one.span, spans)]
    return tuple(sorted((*digits, *words, *chinese), key=lambda one: one.start))


def tidy(value: float) -> float:
    """The number as int when it is whole, without the noise of binary fractions."""
    whole = round(float(value), 10)
    return int(whole) if whole == int(whole) else whole


def as_text(value: float) -> str:
    """The number as it is written in an expression."""
    plain = tidy(value)
    return str(plain) if "e" not in str(plain) else f"{plain:.12f}".rstrip("0")


def _read_digits(match: re.Match[str], text: str) -> Number:
    value = float(match["body"].replace(",", ""))
    if match["suffix"]:
        value *= _SUFFIXES[match["suffix"].strip().lower()]
    if match["sign"]:
        value = -value
    percent = _PERCENT.match(text, match.end())
    before = text[: match.start()].endswith("百分之")
    start = match.start() - 3 if before else match.start()
    end = percent.end() if percent else match.end()
    return Number(value=tidy(value), start=start, end=end, percent=bool(percent) or before)


def _english(text: str) -> list[Number]:
    found: list[Number] = []
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        joined = bool(run) and not text[run[-1].end() : match.start()].strip(" -")
        if run and not joined:
            _close(run, text, found)
            run = []
        if len(run) < _LONGEST and _may_follow(match[0].lower(), [one[0].lower() for one in run]):
            run.append(match)
        elif run:
            _close(run, text, found)
            run = [match] if _may_follow(match[0].lower(), []) else []
    _close(run, text, found)
    return found


def _may_follow(word: str, before: list[str]) -> bool:
    last = before[-1] if before else ""
    if word in _SMALL:
        return not (last in _SMALL and (_SMALL[last] < 20 or _SMALL[word] >= 10)) or "point" in before
    if word in ("a", "half"):
        return not before or (word == "a" and last == "half")
    if word == "and":
        return last == "hundred" or last in _SCALES
    if word == "point":
        return last in _SMALL
    return word == "hundred" or word in _SCALES or word in _MULTIPLES


def _close(run: list[re.Match[str]], text: str, found: list[Number]) -> None:
    while run and run[-1][0].lower() in ("and", "a", "half", "point"):
        run = run[:-1]
    words = [one[0].lower() for one in run]
    if not words or words == ["couple"] or words in (["hundred"], ["thousand"]):
        return
    value = _english_value(words)
    start, end = run[0].start(), run[-1].end()
    percent = _PERCENT.match(text, end)
    weak = words == ["one"] or "couple" in words
    end = percent.end() if percent else end
    found.append(Number(value=tidy(value), start=start, end=end, percent=bool(percent), weak=weak))


def _english_value(words: list[str]) -> float:
    if "point" in words:
        at = words.index("point")
        fraction = "".join(str(_SMALL.get(word, "")) for word in words[at + 1 :])
        return _english_value(words[:at]) + float(f"0.{fraction or '0'}")
    total, part = 0.0, 0.0
    for word in words:
        if word in _SMALL:
            part += _SMALL[word]
        elif word in ("a", "half"):
            part = part or (0.5 if word == "half" else 1)
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _MULTIPLES:
            part = (part or 1) * _MULTIPLES[word]
        elif word in _SCALES:
            total, part = total + (part or 1) * _SCALES[word], 0.0
    return total + part


def _chinese(text: str) -> list[Number]:
    skipped = [match.span() for match in _NOT_NUMBERS.finditer(text)]
    found: list[Number] = []
    for match in _CHINESE.finditer(text):
        if match[0] == "百分之" or overlaps(match.span(), skipped) or match[0] in "百千万亿":
            continue
        start, end = match.span()
        value = 0.5 if match[0] == "半" else _chinese_value(match[0])
        if text[end : end + 1] == "打":
            value, end = value * 12, end + 1
        percent = text[:start].endswith("百分之")
        start = start - 3 if percent else start
        found.append(Number(value=tidy(value), start=start, end=end, percent=percent, weak=match[0] == "一"))
    return found


def _chinese_value(chars: str) -> float:
    whole, _, fraction = chars.partition("点")
    if fraction:
        digits = "".join(str(_CHINESE_DIGITS[char]) for char in fraction)
        return _chinese_value(whole) + float(f"0.{digits}")
    if len(whole) > 1 and all(char in _CHINESE_DIGITS for char in whole):
        return float("".join(str(_CHINESE_DIGITS[char]) for char in whole))
    total, part, digit = 0, 0, 0
    for char in whole:
        if char in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[char]
        elif char in _CHINESE_SCALES:
            part, digit = part + (digit or 1) * _CHINESE_SCALES[char], 0
        else:
            total, part, digit = (total + part + digit) * (10**4 if char == "万" else 10**8), 0, 0
    return float(total + part + digit)
