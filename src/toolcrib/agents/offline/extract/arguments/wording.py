"""Reading free text: after a cue ("titled ...", "saying ..."), in quotes, or what the command leaves over."""

import re
from types import MappingProxyType

from toolcrib.agents.offline.extract.arguments.kinds import Argument, Kind
from toolcrib.agents.offline.extract.arguments.quantities import Reader
from toolcrib.agents.offline.extract.arguments.reading import Reading, Stage
from toolcrib.agents.offline.extract.found import Found, Span
from toolcrib.agents.offline.extract.places import find_names
from toolcrib.agents.offline.extract.text import find_quoted, leftover

_CUES = MappingProxyType(
    {
        "title": r"titled|entitled|called|named|with (?:the |a )?title|title(?: is)?|标题(?:是|为)?|名为|叫做?|题为",
        "name": r"called|named|with (?:the )?name|name(?: is)?|名为|叫做?|名字(?:是|叫)?",
        "subject": r"with (?:the |a )?subject|subject(?: line)?(?: is)?|about|regarding|titled|主题(?:是|为)?|关于",
        "body": r"saying(?: that)?|that says|which says|telling (?:him|her|them)(?: that)?|"
        r"with (?:the )?(?:body|message|text|content)|"
        r""
        r"body(?: is)?|message(?: is)?|to say(?: that)?|正文(?:是|为)?|内容(?:是|为)?|告诉他|告诉她|说",
        "reason": r"because(?: of)?|due to|reason(?: is)?|since|as (?=it|the|they)|原因(?:是|为)?|因为|理由(?:是|为)?",
        "description": r"description(?: is)?|described as|with (?:the )?description|saying(?: that)?|"
        r"描述(?:是|为)?|说明",
        "note": r"note(?: is)?|saying(?: that)?|备注(?:是|为)?",
        "query": r"query(?: is)?|search(?:ing)? (?:the (?:web|internet) )?for|look up|google|搜索(?:一下)?|查找",
        "cuisine": r"cuisine(?: is)?",
        "topic": r"about|on the topic of|topic(?: is)?|regarding|on|关于",
        "keyword": r"about|containing|mentioning|keyword(?: is)?|关于|关键词",
        "person": r"for|with|to|call(?:ed)?|named|给|跟|和",
        "comment": r"comment(?: is)?|saying(?: that)?|评论|留言",
        "location": r"at|in|在",
    }
)
_SAME = MappingProxyType(
    {
        **{"message": "body", "content": "body", "text": "body", "comments": "comment", "details": "description"},
        **{"recipient": "person", "assignee": "person", "attendee": "person", "summary": "title", "cause": "reason"},
        **{
            "search": "query",
            "q": "query",
            "keywords": "keyword",
            "term": "keyword",
            "notes": "note",
            "label": "title",
        },
    }
)
_END = re.compile(
    r"(?:\s*[,;]?\s+(?:and|with)\s+(?:the |a )?(?=(?:subject|title|body|message|text|description|"
    r"priority|note|reason)\b))|"
    r"\s*[,;]?\s*\b(?=(?:subject|title|body|priority|description|reason)(?: is)?\s*[:=])|"
    r"\s+(?=(?:saying|that says|which says)\b)|[,;]\s*(?=(?:主题|标题|正文|内容|优先级|原因|描述))|\x00"
)
_GENERIC = frozenset(
    {"tool", "get", "search", "find", "list", "create", "the", "of", "by", "with", "from", "to", "for", "a"}
)


def read_text(reading: Reading, argument: Argument) -> list[Found]:
    """Text after the argument's cue, then what is quoted, then what the command leaves over."""
    if reading.stage is Stage.LABELLED:
        return []
    quoted = [reading.as_written(_inner(one)) for one in reading.free(find_quoted(reading.text))]
    if reading.stage is Stage.TYPED:
        whole = [_spread(one) for one in quoted] if argument.required else []
        return _after_cue(reading, argument) or whole
    found = leftover(reading.text, (*reading.taken, *reading.blocked), reading.nouns)
    return [reading.as_written(found)] if found else []


def _inner(one: Found) -> Found:
    return Found(value=one.value, start=one.start + 1, end=one.end - 1, strength=0.85)


def _spread(one: Found) -> Found:
    return Found(value=one.value, start=one.start - 1, end=one.end + 1, strength=0.85)


def _after_cue(reading: Reading, argument: Argument) -> list[Found]:
    cue = next((_CUES[_SAME.get(word, word)] for word in argument.words if _SAME.get(word, word) in _CUES), None)
    own = "|".join(re.escape(word) for word in argument.words if len(word) > 3)
    if cue is None and not own:
        return []
    texts = sum(one.kind in (Kind.TEXT, Kind.NAMED) for one in reading.arguments)
    pattern = cue if cue is not None and (texts > 1 or _always(argument)) else rf"(?:{own or cue})\s*(?=[:=\"“「'])"
    masked = reading.masked()
    for match in re.finditer(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])\s*[:=]?\s*", masked, re.IGNORECASE):
        found = _until_end(reading, masked, match)
        if found is not None:
            return [found]
    return []


def _always(argument: Argument) -> bool:
    return bool({"reason", "title", "name", "note", "comment"} & set(argument.words))


def _until_end(reading: Reading, masked: str, match: re.Match[str]) -> Found | None:
    at = match.end()
    for quoted in find_quoted(masked):
        if quoted.start == at:
            inner = reading.as_written(_inner(quoted))
            return Found(value=inner.value, start=match.start(), end=quoted.end)
    stop = _END.search(masked, at)
    end = stop.start() if stop else len(masked)
    value = reading.raw[at:end].strip().rstrip(" .,;!?。，；！？")
    if len(value) < 2:
        return None
    return Found(value=value, start=match.start(), end=end, strength=0.75)


def read_named(reading: Reading, argument: Argument) -> list[Found]:
    """A title or name: after its cue, in quotes, a run of capitals, or what the command leaves over."""
    creating = reading.nouns & {"create", "add", "new", "make", "schedule", "set"}
    if reading.stage is not Stage.LEFTOVER or creating:
        return read_text(reading, argument)
    names = _names(reading)
    rest = read_text(reading, argument)
    if names and rest and rest[0].start <= names[0].start and names[0].end <= rest[0].end:
        value = str(rest[0].value)
        loose = value[0].islower() or value.split()[-1].lower().removesuffix("s") in reading.nouns
        return [names[0], *rest] if loose else [*rest, *names]
    return [*names, *rest]


def _names(reading: Reading) -> list[Found]:
    taken = find_names(reading.masked())
    spans: tuple[Span, ...] = reading.taken
    return [one for one in reading.free(taken) if one.span not in spans and one.start > 0]


def read_person(reading: Reading, argument: Argument) -> list[Found]:
    """A person's name: a capitalised run, or the words after the cue."""
    if reading.stage is Stage.LABELLED:
        return []
    if reading.stage is Stage.TYPED:
        cue = rf"(?<![A-Za-z])(?:{_CUES['person']})(?![A-Za-z])\s*$"
        masked = reading.masked()
        names = _names(reading)
        return [one for one in names if re.search(cue, masked[: one.start], re.IGNORECASE)]
    return _names(reading) or read_text(reading, argument)


def own_nouns(*texts: str) -> frozenset[str]:
    """The words a tool uses of itself, in the singular."""
    words = {word.removesuffix("s") for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    return frozenset(words)


READERS: MappingProxyType[Kind, Reader] = MappingProxyType(
    {Kind.TEXT: read_text, Kind.NAMED: read_named, Kind.PERSON: read_person}
)
