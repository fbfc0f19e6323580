"""Times of day, lengths of time and the time zones of well-known cities."""

import re
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found
from toolcrib.agents.offline.extract.numbers import find_numbers, tidy

_CLOCK = re.compile(
    r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::[0-5]\d)?\s*(?P<half>[ap]\.?m\b\.?)?", re.IGNORECASE
)
_HALF_DAY = re.compile(r"(?<![\d:.])(?P<hour>1[0-2]|0?\d)\s*(?P<half>[ap]\.?m\b\.?)", re.IGNORECASE)
_SPOKEN_HOUR = re.compile(
    r"\bat (?P<hour>1[0-2]|[1-9])(?:\s*o'clock)?(?![\w:.%-]|\s+[a-z])|\b(?P<o>1[0-2]|[1-9])\s*o'clock", re.IGNORECASE
)
_NAMED = re.compile(r"\b(?:at )?(?P<name>noon|midday|midnight)\b", re.IGNORECASE)
_ZH = re.compile(
    r"(?P<half>凌晨|早上|早晨|清晨|上午|中午|下午|傍晚|晚上|今晚|明晚|夜里)?(?: ?)(?P<hour>\d{1,2}|"
    r"[零一二两三四五六七八九十]{1,3})\s*"
    r"(?:点钟?|时)(?:(?P<part>半|一刻|三刻)|(?P<minute>\d{1,2}|[零一二三四五六七八九十]{1,3})分?)?(?!小)"
)
_PARTS = MappingProxyType({"半": 30, "一刻": 15, "三刻": 45})
_SECONDS = MappingProxyType(
    {
        **{"s": 1, "sec": 1, "second": 1, "秒": 1, "秒钟": 1, "m": 60, "min": 60, "minute": 60, "分钟": 60, "分": 60},
        **{"h": 3600, "hr": 3600, "hour": 3600, "小时": 3600, "个小时": 3600, "钟头": 3600, "个钟头": 3600},
        **{
            "d": 86400,
            "day": 86400,
            "night": 86400,
            "天": 86400,
            "晚": 86400,
            "日": 86400,
            "夜": 86400,
            "个晚上": 86400,
        },
        **{"week": 604800, "周": 604800, "星期": 604800, "个星期": 604800, "month": 2629800, "个月": 2629800},
        **{"year": 31557600, "yr": 31557600, "年": 31557600},
    }
)
_LENGTH_UNIT = re.compile(
    r"\s*-?(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|nights?|weeks?|months?|years?|yrs?|"
    r"秒钟?|分钟|个?小时|个?钟头|天|个晚上|晚|夜|周|个?星期|个月|年|[smhd](?![A-Za-z]))(?![a-z])",
    re.IGNORECASE,
)
_HALF_LENGTH = re.compile(
    r"\bhalf an? (?P<en>hour|day|year)\b|\ban? (?P<one>hour|minute|day|week|month|year)\b|半(?P<zh>个?小时|天|年)",
    re.IGNORECASE,
)
_ZONES = MappingProxyType(
    {
        **{"tokyo": "Asia/Tokyo", "东京": "Asia/Tokyo", "beijing": "Asia/Shanghai", "北京": "Asia/Shanghai"},
        **{"shanghai": "Asia/Shanghai", "上海": "Asia/Shanghai", "hong kong": "Asia/Hong_Kong"},
        **{"香港": "Asia/Hong_Kong", "singapore": "Asia/Singapore", "新加坡": "Asia/Singapore", "seoul": "Asia/Seoul"},
        **{"首尔": "Asia/Seoul", "delhi": "Asia/Kolkata", "mumbai": "Asia/Kolkata", "dubai": "Asia/Dubai"},
        **{"bangkok": "Asia/Bangkok", "moscow": "Europe/Moscow", "莫斯科": "Europe/Moscow", "london": "Europe/London"},
        **{"伦敦": "Europe/London", "paris": "Europe/Paris", "巴黎": "Europe/Paris", "berlin": "Europe/Berlin"},
        **{"柏林": "Europe/Berlin", "madrid": "Europe/Madrid", "rome": "Europe/Rome", "罗马": "Europe/Rome"},
        **{"amsterdam": "Europe/Amsterdam", "vienna": "Europe/Vienna", "zurich": "Europe/Zurich"},
        **{"lisbon": "Europe/Lisbon", "istanbul": "Europe/Istanbul", "kyiv": "Europe/Kyiv", "athens": "Europe/Athens"},
        **{"new york": "America/New_York", "纽约": "America/New_York", "boston": "America/New_York"},
        **{"washington": "America/New_York", "chicago": "America/Chicago", "denver": "America/Denver"},
        **{"los angeles": "America/Los_Angeles", "洛杉矶": "America/Los_Angeles", "seattle": "America/Los_Angeles"},
        **{"san francisco": "America/Los_Angeles", "旧金山": "America/Los_Angeles", "toronto": "America/Toronto"},
        **{"mexico city": "America/Mexico_City", "sao paulo": "America/Sao_Paulo", "cairo": "Africa/Cairo"},
        **{"lagos": "Africa/Lagos", "nairobi": "Africa/Nairobi", "johannesburg": "Africa/Johannesburg"},
        **{"sydney": "Australia/Sydney", "悉尼": "Australia/Sydney", "melbourne": "Australia/Melbourne"},
        **{"auckland": "Pacific/Auckland", "honolulu": "Pacific/Honolulu", "utc": "UTC", "gmt": "UTC"},
    }
)
_ZONE_NAME = re.compile(
    r"\b(?:Africa|America|Asia|Australia|Europe|Pacific|Atlantic|Indian)/[A-Za-z_]+\b|\bUTC(?:[+-]\d{1,2})?\b|\bGMT\b"
)
_ZONED_CITY = re.compile(
    r"(?<![A-Za-z])(?:" + "|".join(sorted(_ZONES, key=len, reverse=True)) + r")(?![A-Za-z])", re.IGNORECASE
)


def find_times(text: str) -> tuple[Found, ...]:
    """Every time of day as `HH:MM`, in order of place."""
    finds: list[Found] = []
    for pattern in (_CLOCK, _HALF_DAY, _SPOKEN_HOUR, _NAMED, _ZH):
        for match in pattern.finditer(text):
            value = _clock(match)
            if value is not None and not any(match.start() < one.end and one.start < match.end() for one in finds):
                finds.append(Found(value=value, start=match.start(), end=match.end()))
    return tuple(sorted(finds, key=lambda one: one.start))


def _clock(match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    if parts.get("name"):
        return "00:00" if parts["name"].lower() == "midnight" else "12:00"
    hour, minute = _number(parts.get("hour") or parts.get("o") or ""), _number(parts.get("minute") or "0")
    minute = _PARTS.get(parts.get("part") or "", minute)
    half = (parts.get("half") or "").lower()
    if (half.startswith("p") or half in ("下午", "傍晚", "晚上", "今晚", "明晚", "夜里")) and hour < 12:
        hour += 12
    elif (half.startswith("a") and hour == 12) or hour == 24:
        hour = 0
    elif half == "中午" and hour < 3:
        hour += 12
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else None


def _number(digits: str) -> int:
    if digits.isdigit() and digits.isascii():
        return int(digits)
    numbers = find_numbers(digits)
    return int(numbers[0].value) if numbers else 99


def find_durations(text: str) -> tuple[Found, ...]:
    """Every length of time as (number, seconds of its unit)."""
    finds = []
    for number in find_numbers(text):
        unit = _LENGTH_UNIT.match(text, number.end)
        if unit is not None and not number.percent:
            seconds = unit_seconds(unit["unit"])
            finds.append(Found(value=(number.value, seconds), start=number.start, end=unit.end()))
    for match in _HALF_LENGTH.finditer(text):
        name, count = (match["one"], 1.0) if match["one"] else (match["en"] or match["zh"], 0.5)
        one = Found(value=(count, unit_seconds(name)), start=match.start(), end=match.end(), strength=0.8)
        if not any(one.start < other.end and other.start < one.end for other in finds):
            finds.append(one)
    return tuple(sorted(finds, key=lambda one: one.start))


def unit_seconds(name: str) -> int:
    """The seconds of a unit of time, 0 for an unknown one."""
    low = name.lower()
    return _SECONDS.get(low) or _SECONDS.get(low.removesuffix("s")) or 0


def in_unit(count: float, seconds: int, wanted: int) -> float:
    """A length of time in another unit; months to years stay whole."""
    if {seconds, wanted} == {2629800, 31557600}:
        return tidy(count / 12 if wanted > seconds else count * 12)
    return tidy(round(count * seconds / wanted, 4))


def find_zones(text: str) -> tuple[Found, ...]:
    """Every time zone, by its name or by a well-known city, as an IANA name."""
    finds = [Found(value=match[0], start=match.start(), end=match.end()) for match in _ZONE_NAME.finditer(text)]
    for match in _ZONED_CITY.finditer(text):
        if not any(one.start <= match.start() < one.end for one in finds):
            finds.append(Found(value=_ZONES[match[0].lower()], start=match.start(), end=match.end(), strength=0.9))
    return tuple(sorted(finds, key=lambda one: one.start))
