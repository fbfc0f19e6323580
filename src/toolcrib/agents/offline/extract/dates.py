"""Dates, times of day and lengths of time, counted from a given day."""

import re
from datetime import date, timedelta
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found
from toolcrib.agents.offline.extract.numbers import find_numbers

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_ISO = re.compile(rf"(?<!\d){_YEAR}[-/.](?P<month>[01]?\d)[-/.](?P<day>[0-3]?\d)(?!\d)")
_WRITTEN = (
    re.compile(rf"\b{_MONTH}\s+(?:the )?{_DAY}(?:\s*,?\s+{_YEAR}\b)?", re.IGNORECASE),
    re.compile(rf"\b(?:the )?{_DAY}\s+(?:of )?{_MONTH}(?:\s*,?\s+{_YEAR}\b)?", re.IGNORECASE),
    re.compile(rf"(?:{_YEAR}\s*年\s*)?(?P<month>1[0-2]|0?[1-9])\s*月\s*(?P<day>[0-3]?\d)\s*[日号]?"),
)
_SLASHED = re.compile(rf"(?<![\d/])(?P<a>[0-3]?\d)[/.](?P<b>[0-3]?\d)[/.]{_YEAR}(?![\d/])")
_RELATIVE = MappingProxyType(
    {
        **{"the day after tomorrow": 2, "day after tomorrow": 2, "the day before yesterday": -2, "tomorrow": 1},
        **{"yesterday": -1, "today": 0, "tonight": 0, "this morning": 0, "this afternoon": 0, "this evening": 0},
        **{"大后天": 3, "后天": 2, "明天": 1, "明日": 1, "明晚": 1, "明早": 1, "今天": 0, "今日": 0, "今晚": 0},
        **{"昨天": -1, "昨日": -1, "前天": -2},
    }
)
_NAMED_DAY = re.compile(
    r"(?<![A-Za-z])(?:" + "|".join(sorted(_RELATIVE, key=len, reverse=True)) + r")(?![A-Za-z])", re.IGNORECASE
)
_WEEKDAY = re.compile(
    rf"\b(?:(?P<which>next|this|last|coming|on|by|until)\s+)?\b(?P<name>{'|'.join(_DAYS)}|mon|tues?|wed|thu(?:rs)?|fri|sat)\b",
    re.IGNORECASE,
)
_ZH_WEEKDAY = re.compile(r"(?P<which>下下|下个?|上个?|这个?|本)?(?:周|星期|礼拜)(?P<name>[一二三四五六日天])")
_LATER = re.compile(
    r"(?:(?P<before>\bin|after|within)\s+)?(?:about )?(?P<number>@)\s*(?P<unit>days?|weeks?|months?|"
    r"years?|天|日|个?星期|周|个?月|年)"
    r"(?:\s*(?P<after>from now|from today|later|ago|time|之?后|以后|之?前|以前))?",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"\b(?P<which>next|last)\s+(?P<unit>week|month|year)\b|(?P<zh>下|上)个?(?P<zhunit>周|星期|月)(?![一二三四五六日天])",
    re.IGNORECASE,
)
_UNIT_DAYS = MappingProxyType({"day": 1, "天": 1, "日": 1, "week": 7, "周": 7, "星期": 7})


def find_dates(text: str, today: date) -> tuple[Found, ...]:
    """Every day a text names, as `date`, in order of place."""
    finds = [
        *_calendar(text, today),
        *(
            Found(value=today + timedelta(days=_RELATIVE[match[0].lower()]), start=match.start(), end=match.end())
            for match in _NAMED_DAY.finditer(text)
        ),
        *_weekdays(text, today),
        *_shifted(text, today),
    ]
    kept: list[Found] = []
    for one in sorted(finds, key=lambda found: (found.start, -found.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def _calendar(text: str, today: date) -> list[Found]:
    finds = []
    for match in _ISO.finditer(text):
        finds.append((match, _day(int(match["year"]), int(match["month"]), int(match["day"]))))
    for pattern in _WRITTEN:
        for match in pattern.finditer(text):
            finds.append((match, _coming(match["year"], _month(match["month"]), int(match["day"]), today)))
    for match in _SLASHED.finditer(text):
        first, second, year = int(match["a"]), int(match["b"]), int(match["year"])
        by_dots = "." in match[0]
        day, month = (first, second) if by_dots or first > 12 else (second, first)
        finds.append((match, _day(year, month, day)))
    return [Found(value=day, start=match.start(), end=match.end()) for match, day in finds if day is not None]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(name: str) -> int:
    if name.isdigit():
        return int(name)
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower()[:3]))


def _coming(year: str | None, month: int, day: int, today: date) -> date | None:
    """The day in the year said, or else the next one that is not past."""
    if year:
        return _day(int(year), month, day)
    found = _day(today.year, month, day)
    if found is None or found >= today:
        return found or _day(today.year + 1, month, day)
    return _day(today.year + 1, month, day)


def _weekdays(text: str, today: date) -> list[Found]:
    finds = []
    monday = today - timedelta(days=today.weekday())
    for match in _WEEKDAY.finditer(text):
        number = next(at for at, name in enumerate(_DAYS) if name.startswith(match["name"].lower()[:3]))
        ahead = (number - today.weekday()) % 7
        which = (match["which"] or "").lower()
        if which == "next":
            day = today + timedelta(days=ahead or 7)
        elif which == "last":
            day = today - timedelta(days=(today.weekday() - number) % 7 or 7)
        else:
            day = today + timedelta(days=ahead)
        finds.append(Found(value=day, start=match.start(), end=match.end()))
    for match in _ZH_WEEKDAY.finditer(text):
        number = 6 if match["name"] in "日天" else "一二三四五六".index(match["name"])
        which = match["which"] or ""
        weeks = {"下下": 2, "下": 1, "上": -1}.get(which.rstrip("个"), 0)
        day = monday + timedelta(days=number + 7 * weeks)
        if not which and day < today:
            day += timedelta(days=7)
        finds.append(Found(value=day, start=match.start(), end=match.end()))
    return finds


def _shifted(text: str, today: date) -> list[Found]:
    finds = []
    for number in find_numbers(text):
        marked = f"{text[: number.start]}@{text[number.end :]}"
        match = _LATER.search(marked, max(0, number.start - 14), min(len(marked), number.start + 24))
        if match is None or match.start("number") != number.start or not (match["before"] or match["after"]):
            continue
        back = (match["after"] or "").endswith(("ago", "前"))
        day = _shift(today, match["unit"], -int(number.value) if back else int(number.value))
        grown = number.end - number.start - 1
        if day is not None:
            finds.append(Found(value=day, start=match.start(), end=match.end() + grown))
    for match in _NEXT.finditer(text):
        back = (match["which"] is not None and match["which"].lower() == "last") or match["zh"] == "上"
        day = _shift(today, match["unit"] or match["zhunit"], -1 if back else 1)
        if day is not None:
            finds.append(Found(value=day, start=match.start(), end=match.end(), strength=0.6))
    return finds


def _shift(today: date, unit: str, count: int) -> date | None:
    name = unit.lower().removesuffix("s").removeprefix("个")
    try:
        if name in _UNIT_DAYS:
            return today + timedelta(days=count * _UNIT_DAYS[name])
        months = today.month - 1 + count * (12 if name in ("year", "年") else 1)
        year, month = today.year + months // 12, months % 12 + 1
        return _day(year, month, today.day) or _day(year, month, 28)
    except (ValueError, OverflowError):
        return None
