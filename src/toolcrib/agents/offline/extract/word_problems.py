"""Short word problems with two numbers: so many boxes of so many, shared among so many, so many left."""

import re

from toolcrib.agents.offline.extract.found import Found
from toolcrib.agents.offline.extract.numbers import Number, as_text, find_numbers

_SPLIT = re.compile(
    r"\b(?:split|share|shared|divide|divided|distribute|distributed|dealt|deal)\b|平分|平均分|均分|分给|分成|AA",
    re.IGNORECASE,
)
_AMONG = re.compile(r"\b(?:among|amongst|between|into|by)\b|分给|分成", re.IGNORECASE)
_EACH = re.compile(r"\b(?:each|every|per|apiece)\b|每|各", re.IGNORECASE)
_LEFT = re.compile(
    r"\b(?:left|remain|remains|remaining|gave away|give away|lost|ate|eaten|spent|spend|sold)\b|还剩|"
    r"剩下|剩余|花了|用了|卖了|吃了|送给",
    re.IGNORECASE,
)
_GAIN = re.compile(
    r"\b(?:altogether|in total|in all|more|total|combined|together)\b|一共|总共|又|共有|合计", re.IGNORECASE
)
_OFF = re.compile(r"\boff\b|\bdiscount|便宜|优惠|降价", re.IGNORECASE)
_RAISE = re.compile(r"\b(?:increased?|plus|raised?|markup)\b|上涨|增加", re.IGNORECASE)
_TIP = re.compile(r"\b(?:tip|tax|vat|commission|fee|interest)\b|小费|税", re.IGNORECASE)
_DAZHE = re.compile(r"打\s*([\d一二三四五六七八九.]+)\s*折")
_MORE = re.compile(r"\bmore than\b", re.IGNORECASE)
_LESS = re.compile(r"\bless than\b|\bfewer than\b", re.IGNORECASE)
_AREA = re.compile(r"\barea\b|面积", re.IGNORECASE)


def find_word_problem(text: str) -> Found | None:
    """The calculation behind a question of two numbers, or None when the words do not say which it is."""
    numbers = [one for one in find_numbers(text) if not one.weak]
    shares = [one for one in numbers if one.percent]
    if len(numbers) == 2 and len(shares) == 1:
        expression = _with_share(text, shares[0], next(one for one in numbers if not one.percent))
    elif len(numbers) == 2 and not shares:
        expression = _with_two(text, numbers[0], numbers[1])
    else:
        expression = None
    if expression is None:
        return None
    return Found(value=expression, start=numbers[0].start, end=numbers[-1].end, strength=0.85)


def _with_share(text: str, share: Number, base: Number) -> str | None:
    rate = as_text(share.value)
    whole = as_text(base.value)
    if _OFF.search(text):
        return f"{whole}*(1-{rate}/100)"
    if _TIP.search(text):
        return f"{as_text(share.value / 100)}*{whole}"
    if _RAISE.search(text):
        return f"{whole}*(1+{rate}/100)"
    return None


def _with_two(text: str, first: Number, second: Number) -> str | None:
    one, two = as_text(first.value), as_text(second.value)
    between = text[first.end : second.start]
    if _DAZHE.search(text):
        return f"{one}*{as_text(second.value / (10 if second.value < 10 else 100))}"
    if _MORE.search(between):
        return f"{two}+{one}"
    if _LESS.search(between):
        return f"{two}-{one}"
    if _SPLIT.search(text) or (_AMONG.search(between) and re.search(r"equally|evenly", text)):
        return f"{one}/{two}"
    if _EACH.search(text) or _AREA.search(text):
        return f"{one}*{two}"
    if _LEFT.search(text):
        return f"{one}-{two}"
    if _GAIN.search(text):
        return f"{one}+{two}"
    return None
