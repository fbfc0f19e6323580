"""Currencies by code, name and sign, and which one is changed into which."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found, words_in
from toolcrib.agents.offline.extract.numbers import Number, find_numbers

_CODES = frozenset(
    words_in(
        "USD EUR JPY GBP CNY CHF INR CAD AUD NZD HKD SGD KRW TWD THB MYR IDR PHP VND SEK NOK DKK ISK PLN CZK HUF "
        "RON BGN RUB UAH TRY ILS AED SAR QAR KWD EGP ZAR NGN KES MAD BRL MXN ARS CLP COP PEN PKR BDT LKR RMB CNH "
        "MOP BTC ETH"
    )
)
# Codes that are English words, so lower case does not count.
_WORDS = frozenset({"try", "all", "php", "cop", "pen", "mad", "ron", "mop", "sek", "eth"})
_NAMES = MappingProxyType(
    {
        **{"us dollar": "USD", "u.s. dollar": "USD", "american dollar": "USD", "dollar": "USD", "buck": "USD"},
        **{"canadian dollar": "CAD", "australian dollar": "AUD", "aussie dollar": "AUD", "new zealand dollar": "NZD"},
        **{"hong kong dollar": "HKD", "singapore dollar": "SGD", "taiwan dollar": "TWD", "new taiwan dollar": "TWD"},
        **{"singaporean dollar": "SGD", "taiwanese dollar": "TWD", "kiwi dollar": "NZD"},
        **{"euro": "EUR", "japanese yen": "JPY", "yen": "JPY", "british pound": "GBP", "pound sterling": "GBP"},
        **{"pounds sterling": "GBP", "sterling": "GBP", "pound": "GBP", "quid": "GBP", "egyptian pound": "EGP"},
        **{"chinese yuan": "CNY", "yuan": "CNY", "renminbi": "CNY", "rmb": "CNY", "swiss franc": "CHF", "franc": "CHF"},
        **{"indian rupee": "INR", "rupee": "INR", "pakistani rupee": "PKR", "sri lankan rupee": "LKR"},
        **{"south korean won": "KRW", "korean won": "KRW", "thai baht": "THB", "baht": "THB", "ringgit": "MYR"},
        **{"malaysian ringgit": "MYR", "indonesian rupiah": "IDR", "rupiah": "IDR", "philippine peso": "PHP"},
        **{"vietnamese dong": "VND", "dong": "VND", "swedish krona": "SEK", "swedish kronor": "SEK"},
        **{"norwegian krone": "NOK", "norwegian kroner": "NOK", "danish krone": "DKK", "danish kroner": "DKK"},
        **{"polish zloty": "PLN", "zloty": "PLN", "czech koruna": "CZK", "koruna": "CZK", "hungarian forint": "HUF"},
        **{"forint": "HUF", "russian ruble": "RUB", "ruble": "RUB", "rouble": "RUB", "ukrainian hryvnia": "UAH"},
        **{"hryvnia": "UAH", "turkish lira": "TRY", "lira": "TRY", "israeli shekel": "ILS", "shekel": "ILS"},
        **{"uae dirham": "AED", "dirham": "AED", "saudi riyal": "SAR", "riyal": "SAR", "south african rand": "ZAR"},
        **{"rand": "ZAR", "nigerian naira": "NGN", "naira": "NGN", "brazilian real": "BRL", "brazilian reais": "BRL"},
        **{"reais": "BRL", "mexican peso": "MXN", "peso": "MXN", "argentine peso": "ARS", "chilean peso": "CLP"},
        **{"colombian peso": "COP", "bitcoin": "BTC", "ether": "ETH", "ethereum": "ETH"},
    }
)
_CHINESE = MappingProxyType(
    {
        **{"人民币": "CNY", "美元": "USD", "美金": "USD", "欧元": "EUR", "日元": "JPY", "日圆": "JPY", "英镑": "GBP"},
        **{"港元": "HKD", "港币": "HKD", "加元": "CAD", "加拿大元": "CAD", "加币": "CAD", "澳元": "AUD", "澳币": "AUD"},
        **{"澳大利亚元": "AUD", "新西兰元": "NZD", "纽币": "NZD", "瑞士法郎": "CHF", "瑞郎": "CHF", "法郎": "CHF"},
        **{"韩元": "KRW", "韩币": "KRW", "卢比": "INR", "印度卢比": "INR", "卢布": "RUB", "泰铢": "THB", "台币": "TWD"},
        **{"新台币": "TWD", "新加坡元": "SGD", "新币": "SGD", "林吉特": "MYR", "马币": "MYR", "越南盾": "VND"},
        **{"印尼盾": "IDR", "比索": "MXN", "墨西哥比索": "MXN", "里拉": "TRY", "土耳其里拉": "TRY", "雷亚尔": "BRL"},
        **{"瑞典克朗": "SEK", "挪威克朗": "NOK", "丹麦克朗": "DKK", "兰特": "ZAR", "迪拉姆": "AED", "比特币": "BTC"},
    }
)
_SIGNS = MappingProxyType(
    {
        **{"US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD"},
        **{"NT$": "TWD", "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "￥": "CNY", "₹": "INR"},
        **{"₩": "KRW", "₽": "RUB", "₺": "TRY", "₫": "VND", "฿": "THB", "₪": "ILS", "₴": "UAH", "₦": "NGN"},
    }
)
_SPOKEN = re.compile(
    r"(?<![A-Za-z])(?:"
    + "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True))
    + r")(?:s|es)?(?![A-Za-z])",
    re.IGNORECASE,
)
_WRITTEN = re.compile("|".join(re.escape(name) for name in sorted((*_CHINESE, *_SIGNS), key=len, reverse=True)))
_CODE = re.compile(r"(?<![A-Za-z])(?:" + "|".join(sorted(_CODES)) + r")(?![A-Za-z])", re.IGNORECASE)
_YUAN = re.compile(r"(?<=\d)\s*(?:元|块钱|块)(?![\u4e00-\u9fff]*件)")
_TARGET_BEFORE = re.compile(
    r"(?:\b(?:to|into|in|for|as|how many|how much in|worth of|get|equals?)|->|→|=|/|"
    r"换成|换为|兑换成|兑换为|兑换|转成|转为|转换成|转换为|转换|兑成|兑|换算成|折合成|折合|合|等于|"
    r"是多少|多少|成|到|换)\s*(?:the |of )?$",
    re.IGNORECASE,
)
_SOURCE_BEFORE = re.compile(
    r"(?:\b(?:from|of|with|is|are|convert|change|exchange|for a|one|an?)|从|把|将|用|每)\s*(?:the )?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Who is changed into whom, and how much: each part as far as the text says it."""

    source: Found | None = None
    target: Found | None = None
    amount: Found | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mention:
    found: Found
    number: Number | None


def find_currencies(text: str) -> tuple[Found, ...]:
    """Every currency named in a text, as ISO 4217 codes in order of place."""
    finds: list[Found] = []
    for match in _WRITTEN.finditer(text):
        code = _CHINESE.get(match[0]) or _SIGNS[match[0]]
        if match[0] == "¥" and re.search(r"[\u4e00-\u9fff]", text):
            code = "CNY"
        finds.append(Found(value=code, start=match.start(), end=match.end()))
    for match in _SPOKEN.finditer(text):
        finds.append(Found(value=_spoken(match[0].lower()), start=match.start(), end=match.end()))
    for match in _CODE.finditer(text):
        if match[0].isupper() or match[0].lower() not in _WORDS:
            code = match[0].upper()
            value = "CNY" if code in ("RMB", "CNH") else code
            finds.append(Found(value=value, start=match.start(), end=match.end()))
    for match in _YUAN.finditer(text):
        finds.append(Found(value="CNY", start=match.start(), end=match.end(), strength=0.6))
    return tuple(_apart(finds))


def find_exchange(text: str) -> Exchange:
    """Source, target and amount of a change of money."""
    numbers = find_numbers(text)
    mentions = [_Mention(found=one, number=_number_beside(one, numbers, text)) for one in find_currencies(text)]
    if not mentions:
        return Exchange()
    source = _pick_source(mentions, text)
    others = [one for one in mentions if source is None or one.found.value != source.found.value]
    aimed = [one for one in others if _TARGET_BEFORE.search(text, 0, one.found.start)]
    target = next(iter(aimed or others), None)
    amount = source.number if source is not None else None
    return Exchange(
        source=source.found if source is not None else None,
        target=target.found if target is not None else None,
        amount=_as_found(amount) if amount is not None else None,
    )


def _pick_source(mentions: list[_Mention], text: str) -> _Mention | None:
    with_number = [one for one in mentions if one.number is not None]
    if with_number:
        return with_number[0]
    stated = [one for one in mentions if _SOURCE_BEFORE.search(text, 0, one.found.start)]
    aimed = [one for one in mentions if _TARGET_BEFORE.search(text, 0, one.found.start)]
    rest = [one for one in mentions if one not in aimed]
    for choice in (stated, rest):
        if choice:
            return choice[0]
    return mentions[0] if len(mentions) > 1 else None


def _number_beside(one: Found, numbers: Iterable[Number], text: str) -> Number | None:
    for number in numbers:
        before = text[number.end : one.start] if number.end <= one.start else None
        after = text[one.end : number.start] if number.start >= one.end else None
        if before is not None and before.strip() in ("", "-", "个"):
            return number
        if after is not None and not after.strip() and len(after) < 2:
            return number
    return None


def _as_found(number: Number) -> Found:
    return Found(value=number.value, start=number.start, end=number.end)


def _spoken(name: str) -> str:
    for form in (name, name.removesuffix("s"), name.removesuffix("es")):
        if form in _NAMES:
            return _NAMES[form]
    return name.upper()


def _apart(finds: list[Found]) -> list[Found]:
    """The finds in order of place; of two that overlap the longer stays."""
    kept: list[Found] = []
    for one in sorted(finds, key=lambda found: (found.start, -found.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept
