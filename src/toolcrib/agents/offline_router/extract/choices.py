"""Members of an enumeration and yes-or-no arguments, taken only when the text names them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from toolcrib.agents.offline_router.extract.found import Found

UNLIKE = 0.8
"""How sure a find is that stands behind `un-` or `non-`: what is built so may be a member of its own."""
_SYNONYMS = MappingProxyType(
    {
        "high": ("urgent", "high priority", "important", "critical", "asap", "高", "紧急", "重要"),
        "urgent": ("asap", "紧急", "加急", "critical"),
        "critical": ("严重", "紧急", "urgent"),
        "low": ("minor", "not urgent", "低", "不急"),
        "medium": ("normal", "moderate", "中等", "普通"),
        "normal": ("regular", "medium", "普通", "正常"),
        "pending": ("waiting", "awaiting", "待处理", "待付款", "未处理", "进行中"),
        "open": ("unresolved", "未解决", "打开", "未关闭", "进行中"),
        "closed": ("resolved", "已关闭", "关闭"),
        "shipped": ("sent", "dispatched", "已发货", "发货"),
        "on its way": ("under way", "underway", "en route", "in transit", "on the road", "在路上", "运输中", "在途"),
        "in transit": ("on its way", "under way", "underway", "en route", "在路上", "运输中", "在途"),
        "waiting": ("pending", "等待", "待发货"),
        "delivered": ("arrived", "received", "已送达", "送达", "已签收", "签收"),
        "cancelled": ("canceled", "已取消", "取消"),
        "canceled": ("cancelled", "已取消", "取消"),
        "paid": ("已付款", "已支付"),
        "unpaid": ("outstanding", "未付款", "未支付"),
        "refunded": ("已退款",),
        "returned": ("已退货", "退货"),
        "processing": ("in progress", "处理中"),
        "in_progress": ("ongoing", "进行中", "处理中"),
        "done": ("finished", "completed", "已完成", "完成"),
        "completed": ("done", "finished", "complete", "已完成", "完成"),
        "failed": ("失败",),
        "active": ("活跃", "有效", "启用"),
        "inactive": ("disabled", "停用", "无效"),
        "celsius": ("centigrade", "°c", "℃", "摄氏", "摄氏度"),
        "fahrenheit": ("°f", "℉", "华氏", "华氏度"),
        "metric": ("celsius", "公制"),
        "imperial": ("fahrenheit", "英制"),
        "express": ("fast", "fastest", "overnight", "加急", "快递", "特快"),
        "standard": ("regular", "标准", "普通"),
        "economy": ("coach", "经济舱"),
        "business": ("商务舱",),
        "first": ("first class", "头等舱"),
        "asc": ("ascending", "升序"),
        "desc": ("descending", "降序"),
        "small": ("小", "小号"),
        "large": ("big", "大", "大号"),
        "red": ("红", "红色"),
        "green": ("绿", "绿色"),
        "blue": ("蓝", "蓝色"),
        "on": ("turn on", "switch on", "打开", "开启"),
        "off": ("turn off", "switch off", "关闭", "关掉"),
        "positive": ("积极",),
        "negative": ("消极",),
        "driving": ("drive", "by car", "car", "开车", "驾车"),
        "walking": ("walk", "on foot", "步行", "走路"),
        "cycling": ("bike", "bicycle", "by bike", "cycle", "骑车", "骑行"),
        "transit": ("public transport", "bus", "train", "公交", "地铁"),
        "damaged": ("broken", "损坏", "破损", "坏了"),
        "wrong_item": ("incorrect item", "发错"),
        "weekly": ("every week", "每周"),
        "daily": ("every day", "每天"),
        "monthly": ("every month", "每月"),
        "yearly": ("annual", "annually", "every year", "每年"),
        "kg": ("kilograms", "kilos", "公斤"),
        "hotel": ("酒店",),
        "flight": ("机票", "航班"),
        "usd": ("dollar", "dollars", "美元"),
        "eur": ("euro", "euros", "欧元"),
        "cny": ("yuan", "人民币"),
        "bug": ("缺陷", "错误"),
        "feature": ("feature request", "功能"),
        "billing": ("invoice", "账单"),
        "technical": ("tech support", "技术"),
        "vegetarian": ("veggie", "素食"),
        "vegan": ("纯素",),
    }
)
# Short words of everyday speech that name a member only when said with the argument's name.
_COMMON = frozenset(
    {
        "on",
        "off",
        "in",
        "a",
        "i",
        "first",
        "open",
        "all",
        "any",
        "none",
        "other",
        "no",
        "yes",
        "to",
        "is",
        "it",
        "m",
        "s",
        "l",
    }
)
_NEGATED = re.compile(
    r"\b(?:no|not|without|don't|do not|never|except|disable|turn off|off|non-?)\s*(?:\w+\s+)?$|"
    r"(?:不要?|无需|别|没有|不用|关闭)\s*$",
    re.IGNORECASE,
)
# What stands before a member that is not meant: "not yet delivered", "don't show delivered ones", "except delivered".
_DENIED_MEMBER = re.compile(
    r"(?:(?P<excludes>\b(?:except|excluding|without|other than|apart from|(?:all|anything|everything) but))"
    r"|\b(?:not|never|nor|neither|no longer|rather than|instead of)|n't)\s+"
    r"(?:(?:yet|been|being|be|already|any|the|still|currently|really|those|that|for|are|were|is|show|list|include|"
    r"want|give|me|to)\s+)*$|(?P<excludes_zh>除了?|除去|排除)$|(?:未|没有?|不是?|并非)(?:有?被|经)?$",
    re.IGNORECASE,
)
_OR = re.compile(r"\s*(?:or|nor|或者?)\s*(?:the\s+)?", re.IGNORECASE)
_AND = re.compile(r"\s*(?:or|nor|and|,|、|或者?|和|与)\s*(?:the\s+)?", re.IGNORECASE)
_OWN = "(?:its|their|the|his|her|my|our|your)"
_AFFIRMED = re.compile(
    r"\b(?:yes|yeah|yep|sure|true|ok|okay|of course|please do)\b|是的|好的|要的|^(?:是|好|要|对)$", re.IGNORECASE
)
_DENIED = re.compile(r"\b(?:no|nope|false|not|don't)\b|不|否", re.IGNORECASE)
_STOP = frozenset(
    {"is", "has", "with", "include", "use", "the", "only", "should", "enable", "enabled", "want", "need", "be", "a"}
)


def find_members(text: str, members: Sequence[Any], labels: tuple[str, ...] = ()) -> tuple[Found, ...]:
    """The members a text means, in order of place; when it only says what it does not mean, the one that is left."""
    meant, denied = _named(text, members, labels)
    if meant or not denied:
        return meant
    left = [member for member in members if member not in {one.value for one in denied}]
    return (replace(denied[0], value=left[0]),) if len(left) == 1 else ()


def members_left(text: str, members: Sequence[Any], labels: tuple[str, ...] = ()) -> tuple[Any, ...]:
    """The members that are left when a text only says which ones it does not mean: "not delivered", "except paid"."""
    meant, denied = _named(text, members, labels)
    said = {one.value for one in denied}
    return () if meant or not denied else tuple(member for member in members if member not in said)


def _named(text: str, members: Iterable[Any], labels: tuple[str, ...]) -> tuple[tuple[Found, ...], tuple[Found, ...]]:
    """The members a text means, and those it denies."""
    meant: list[Found] = []
    denied: list[Found] = []
    row = _OR
    for one in _found(text, members, labels):
        before = _DENIED_MEMBER.search(text, 0, one.start)
        if before:
            row = _AND if before["excludes"] or before["excludes_zh"] else _OR
        goes_on = bool(denied) and row.fullmatch(text, denied[-1].end, one.start)
        (denied if before or goes_on or one.strength == UNLIKE else meant).append(one)
    return tuple(meant), tuple(denied)


def _found(text: str, members: Iterable[Any], labels: tuple[str, ...]) -> list[Found]:
    """The members that stand in a text as whole words, in order of place; a longer match wins over one inside it."""
    finds: list[Found] = []
    for member in members:
        if not isinstance(member, str) or not member:
            continue
        for rank, form in enumerate(_forms(member)):
            for match in _words(form).finditer(text):
                if form.lower() in _COMMON and not _near_label(text, match, labels):
                    continue
                turned = match.groupdict().get("un") is not None
                strength = UNLIKE if turned else 1.0 if rank == 0 else 0.85
                finds.append(Found(value=member, start=match.start(), end=match.end(), strength=strength))
    kept: list[Found] = []
    for one in sorted(finds, key=lambda found: (found.start - found.end, -found.strength, found.start)):
        if not any(one.start < other.end and other.start < one.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _forms(member: str) -> tuple[str, ...]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-]+", " ", member).strip()
    return (member, spaced, *_SYNONYMS.get(member.lower(), ()), *_SYNONYMS.get(spaced.lower(), ()))


def _words(form: str) -> re.Pattern[str]:
    parts = [part for part in re.split(r"[\s_-]+", form) if part]
    owned = [_OWN if re.fullmatch(_OWN, part, re.IGNORECASE) else re.escape(part) for part in parts]
    body = r"[\s_-]?".join(owned)
    if not form.isascii():
        return re.compile(body)
    return re.compile(rf"(?<![A-Za-z0-9])(?P<un>un-?|non[- ])?{body}(?:s|es)?(?![A-Za-z0-9])", re.IGNORECASE)


def _near_label(text: str, match: re.Match[str], labels: tuple[str, ...]) -> bool:
    near = text[max(0, match.start() - 24) : match.end() + 16].lower()
    return any(label in near for label in labels)


def find_flag(text: str, words: tuple[str, ...], answering: bool = False) -> Found | None:
    """True or false for an argument, when the text speaks of it: "with insurance", "no express"."""
    if answering:
        for pattern, value in ((_DENIED, False), (_AFFIRMED, True)):
            match = pattern.search(text)
            if match:
                return Found(value=value, start=match.start(), end=match.end())
    telling = [word for word in words if word not in _STOP]
    if not telling:
        return None
    body = r"[\s_-]+".join(re.escape(word) for word in telling)
    match = re.search(rf"(?<![A-Za-z]){body}(?![A-Za-z])", text, re.IGNORECASE)
    if match is None:
        return None
    said = re.match(r"\s*(?:=|:|is|to)?\s*(true|false|yes|no|on|off)\b", text[match.end() :], re.IGNORECASE)
    if said:
        value = said[1].lower() in ("true", "yes", "on")
        return Found(value=value, start=match.start(), end=match.end() + said.end())
    negated = _NEGATED.search(text, 0, match.start())
    return Found(value=negated is None, start=negated.start() if negated else match.start(), end=match.end())
