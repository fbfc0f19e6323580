"""A question in parts: where it may be cut, and which parts speak of what came before."""

import re
from collections.abc import Callable, Sequence

from toolcrib.agents.offline_router.extract.text import find_quoted

_CUT = re.compile(
    r"""
    [;；]\s*(?:and\s+|then\s+)?
    | [.。?？!！]+(?:\s+|(?=[一-鿿]))
      (?:(?:and|also|then|next|after\ that|finally|plus|然后|再|另外|还有|并且|顺便|接着)[\s,，]*)*
    | [,，、]?\s*\b(?:and\s+(?:then|also|after\ that|finally)|then|after\ that|as\s+well\s+as|also|plus|and|&)\b[\s,]*
    | [,，、]\s*(?:然后|再|另外|还有|并且|顺便|接着|同时|也|以及|最后)?
    | 然后|并且|另外|还有|顺便|接着|同时|以及|和
    | \n+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_REFERS = re.compile(
    r"\b(?:it|that(?!\s+(?:is|was|says|i|we|you)\b)|them|those|these|this|there|its|their|his|her|"
    r"the\s+(?:result|answer|total|number|value|amount|sum|output|price|same|quote|outcome|address))\b|"
    r"它|其|结果|那个|那里|那边|那儿|这个(?!月|周|星期|城市)|再把|上面|刚才|得数|答案|该(?:订单|用户|客户)",
    re.IGNORECASE,
)
_THERE = re.compile(r"\bthere\b|那里|那边|那儿|当地", re.IGNORECASE)
_MOST_PARTS = 6


def cuts(text: str) -> list[tuple[int, int]]:
    """The places where a text may be cut, as the spans of what joins the sides; none within quotes."""
    quotes = [one.span for one in find_quoted(text)]
    places = []
    for match in _CUT.finditer(text):
        inside = any(start < match.end() and match.start() < end for start, end in quotes)
        if not inside and text[: match.start()].strip() and text[match.end() :].strip():
            places.append(match.span())
    return places


def parts_of(text: str, stands: Callable[[str, bool], bool]) -> tuple[str, ...]:
    """The parts that each make a call of their own, from left to right; the whole text when there are no two.

    ``stands`` says whether a piece makes a call of its own; its second argument, whether it comes after another part
    and may lean on it.
    """
    pieces = _pieces(text)
    if len(pieces) < 2:
        return (text,)
    made: list[str] = []
    start, end = pieces[0]
    for after_start, after_end in pieces[1:]:
        left = text[start:end]
        if len(made) < _MOST_PARTS - 1 and stands(left, bool(made)) and _follows(text, after_start, pieces, stands):
            made.append(left)
            start = after_start
        end = after_end
    return (*made, text[start:end])


def refers(part: str) -> bool:
    """Whether a part speaks of something said or found before."""
    return _REFERS.search(part) is not None


def there(part: str) -> bool:
    """Whether a part speaks of a place said before."""
    return _THERE.search(part) is not None


def _pieces(text: str) -> list[tuple[int, int]]:
    places = cuts(text)[:12]
    starts = [0, *(end for _, end in places)]
    ends = [*(start for start, _ in places), len(text)]
    return list(zip(starts, ends, strict=True))


def _follows(text: str, start: int, pieces: Sequence[tuple[int, int]], stands: Callable[[str, bool], bool]) -> bool:
    """Whether what begins here makes a call, alone or with the pieces behind it."""
    return any(stands(text[start:end], True) for _, end in pieces if end > start)
