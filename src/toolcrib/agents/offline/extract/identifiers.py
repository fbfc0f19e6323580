"""Identifiers: the sign beside a word that names its kind, or the one thing in the text built like one."""

import re
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found, words_in

_SYNONYMS = MappingProxyType(
    {
        "user": ("user", "customer", "client", "member", "account", "用户", "客户", "会员", "顾客"),
        "customer": ("customer", "client", "user", "buyer", "account", "客户", "顾客", "用户", "会员"),
        "client": ("client", "customer", "user", "客户", "用户"),
        "order": ("order", "purchase", "订单"),
        "ticket": ("ticket", "issue", "case", "incident", "工单"),
        "issue": ("issue", "ticket", "bug", "pull request", "pr", "问题", "工单"),
        "flight": ("flight", "航班"),
        "tracking": ("tracking", "package", "parcel", "shipment", "waybill", "快递", "包裹", "运单", "单号", "物流"),
        "package": ("package", "parcel", "tracking", "shipment", "包裹", "快递", "单号"),
        "shipment": ("shipment", "parcel", "package", "tracking", "货运", "包裹", "运单"),
        "sku": ("sku", "product", "item", "article", "part", "商品", "货号", "产品"),
        "product": ("product", "item", "sku", "article", "商品", "产品", "货号"),
        "item": ("item", "product", "sku", "article", "商品", "物品"),
        "invoice": ("invoice", "bill", "发票", "账单"),
        "employee": ("employee", "staff", "worker", "员工", "工号"),
        "booking": ("booking", "reservation", "预订", "预定"),
        "reservation": ("reservation", "booking", "预订", "预定"),
        "account": ("account", "账户", "账号", "帐号"),
        "symbol": ("symbol", "ticker", "stock", "share", "shares", "股票", "代码"),
        "ticker": ("ticker", "symbol", "stock", "share", "shares", "股票", "代码"),
        "task": ("task", "job", "todo", "任务"),
        "job": ("job", "task", "任务"),
        "patient": ("patient", "病人", "患者"),
        "train": ("train", "列车", "车次", "火车"),
        "room": ("room", "房间", "会议室"),
        "project": ("project", "项目"),
        "transaction": ("transaction", "payment", "交易"),
        "subscription": ("subscription", "订阅"),
        "zip": ("zip", "zip code", "postal code", "postcode", "邮编"),
        "postal": ("postal code", "postcode", "zip", "zip code", "邮编"),
        "error": ("error", "错误"),
        "student": ("student", "学生", "学号"),
        "device": ("device", "sensor", "machine", "设备"),
        "server": ("server", "host", "machine", "服务器"),
    }
)
_FORM_WORDS = r"(?:id|ids|no|nr|num|number|numbers|code|symbol|ref|reference|key|history|号码?|编号|代码|单号|的)"
_TOKEN = r"#?(?P<token>[A-Za-z0-9](?:[A-Za-z0-9]|[-_/.](?=[A-Za-z0-9])){0,60})"
_LISTED = re.compile(r"\s*(?:,|、|and|or|&|和|与|及|跟|以及|,\s*and)\s*" + _TOKEN, re.IGNORECASE)
_MIXED = re.compile(
    r"(?<![\w@./#-])#?(?P<token>(?=[A-Za-z0-9_-]{0,40}\d)(?=[0-9_-]{0,40}[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+){0,6})(?![\w@]|[./-]\w)",
    re.ASCII,
)
_HASHED = re.compile(r"(?<!\w)#(?P<token>\d{1,20})(?!\w)", re.ASCII)
_NUMBER = re.compile(r"(?<![\w.,$€£¥-])(?P<token>\d{1,20}(?:-\d+)*)(?![\w%]|[.,]\d|-\w)", re.ASCII)
_UPPER = re.compile(r"(?<![\w$-])\$?(?P<token>[A-Z]{2,6}(?:\.[A-Z]{1,2})?)(?![\w-])", re.ASCII)
_NOT_IDS = re.compile(
    r"\d+(?:st|nd|rd|th|kg|g|mg|lb|lbs|oz|km|m|cm|mm|mi|ft|in|c|f|x|h|s|min|am|pm|k|gb|mb|l|ml|d|w|usd|eur|gbp|cny)|mp[34]|h264|utf8|co2|4k|8k|3d|2d",
    re.IGNORECASE,
)
_NOT_TICKERS = frozenset(
    words_in(
        "I A THE AND OR IS IT OK USD EUR GBP CNY JPY API URL ID PDF AI USA UK EU FAQ ASAP FYI PLS TODO CEO ETA PM "
        "AM IN OF US NOW"
    )
)
_COMPANIES = MappingProxyType(
    {
        **{"apple": "AAPL", "苹果": "AAPL", "microsoft": "MSFT", "微软": "MSFT", "google": "GOOGL", "谷歌": "GOOGL"},
        **{"alphabet": "GOOGL", "amazon": "AMZN", "亚马逊": "AMZN", "tesla": "TSLA", "特斯拉": "TSLA", "meta": "META"},
        **{"facebook": "META", "nvidia": "NVDA", "英伟达": "NVDA", "netflix": "NFLX", "奈飞": "NFLX", "intel": "INTC"},
        **{"amd": "AMD", "ibm": "IBM", "oracle": "ORCL", "disney": "DIS", "alibaba": "BABA", "阿里巴巴": "BABA"},
    }
)
_COMPANY = re.compile(r"(?<![A-Za-z])(?:" + "|".join(_COMPANIES) + r")(?![A-Za-z])", re.IGNORECASE)


def label_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words that may stand before an identifier: those of the argument's name, and their synonyms."""
    labels: list[str] = []
    for word in words:
        for one in _SYNONYMS.get(word, (word,)):
            if one not in labels:
                labels.append(one)
    return tuple(labels)


def find_labelled(text: str, labels: tuple[str, ...], strict: bool = True) -> tuple[Found, ...]:
    """Identifiers beside a label: `order #A-42`, `user id = 8`, `订单 A-42`, and those listed after the first.

    With ``strict`` a bare word without digits ("order status") is none.
    """
    finds: list[Found] = []
    for label in labels:
        bound = rf"(?<![A-Za-z]){re.escape(label)}s?" if label.isascii() else re.escape(label)
        pattern = re.compile(
            rf"{bound}(?:[\s_-]*{_FORM_WORDS}\b)?\s*(?:[:=#]|is|was|with|by|of|for|为|是)?\s*[:=#'\"(]?\s*{_TOKEN}",
            re.IGNORECASE | re.ASCII,
        )
        for match in pattern.finditer(text):
            one: re.Match[str] | None = match
            while one is not None and _is_identifier(one["token"], strict):
                finds.append(Found(value=one["token"], start=one.start("token"), end=one.end("token")))
                one = _LISTED.match(text, one.end())
    return _apart(finds)


def find_signs(text: str) -> tuple[Found, ...]:
    """Words of letters and digits (`A-42`, `UA2402`, `SKU-123`) and `#42`, without need of a label."""
    finds = []
    for pattern in (_MIXED, _HASHED):
        for match in pattern.finditer(text):
            if not _NOT_IDS.fullmatch(match["token"]):
                finds.append(Found(value=match["token"], start=match.start(), end=match.end(), strength=0.85))
    return _apart(finds)


def find_bare_numbers(text: str) -> tuple[Found, ...]:
    """Whole numbers that may be identifiers when nothing else can be meant."""
    return tuple(
        Found(value=match["token"], start=match.start(), end=match.end(), strength=0.45)
        for match in _NUMBER.finditer(text)
    )


def find_tickers(text: str) -> tuple[Found, ...]:
    """Stock symbols: words in capitals, or a well-known company."""
    finds = [
        Found(value=match["token"], start=match.start(), end=match.end(), strength=0.85)
        for match in _UPPER.finditer(text)
        if match["token"] not in _NOT_TICKERS
    ]
    for match in _COMPANY.finditer(text):
        code = _COMPANIES[match[0].lower()]
        finds.append(Found(value=code, start=match.start(), end=match.end(), strength=0.8))
    return _apart(finds)


def find_matching(text: str, pattern: str) -> tuple[Found, ...]:
    """Words of the text that fit the argument's own pattern."""
    try:
        wanted = re.compile(pattern)
    except re.error:
        return ()
    finds = []
    for match in re.finditer(r"[A-Za-z0-9][\w./-]{0,80}", text, re.ASCII):
        token = match[0].rstrip("./-")
        if re.search(r"\d|[A-Z]{2}", token) and wanted.search(token):
            finds.append(Found(value=token, start=match.start(), end=match.start() + len(token)))
    return tuple(finds)


def _is_identifier(token: str, strict: bool) -> bool:
    if re.search(r"\d", token):
        return not re.fullmatch(r"(?:19|20)\d\d-\d\d?-\d\d?", token)
    return not strict and token.isupper() and len(token) > 1


def _apart(finds: list[Found]) -> tuple[Found, ...]:
    kept: list[Found] = []
    for one in sorted(finds, key=lambda found: (found.start, -found.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)
