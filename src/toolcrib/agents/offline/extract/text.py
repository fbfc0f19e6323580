"""Quoted text, e-mail addresses, links, phone numbers, and the words left when commands are taken away."""

import re
from collections.abc import Iterable

from toolcrib.agents.offline.extract.found import Found, Span, is_cjk

_QUOTED = re.compile(
    r"\"([^\"\n]{1,2000})\"|“([^”\n]{1,2000})”|「([^」\n]{1,2000})」|『([^』\n]{1,2000})』|«([^»\n]{1,2000})»|"
    r"《([^》\n]{1,2000})》|`([^`\n]{1,2000})`|(?<![A-Za-z0-9])'([^'\n]{1,2000}(?:'[a-z]{1,2}\s[^'\n]{1,2000})*)'(?![A-Za-z0-9])"
)
_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}(?![\w@])", re.ASCII
)
_URL = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'，。）]{1,2000}|(?<![\w@./])(?:www\.)?(?:[A-Za-z0-9-]{1,63}\.){1,4}(?:com|org|net|io|dev|cn|de|co|app|edu|gov|uk|fr|info)(?:/[^\s<>\"'，。）]{0,500})?(?![\w@])",
    re.ASCII,
)
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d{1,4}\)?(?:[\s.-]?\(?\d{2,5}\)?){1,5}(?![\w.]?\d)", re.ASCII)
_POLITE = re.compile(
    r"(?:(?:hi|hey|hello|ok|okay|please|pls|kindly|now|then|also|so)\b[\s,!]*|"
    r"(?:can|could|would|will) you\b(?: please| kindly)?|"
    r"(?:i(?:'d| would) like(?: you)? to|i (?:want|need)(?: you)? to|i wanna|let's|let us|"
    r"help me(?: to)?|go ahead and|you should)\b|"
    r"请问|请你|请|麻烦你?|帮我们?|帮忙|给我|替我|我想要?|我要|我需要|你能不能|能不能|能否|可以|你能|"
    r"[\s,.:;!?、])+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:[\s,.;:!?]|\bplease\b|\bfor me\b|\bthanks?(?: you)?\b|\bnow\b|吧|呢|吗|好吗|谢谢|可以吗)+$", re.IGNORECASE
)
_VERBS = (
    r"search|look up|lookup|look for|google|find out|find|query|fetch|get|show|list|tell|give|check|read|open|browse|"
    r"translate|summari[sz]e|remind|remember|note(?: down)?|write(?: down)?|save|send|post|say|create|"
    r"add|make|set|start|"
    r"open|file|raise|schedule|book|plan|put|define|explain|play|buy|order|count|analy[sz]e|classify|rewrite|encode|decode|"
    r"reverse|convert|ask|answer|run|execute|speak|publish|log|submit|report|email|e-mail|mail|message|text|generate|draw|"
    r"recommend|suggest|learn"
)
_COMMAND = re.compile(
    rf"(?:{_VERBS})\b(?:\s+(?:me|us|up|out|down|off))?"
    r"(?:\s+(?:a|an|the|my|our|some|any|this|new|following|information|info|details|all))*",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"(?:\s*(?:for|about|on|to|that|of|saying|says|which says|called|named|titled|entitled|with|reading|regarding|"
    r"concerning|in|at|:|-|,|=)(?![A-Za-z])\s*)+",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"(?:what(?:'s| is| are| was| were| does| do)?|who(?:'s| is| was| are)?|tell me|how (?:do|does|is|are|much is)|"
    r"where can (?:i|we) (?:eat|find|get|buy|have)|where(?:'s| is| are)?|when(?:'s| is| was)?|"
    r"do you know|is there|are there|any)\b(?:\s+(?:the|a|an|about|any|some|good|best|great|nice))*",
    re.IGNORECASE,
)
_CHINESE_COMMAND = re.compile(
    r"(?:(?:帮我|请)?(?:搜索|搜一下|搜|查询|查找|查一下|查查|查|找一下|找|翻译|提醒我|提醒|记录|记下|记一下|记住|添加|新建|创建|"
    r"发送|发|写|总结|概括|介绍|告诉我|说说|播放|推荐|定义|解释|统计|分析|保存|算一下|看看|看一下)(?:一下|下|一个|一条|一张|个|条)?)"
    r"(?:关于|有关|网上的?|网络|这句话|这段话|下面的?|以下)?[\s:,]*"
)

_DANGLING = re.compile(
    r"(?:\s+(?:on|at|in|for|from|by|to|the|with|and|of|into|about))+\s*$|(?:在|到|"
    r"于|和|成|为)$",
    re.IGNORECASE,
)
_NOUN = re.compile(r"\s*(?:(?:for|on|in|of)\s+)?(?:(?:the|a|an|my|new)\s+)?([A-Za-z]+)")


def find_quoted(text: str) -> tuple[Found, ...]:
    """Every quoted piece without its quotes; the span holds the quotes."""
    finds = []
    for match in _QUOTED.finditer(text):
        value = next(group for group in match.groups() if group is not None).strip()
        if value:
            finds.append(Found(value=value, start=match.start(), end=match.end()))
    return tuple(finds)


def find_emails(text: str) -> tuple[Found, ...]:
    """Every e-mail address."""
    return _all(_EMAIL, text, "")


def find_urls(text: str) -> tuple[Found, ...]:
    """Every link, with or without its scheme."""
    return _all(_URL, text, ".,;:!?)")


def find_phones(text: str) -> tuple[Found, ...]:
    """Every phone number of seven digits or more, as written."""
    return tuple(one for one in _all(_PHONE, text, " .-") if 7 <= sum(map(str.isdigit, one.value)) <= 15)


def _all(pattern: re.Pattern[str], text: str, tail: str) -> tuple[Found, ...]:
    finds = []
    for match in pattern.finditer(text):
        value = match[0].rstrip(tail) if tail else match[0]
        finds.append(Found(value=value, start=match.start(), end=match.start() + len(value)))
    return tuple(finds)


def leftover(text: str, taken: Iterable[Span], nouns: frozenset[str]) -> Found | None:
    """The words left at the largest free place, without polite words and the command before them.

    ``nouns`` are the tool's own words: "search the web for x" loses "the web" for a tool about the web.
    """
    pieces = _pieces(text, taken)
    stripped = [one for one in (_strip(text, start, end, nouns) for start, end in pieces) if one is not None]
    return max(stripped, key=lambda one: one.end - one.start, default=None)


def _pieces(text: str, taken: Iterable[Span]) -> list[Span]:
    pieces, at = [], 0
    for start, end in sorted(taken):
        if start > at:
            pieces.append((at, start))
        at = max(at, end)
    if at < len(text):
        pieces.append((at, len(text)))
    return pieces


def _strip(text: str, start: int, end: int, nouns: frozenset[str]) -> Found | None:
    start = _skip(_POLITE, text, start, end)
    for pattern in (_COMMAND, _CHINESE_COMMAND, _QUESTION):
        after = _skip(pattern, text, start, end)
        if after > start:
            after = _skip_nouns(text, after, end, nouns)
            start = _skip(_LINK, text, after, end)
            break
    else:
        if start and _skip_nouns(text, start, end, nouns) > start:
            start = _skip(_LINK, text, _skip_nouns(text, start, end, nouns), end)
    if text[:start].strip() and text[start - 1 : start + 1].strip() != text[start - 1 : start + 1]:
        start = _skip(_LINK, text, start, end)
    start = _skip(_LINK, text, start, end) if text[start:end].lstrip()[:1] in (":", "-", ",", "=") else start
    tail = _TAIL.search(text, start, end)
    end = tail.start() if tail and tail.end() == end else end
    end = _cut_dangling(text, start, end)
    while start < end and text[start].isspace():
        start += 1
    value = text[start:end].strip()
    if len(value) < (1 if is_cjk(value) else 2):
        return None
    return Found(value=value, start=start, end=end, strength=0.4)


def _cut_dangling(text: str, start: int, end: int) -> int:
    """Without the preposition that led to what another argument took."""
    if text[end:].strip():
        dangling = _DANGLING.search(text, start, end)
        return dangling.start() if dangling else end
    return end


def _skip(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    match = pattern.match(text, start, end)
    return match.end() if match else start


def _skip_nouns(text: str, start: int, end: int, nouns: frozenset[str]) -> int:
    """Past the tool's own words and articles, when a joining word or nothing else stands after them."""
    at = start
    while True:
        word = _NOUN.match(text, at, end)
        if word is None or word[1].lower().removesuffix("s") not in nouns:
            break
        at = word.end()
    return at
