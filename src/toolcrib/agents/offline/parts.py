"""Where a question may fall into parts: at the ends of sentences and at words that join them, outside quotes."""

import re
from collections.abc import Sequence

from toolcrib.agents.offline.extract.text import find_emails, find_quoted, find_urls

_MOST_PARTS = 8
_JOINT = re.compile(
    r"(?P<stop>[?!？！。；;]+\s*|\.\s+)|"
    r"(?P<then>\s*[,，]?\s*(?:\band\s+)?(?:\b(?:then|after that|afterwards|finally)\b|然后|接着|之后再|再)\s*[,，]?\s*)|"
    r"(?P<and>\s*[,，]?\s*\b(?:and also|as well as|and|also|plus)\b\s+|\s*[,，]?\s*(?:还有|并且|而且|另外|同时|以及|并|和)\s*[,，]?\s*)|"
    r"(?P<comma>\s*[,，]\s*)",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\b(?:that(?! (?:is|was|says|it))|it(?! (?:is|was|will|rain|snow|going))|this|them|those|"
    r"the (?:result|answer|total|outcome|output|sum|number|value|price|amount))\b|它|结果|这个(?:数|价格|金额)?|那个|上面|刚才|得数|答案",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(
    r"^\s*(?:(?:and|what about|how about|and what about|ok,? and|same (?:for|with)|now)\b|那么?|换成)|呢\s*[?？。]?\s*$",
    re.IGNORECASE,
)


def pieces(text: str) -> list[tuple[str, str]]:
    """The smallest pieces of a question, each with the joint before it (`stop`, `then`, `and`, `comma`, or empty).

    A text with more joints than parts can be told apart keeps its end in one piece.
    """
    closed = [one.span for find in (find_quoted, find_emails, find_urls) for one in find(text)]
    made: list[tuple[str, str]] = []
    at, joint = 0, ""
    for match in _JOINT.finditer(text):
        inside = any(start < match.end() and match.start() < end for start, end in closed)
        if inside or _in_number(text, match) or len(made) >= _MOST_PARTS - 1:
            continue
        if text[at : match.start()].strip():
            made.append((text[at : match.start()], joint))
            joint = str(match.lastgroup)
        at = match.end()
    if text[at:].strip():
        made.append((text[at:], joint))
    return made


def _in_number(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    return before.isdigit() and after.isdigit() and match[0].strip() in (",", ".") and match[0] == match[0].strip()


def spans_of(text: str, parts: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Where each piece stands in the text."""
    spans, at = [], 0
    for piece, _ in parts:
        start = text.index(piece, at)
        spans.append((start, start + len(piece)))
        at = start + len(piece)
    return spans


def refers(text: str) -> bool:
    """Whether a part speaks of an earlier result ("convert it", "the result", 结果)."""
    return _REFERS.search(text) is not None


def follows(text: str) -> bool:
    """Whether a short question leans on the one before it: "and in Rome?", "what about A-43", "上海呢？"."""
    return len(text) <= 80 and _FOLLOWS.search(text) is not None
