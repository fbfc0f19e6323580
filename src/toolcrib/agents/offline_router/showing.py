"""Any JSON value as short text."""

from collections.abc import Mapping, Sequence
from typing import Any

_MOST_LINES = 10
_MOST_INNER = 6
_MOST_CHARS = 300
_DEEPEST = 3


def compact(value: Any) -> str:
    """A scalar as it is written in a sentence."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return _cut(" ".join(str(value).split()))


def one_line(value: Any, depth: int = 0) -> str:
    """Any value on one line; what is deeper than three levels is only counted."""
    match value:
        case Mapping():
            if depth >= _DEEPEST:
                return f"({len(value)} fields)"
            return _cut(", ".join(_field(name, inner, depth) for name, inner in value.items()))
        case list() | tuple():
            if depth >= _DEEPEST:
                return f"({len(value)} items)"
            return _listed(value, depth)
        case _:
            return compact(value)


def lines_of(value: Mapping[str, Any] | Sequence[Any], *, chinese: bool = False) -> list[str]:
    """A line for each item of a list, one for a mapping; a long list ends with how many are left out."""
    if isinstance(value, Mapping):
        return _mapping(value, chinese)
    shown = [one_line(item) for item in value[:_MOST_LINES]]
    if value and all(not isinstance(item, (Mapping, list)) for item in value):
        shown = [_cut(", ".join(shown))]
    left = len(value) - _MOST_LINES
    if left > 0:
        shown.append(f"另有 {left} 项（共 {len(value)} 项）" if chinese else f"and {left} more ({len(value)} in all)")
    return shown


def _mapping(value: Mapping[str, Any], chinese: bool) -> list[str]:
    """A mapping that merely wraps one list shows that list; any other is one line."""
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner and isinstance(inner[0], Mapping)]
    if len(lists) != 1:
        line = one_line(value)
        return [line] if line else []
    rest = {name: inner for name, inner in value.items() if inner is not lists[0]}
    head = [one_line(rest)] if rest else []
    return [*head, *lines_of(lists[0], chinese=chinese)]


def _field(name: str, value: Any, depth: int) -> str:
    words = str(name).replace("_", " ")
    if isinstance(value, (Mapping, list)):
        return f"{words} ({one_line(value, depth + 1)})" if value else f"{words} none"
    return f"{words} {compact(value)}"


def _listed(value: Sequence[Any], depth: int) -> str:
    plain = all(not isinstance(item, (Mapping, list)) for item in value)
    shown = (", " if plain else "; ").join(one_line(item, depth + 1) for item in value[:_MOST_INNER])
    left = len(value) - _MOST_INNER
    return _cut(f"{shown}, +{left}" if left > 0 else shown)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"
