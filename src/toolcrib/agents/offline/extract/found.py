"""A value found in a text, with its place and how sure the find is; texts made even before reading."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TEXT_LIMIT_CHARS = 4000
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value and the span it was read from; ``strength`` (0..1) says how sure the find is."""

    value: Any
    start: int
    end: int
    strength: float = 1.0

    @property
    def span(self) -> Span:
        """The place in the text."""
        return (self.start, self.end)


def even(text: str) -> str:
    """The text cut to the limit, with full-width signs as plain ones; every character keeps its place."""
    return "".join(_even_char(char) for char in text[:TEXT_LIMIT_CHARS])


def _even_char(char: str) -> str:
    if char < "\x80":
        return char if char not in "\r\t\x0b\x0c" else " "
    if char in "\u00a0\u3000\u2007\u202f":
        return " "
    if char == "。":
        return "."
    if "\uff00" <= char <= "\uffef":
        plain = unicodedata.normalize("NFKC", char)
        return plain if len(plain) == 1 else char
    return {"−": "-", "–": "-", "’": "'", "‘": "'", "…": "."}.get(char, char)


def overlaps(span: Span, spans: Iterable[Span]) -> bool:
    """Whether a span shares a character with one of the others."""
    return any(span[0] < end and start < span[1] for start, end in spans)


def free(finds: Iterable[Found], taken: Iterable[Span]) -> list[Found]:
    """The finds that touch none of the taken spans."""
    spans = tuple(taken)
    return [one for one in finds if not overlaps(one.span, spans)]


def is_cjk(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def words_in(line: str) -> tuple[str, ...]:
    """The words of a line; tables of words are written as lines."""
    return tuple(line.split())
