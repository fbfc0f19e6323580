"""Places and other proper names, in English by capitals and prepositions, in Chinese by their neighbours."""

import re
from typing import Literal

from toolcrib.agents.offline.extract.found import Found, words_in

Role = Literal["any", "origin", "destination"]
_CAP = r"[A-Z\u00c0-\u00de][\w\u00c0-\u024f'’.-]*[\w\u00c0-\u024f]|[A-Z]"
_JOINER = r"(?:de|da|do|del|la|le|les|el|al|of|the|am|an|der|upon|sur|los|las|y|do|dos|and the)"
_RUN = rf"(?:{_CAP})(?:\s+(?:{_JOINER}\s+)?(?:{_CAP})){{0,5}}"
_COUNTRY = rf"(?:,\s*(?:{_CAP})(?:\s+(?:{_CAP})){{0,2}}(?!\w|\s*,|\s+(?:and|or)\b))?"
_NAME = re.compile(rf"(?<![\w]){_RUN}")
_AFTER_WORD = re.compile(
    rf"\b(?P<word>in|to|from|at|for|near|around|of|into|via|between|and|reach|visit|visiting|leaving|towards?|nearby|inside|outside|"
    rf"destination|origin|city|location|place|address)\s*[:=]?\s+(?:the city of |city of |downtown |"
    rf"central |the )?(?P<name>{_RUN}{_COUNTRY})"
)
_LOWER = re.compile(
    r"\b(?P<word>in|to|from|at|for|near|around|of|and|weather|forecast|temperature|hotels?|"
    r"restaurants?|visit|city|time|air quality)\s*[:=]?\s+"
    r"(?P<name>[a-z\u00df-\u00ff][a-z\u00df-\u00ff'-]+(?:\s+[a-z\u00df-\u00ff'-]+){0,3})"
)
_NOT_PLACES = frozenset(
    words_in(
        "i i'm i'd i'll i've what what's whats how where where's when who which why is are was will would can "
        "could should do does did has have had tell show give get find check please convert calculate book search "
        "list set remind weather the a an my me you hi hello hey monday tuesday wednesday thursday friday "
        "saturday sunday january february march april may june july august september october november december "
        "today tomorrow tonight yesterday now celsius fahrenheit usd eur gbp jpy cny if and or it this that there "
        "here am pm ok okay any need we let also then order user customer package ship shipping send track quote "
        "forecast temperature flight flights hotel hotels restaurant restaurants distance drive travel fly from "
        "to in at for kg lb km mile miles dollars euros currency some someone air think look currently current "
        "looking going rain snow sunny"
    )
)
_NOT_LOWER = frozenset(
    words_in(
        "the a an my me you it this that there here now today tomorrow tonight yesterday right next last week "
        "weekend weekends month year day days night nights hour hours minute minutes morning afternoon evening "
        "moment please thanks like be me us is are do does and or of on with if will going should i we they not "
        "general all any some one two three four five six seven eight nine ten dinner lunch breakfast free cheap "
        "good sure total each every monday tuesday wednesday thursday friday saturday sunday january february "
        "march april may june july august september october november december time weather forecast in to from at "
        "for near around user customer order package people guests persons adults know see find get check have "
        "long far much many what how outside"
    )
)
_TAILS = re.compile(
    r"(?:'s|\s+(?:today|tomorrow|tonight|now|right now|please|currently|weather|forecast|Weather|"
    r"Forecast|this|next|on|at|for|"
    r"in|to|from|by|with|and|or|is|are|like|be|time|hotels?|restaurants?).*)$"
)
_ZH_BREAK = (
    r"今天|明天|后天|昨天|现在|目前|今晚|明晚|当前|此刻|这周|本周|下周|周末|天气|气温|温度|下雨|下雪|的|会|有|是|冷|热|怎么|怎样|如何|多少|几点|"
    r"到|去|飞|至|和|与|跟|、|,|\?|!|\.|。|;|\s|多远|有多|之间|未来|空气|时间|附近|酒店|餐厅|宾馆|饭店|吗|呢|找|订|住|要|需要|多重|航班|大概|距离|开车|坐|从|"
    r"[\d一二两三四五六七八九十]+"
)
_ZH_LEAD = re.compile(
    r"^(?:请问|请|帮我|帮忙|麻烦|查询一下|查一下|查询|查|看看|看一下|告诉我|我想知道|我想去|我想|我要去|我要|我在|想知道|给我|搜索|找一下|找|订|预订|"
    r"今天|明天|后天|现在|目前|今晚|这周末|周末|当前|在|去|到|飞往|飞|从|往|寄往|寄到|寄|发往|发到|运到|运往|送到|住|把|一下|那么|那|,|\s)+"
)
_ZH_AFTER = re.compile(
    rf"(?P<word>从|由|自|在|去|到达|到|至|飞往|飞到|飞|前往|往|寄到|寄往|寄给|运到|运往|发到|发往|送到|送往|抵达|距离|离|和|与|跟|、)\s*"
    rf"(?P<name>[\u4e00-\u9fff]{{2,12}}?)(?=\s*(?:{_ZH_BREAK}|$))"
)
_ZH_START = re.compile(rf"(?P<name>[\u4e00-\u9fff]{{2,16}}?)(?=\s*(?:{_ZH_BREAK}|$))")
_ZH_NOT = re.compile(
    r"[我你他她它谁请想问查这那哪什么么吗呢吧了着过个不没都也就很]|天气|怎样|多少|几点|时间|距离|快递|包裹|运费|航班|酒店|餐厅|机票|公斤|换成|订单|用户|"
    r"便宜|附近|多久|多远|下雨|下雪|会下|预报|出行|一共|结果|搜索|提醒"
)
_ORIGIN = frozenset({"from", "leaving", "origin", "between", "从", "由", "自", "距离", "离"})
_DESTINATION = frozenset(
    {"to", "into", "reach", "visit", "visiting", "toward", "towards", "destination", "and", "for"}
    | {
        "去",
        "到",
        "到达",
        "至",
        "飞往",
        "飞到",
        "飞",
        "前往",
        "往",
        "寄到",
        "寄往",
        "寄给",
        "运到",
        "运往",
        "发到",
        "发往",
    }
    | {"送到", "送往", "抵达", "和", "与", "跟", "、"}
)
_WEAK_WORDS = frozenset({"for", "of", "and", "、", "和", "与", "跟", "between", "time"})


def find_places(text: str, role: Role = "any") -> tuple[Found, ...]:
    """Places of a text, the surest first; with a role, those whose preposition says so come first.

    A place behind the wrong preposition is left out when a role is asked for.
    """
    finds = [*_capitalised(text), *_chinese(text)]
    if not finds:
        finds = _lower_case(text)
    chosen = [(_fits(word, role), one) for word, one in finds]
    best = sorted(
        (pair for pair in chosen if pair[0] >= 0), key=lambda pair: (-pair[0] - pair[1].strength, pair[1].start)
    )
    return tuple(one for _, one in _without_overlap(best))


def _fits(word: str, role: Role) -> int:
    if role == "any":
        return 0
    ours, theirs = (_ORIGIN, _DESTINATION) if role == "origin" else (_DESTINATION, _ORIGIN)
    if word in ours:
        return 0 if word in _WEAK_WORDS and word == "for" else 1
    return -1 if word in theirs and word not in ("和", "、", "for") else 0


def find_names(text: str) -> tuple[Found, ...]:
    """Every run of capitalised words that is not the start of a sentence alone."""
    finds = []
    for match in _NAME.finditer(text):
        name, start = _clean(match[0], match.start())
        if name:
            strength = 0.7 if match.start() else 0.5
            finds.append(Found(value=name, start=start, end=start + len(name), strength=strength))
    return tuple(finds)


def _capitalised(text: str) -> list[tuple[str, Found]]:
    finds: list[tuple[str, Found]] = []
    for match in _AFTER_WORD.finditer(text):
        name, start = _clean(match["name"], match.start("name"))
        if name:
            strength = 0.7 if match["word"] in _WEAK_WORDS else 0.9
            finds.append((match["word"], Found(value=name, start=start, end=start + len(name), strength=strength)))
    taken = [one.span for _, one in finds]
    for one in find_names(text):
        if not any(one.start < end and start < one.end for start, end in taken):
            finds.append(("", one))
    return finds


def _clean(name: str, start: int) -> tuple[str, int]:
    """Without words at either end that only look like names (a sentence's first word, a month, "I")."""
    name = re.sub(r"'s?$", "", name.rstrip(".,'-"))
    while name:
        first, _, rest = name.partition(" ")
        if _plain(first) not in _NOT_PLACES:
            break
        start += len(name) - len(rest.lstrip()) if rest else len(name)
        name = rest.lstrip()
    while name:
        before, _, last = name.rpartition(" ")
        if _plain(last) not in _NOT_PLACES:
            break
        name = before.rstrip(" ,")
    name = re.sub(r"'s\b.*$", "", name)
    return (name, start) if len(name) > 1 else ("", start)


def _plain(word: str) -> str:
    return word.lower().rstrip(".,:").removesuffix("'s") if word.lower() not in _NOT_PLACES else word.lower()


def _lower_case(text: str) -> list[tuple[str, Found]]:
    finds: list[tuple[str, Found]] = []
    at = 0
    while (match := _LOWER.search(text, at)) is not None:
        name = _TAILS.sub("", match["name"])
        words = name.split()
        while words and words[-1] in _NOT_LOWER:
            words.pop()
        listed = match["word"] != "and" or (bool(finds) and finds[-1][1].end + 1 == match.start())
        if listed and words and words[0] not in _NOT_LOWER and not any(word in _NOT_LOWER for word in words):
            value = " ".join(words)
            start = match.start("name")
            made = value.title().replace("'S", "'s")
            finds.append((match["word"], Found(value=made, start=start, end=start + len(value), strength=0.55)))
            at = start + len(value)
        else:
            at = match.end("word")
    if not finds:
        finds = _lone(text)
    return finds


def _lone(text: str) -> list[tuple[str, Found]]:
    """`berlin weather`: a name before the thing asked for."""
    match = re.match(
        r"\s*(?P<name>[a-z][a-z' -]{1,40}?)\s+(?:weather|forecast|temperature|hotels?|time|restaurants?)\b", text
    )
    if match is None or any(word in _NOT_LOWER or word in _NOT_PLACES for word in match["name"].split()):
        return []
    found = Found(value=match["name"].title(), start=match.start("name"), end=match.end("name"), strength=0.5)
    return [("", found)]


def _chinese(text: str) -> list[tuple[str, Found]]:
    finds: list[tuple[str, Found]] = []
    for match in _ZH_AFTER.finditer(text):
        if not _ZH_NOT.search(match["name"]):
            strength = 0.6 if match["word"] in _WEAK_WORDS else 0.9
            found = Found(value=match["name"], start=match.start("name"), end=match.end("name"), strength=strength)
            finds.append((match["word"], found))
    for match in _ZH_START.finditer(text):
        lead = _ZH_LEAD.match(match["name"])
        cut = lead.end() if lead else 0
        name = match["name"][cut:]
        start = match.start() + cut
        seen = any(one.start < start + len(name) and start < one.end for _, one in finds)
        if len(name) >= 2 and len(name) <= 8 and not seen and not _ZH_NOT.search(name):
            finds.append(("", Found(value=name, start=start, end=start + len(name), strength=0.65)))
    return finds


def _without_overlap(ranked: list[tuple[int, Found]]) -> list[tuple[int, Found]]:
    kept: list[tuple[int, Found]] = []
    for rank, one in ranked:
        if not any(one.start < other.end and other.start < one.end for _, other in kept):
            kept.append((rank, one))
    return kept
