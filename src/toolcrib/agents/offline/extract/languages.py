"""Names of languages, as name or as ISO 639-1 code."""

import re
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found

_LANGUAGES = MappingProxyType(
    {
        **{"English": ("en", "英语", "英文"), "French": ("fr", "法语", "法文"), "German": ("de", "德语", "德文")},
        **{
            "Spanish": ("es", "西班牙语", "西语"),
            "Italian": ("it", "意大利语"),
            "Portuguese": ("pt", "葡萄牙语", "葡语"),
        },
        **{"Chinese": ("zh", "中文", "汉语", "普通话", "Mandarin"), "Japanese": ("ja", "日语", "日文")},
        **{"Korean": ("ko", "韩语", "韩文"), "Russian": ("ru", "俄语", "俄文"), "Arabic": ("ar", "阿拉伯语")},
        **{
            "Dutch": ("nl", "荷兰语"),
            "Swedish": ("sv", "瑞典语"),
            "Norwegian": ("no", "挪威语"),
            "Danish": ("da", "丹麦语"),
        },
        **{
            "Finnish": ("fi", "芬兰语"),
            "Polish": ("pl", "波兰语"),
            "Czech": ("cs", "捷克语"),
            "Greek": ("el", "希腊语"),
        },
        **{
            "Turkish": ("tr", "土耳其语"),
            "Hebrew": ("he", "希伯来语"),
            "Hindi": ("hi", "印地语"),
            "Thai": ("th", "泰语"),
        },
        **{"Vietnamese": ("vi", "越南语"), "Indonesian": ("id", "印尼语"), "Malay": ("ms", "马来语")},
        **{"Ukrainian": ("uk", "乌克兰语"), "Hungarian": ("hu", "匈牙利语"), "Romanian": ("ro", "罗马尼亚语")},
        **{
            "Latin": ("la", "拉丁语"),
            "Bengali": ("bn", "孟加拉语"),
            "Persian": ("fa", "波斯语"),
            "Urdu": ("ur", "乌尔都语"),
        },
    }
)
_BY_WORD = MappingProxyType(
    {
        word.lower(): (name, forms[0])
        for name, forms in _LANGUAGES.items()
        for word in (name, *(form for form in forms if len(form) > 2 or not form.isascii()))
    }
)
_NAMED = re.compile(
    r"(?<![A-Za-z])(?:" + "|".join(sorted(_BY_WORD, key=len, reverse=True)) + r")(?![A-Za-z])", re.IGNORECASE
)
_TARGET = re.compile(
    r"(?:\b(?:to|into|in)\s+(?:the )?|(?:翻译|译|转换|翻|写|说|改)(?:成|为|到)?\s*|成\s*|用)$", re.IGNORECASE
)
_SOURCE = re.compile(r"(?:\b(?:from|this|the)\s+|从|把)$", re.IGNORECASE)


def find_languages(text: str, role: str = "any") -> tuple[Found, ...]:
    """Every language as (name, code); those in the wanted role (`source` or `target`) come first."""
    ranked = []
    for match in _NAMED.finditer(text):
        target = _TARGET.search(text, 0, match.start())
        source = _SOURCE.search(text, 0, match.start())
        fits = {"target": target, "source": source}.get(role)
        against = {"target": source, "source": target}.get(role)
        start = target.start() if target else source.start() if source else match.start()
        found = Found(value=_BY_WORD[match[0].lower()], start=start, end=match.end(), strength=1.0 if fits else 0.8)
        if not against:
            ranked.append((0 if fits else 1, -match.start(), found))
    return tuple(found for _, _, found in sorted(ranked, key=lambda one: one[:2]))
