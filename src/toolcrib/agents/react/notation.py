"""JSON as models write it: strict, or with the quotes, words, commas and comments of Python and JavaScript.

What is written in another notation is read literally. Nothing is guessed: a text that is cut off, or that could be
read in two ways, is refused. One pass; no part of a text is looked at twice.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import json_repair
import orjson

from toolcrib.agents.react.steps import Unclear
from toolcrib.agents.state.saving import TOO_LONG

MAX_CHARS = 100_000
MAX_NESTING = 32
_PROPOSED_CHARS = 500
"""Texts above it are not repaired for a proposal: the time it takes grows with the square of their length."""
BLANK = r"\s\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""For a character class: white space, and what cannot be seen."""
_TOKEN = re.compile(
    rf"""[{BLANK}]++
    | (?P<string> "(?:[^"\\]|\\.)*+(?P<end1>")? | '(?:[^'\\]|\\.)*+(?P<end2>')? | [“”][^“”]*+(?P<end3>[“”])? )
    | (?P<comment> //[^\n]*+ | \#[^\n]*+ | /\*(?:[^*]|\*(?!/))*+(?P<end4>\*/)? )
    | (?P<mark> [{{}}\[\],:=] )
    | (?P<bare> [^{BLANK}{{}}\[\],:="'“”/\#]++ | / )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 18
"""Of a number with its sign and point: so many fit into 64 bits, and come out as they were written."""
_WORDS = MappingProxyType(
    {"true": "true", "True": "true", "false": "false", "False": "false", "null": "null", "None": "null"}
)
_CONTROLS = MappingProxyType({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
_IN_TEXT = re.compile(r"""\\.|[\n\r\t"]""", re.DOTALL)
_IN_SMART_QUOTES = re.compile(r"""[\\\n\r\t"]""")
_KEY = re.compile(r"[^\W\d][\w.-]*")
_CLOSES = MappingProxyType({"{": "}", "[": "]"})
CUT_OFF = "it is cut off"
TOO_DEEP = f"it is nested more than {MAX_NESTING} deep"
_QUOTES = 'text stands in double quotes, and a double quote inside of it is written \\"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value, and the text behind it."""

    value: Any
    rest: str


def read(text: str, *, cut_short: bool = False) -> Found:
    """The object or list at the beginning of `text`.

    Args:
        text: begins with `{` or `[`.
        cut_short: the model was stopped before it was done: what is not closed is not complete.

    Raises:
        Unclear: it is cut off, or cannot be read for certain.
    """
    if len(text) > MAX_CHARS:
        raise Unclear(f"it is longer than {MAX_CHARS:,} characters")
    return _read(text, pairs=False, cut_short=cut_short)


def read_pairs(text: str) -> dict[str, Any]:
    """The named arguments of a call: `city="Paris", days=3`.

    Raises:
        Unclear: they cannot be read for certain.
    """
    if len(text) > MAX_CHARS:
        raise Unclear(f"it is longer than {MAX_CHARS:,} characters")
    found = _read(f"{{{text}}}", pairs=True, cut_short=True)
    if found.rest or not isinstance(found.value, dict):
        raise Unclear("the brackets do not match")
    return found.value


def _read(text: str, *, pairs: bool, cut_short: bool) -> Found:
    writing = _Rewriting(pairs=pairs)
    end = 0
    while end < len(text) and not writing.is_done:
        token = _TOKEN.match(text, end)
        if token is None:  # an opening quote or a sign that fits nowhere
            raise Unclear(f"{text[end]!r} does not belong there")
        end = token.end()
        writing.take(token)
    if not writing.is_done:
        if cut_short or not writing.lacks_last_brace(text):
            raise Unclear(CUT_OFF)
        writing.close()
    try:
        value = orjson.loads(" ".join(writing.out))
    except orjson.JSONDecodeError as error:
        raise Unclear(f"it is not valid JSON: {_QUOTES}") from error
    if _keys(value) != writing.colons:
        raise Unclear("it names the same key twice")
    return Found(value=value, rest=text[end:])


class _Rewriting:
    """Writes the tokens of one value again, as JSON."""

    def __init__(self, *, pairs: bool) -> None:
        self.out: list[str] = []
        self.colons = 0
        self._pairs = pairs
        self._open: list[str] = []
        self._last = ""
        """The last token that was not blank."""

    @property
    def is_done(self) -> bool:
        return bool(self.out) and not self._open

    def take(self, token: re.Match[str]) -> None:
        kind, text = token.lastgroup, token.group()
        match kind:
            case "mark":
                self._mark(text)
            case "bare":
                self._bare(text)
            case None:
                return
            case "comment":
                text = ","  # what follows may have been cut off with it
            case _:
                self.out.append(_string(token))
        self._last = text

    def lacks_last_brace(self, text: str) -> bool:
        """Whether all values are complete, and only the last brace is missing; a number may have more digits."""
        if len(self._open) != 1 or self._last in (",", ":", "=", "{", "["):
            return False
        return not (_NUMBER.fullmatch(self._last) and text[-1:].isdigit())

    def close(self) -> None:
        """Write the brace that is missing at the end."""
        self._mark(_CLOSES[self._open[-1]])

    def _mark(self, text: str) -> None:
        if text in _CLOSES:
            self._open.append(text)
            if len(self._open) > MAX_NESTING:
                raise Unclear(TOO_DEEP)
        elif text in ("}", "]"):
            if not self._open or _CLOSES[self._open.pop()] != text:
                raise Unclear("the brackets do not match")
            if self.out[-1] == ",":
                self.out.pop()
        elif text == "=" and not (self._pairs and len(self._open) == 1):
            raise Unclear("'=' does not belong there")
        self.colons += text in (":", "=")
        self.out.append(":" if text == "=" else text)

    def _bare(self, text: str) -> None:
        if word := _WORDS.get(text) or _number(text):
            self.out.append(word)
        elif self.out[-1] in ("{", ",") and self._open[-1] == "{" and _KEY.fullmatch(text):
            self.out.append(f'"{text}"')
        else:
            raise Unclear(f"{text[:40]!r} is no JSON value: {_QUOTES}")


def _string(token: re.Match[str]) -> str:
    """A string as JSON; line breaks in it stay, escapes must be those of JSON or an escaped quote."""
    if not (token["end1"] or token["end2"] or token["end3"]):
        raise Unclear(CUT_OFF)
    quote, inner = token.group()[0], token.group()[1:-1]
    pattern = _IN_TEXT if quote in "\"'" else _IN_SMART_QUOTES
    return f'"{pattern.sub(_sign, inner)}"'


def _sign(found: re.Match[str]) -> str:
    """An escape, or a sign that has to be one in JSON."""
    match found.group():
        case "\\'":
            return "'"
        case '"':
            return '\\"'
        case "\\":
            return "\\\\"
        case text if text in _CONTROLS:
            return _CONTROLS[text]
        case text if text[1:] in _CONTROLS:
            raise Unclear("a backslash stands at the end of a line or before a tab")
        case text:
            return text


def _number(text: str) -> str:
    """A number as written; empty for anything else, and for what would not come out as it was written."""
    if not _NUMBER.fullmatch(text):
        return ""
    if len(text) > _MOST_DIGITS:
        raise Unclear(f"the number {text[:40]} {TOO_LONG}")
    return text


def _keys(value: Any) -> int:
    """How many keys all objects in it have."""
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if isinstance(value, list) else 0


def proposal(text: str) -> str:
    """A repaired reading of an object that cannot be read, for the model to confirm by writing it; empty without.

    A repair is a guess, and never carried out.
    """
    if len(text) > _PROPOSED_CHARS:
        return ""
    try:
        value = json_repair.loads(text, skip_json_loads=True)
        written = orjson.dumps(value).decode()
    except (ValueError, TypeError, RecursionError):  # too deep, or JSON has no word for what is in it
        return ""
    return f"If you mean {written} write exactly that" if isinstance(value, dict) and value else ""
