"""Texts: a value as a model reads it, in pieces when it is large, so that writing it never holds the interpreter long.

JSON is written by C code that lets no other thread run meanwhile: 94 MB in one go hold the event loop for seconds, also
from a thread. A large value is therefore written part by part, where its lists and mappings can be cut.
"""

import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from toolcrib.core.results import json_tree, jsonable

T = TypeVar("T")
PIECE = 64 * 1024
"""About so many characters are written in one go: some milliseconds."""
MAX_DEPTH = 200
_SCALARS = frozenset({int, float, bool, type(None)})
_LISTS = (list, tuple, set, frozenset, deque)


def is_small(value: Any) -> bool:
    """Whether the value can be written in one go; found out in bounded time, however large it is."""
    try:
        return _weight(value) < PIECE
    except Exception:  # noqa: BLE001 - outer guard: the tool's value may be anything, and raise when it is looked at
        return False


def text_pieces(value: Any) -> list[str]:
    """The pieces of `ToolResult.text` for a value; meant to be run in a thread when the value is not small.

    What is no list, tuple or mapping, such as one large model, is a piece as a whole.
    """
    if isinstance(value, str):
        return [value]
    try:
        fields = getattr(type(value), "__dataclass_fields__", None)
        return [*_value({name: getattr(value, name, None) for name in fields} if fields else value, 0)]
    except Exception:  # noqa: BLE001 - outer guard: the tool's value may be circular, endless, broken, no UTF-8
        return [json.dumps(jsonable(value), ensure_ascii=False)]


def _value(value: Any, depth: int) -> Iterator[str]:
    """The value in pieces.

    Raises:
        RecursionError: it is nested too deep, or in itself.
    """
    if depth > MAX_DEPTH:
        raise RecursionError
    if not isinstance(value, list | tuple | dict) or _weight(value) < PIECE:
        yield _dumped([value])
    elif isinstance(value, dict):
        yield "{"
        for number, group in enumerate(_groups(value.items(), _weight)):
            yield ", " * bool(number)
            (first, inner), *others = group
            if others:
                yield _dumped(dict(group))
            else:
                yield _dumped({first: 0})[:-1]
                yield from _value(inner, depth + 1)
        yield "}"
    else:
        yield "["
        for number, group in enumerate(_groups(value, _weight)):
            yield ", " * bool(number)
            yield from [_dumped(group)] if len(group) > 1 else _value(group[0], depth + 1)
        yield "]"


def _dumped(part: list[Any] | dict[Any, Any]) -> str:
    """The JSON text of the elements, without the brackets around them."""
    return json.dumps(json_tree(part), ensure_ascii=False)[1:-1]


def _groups(items: Iterable[T], weigh: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in groups of about one piece each; what weighs more stands alone."""
    group: list[T] = []
    weight = 0
    for item in items:
        own = weigh(item)
        if group and weight + own > PIECE:
            yield group
            group, weight = [], 0
        group.append(item)
        weight += own
    if group:
        yield group


def _weight(value: Any) -> int:
    """About how many characters the value has; not counted beyond one piece."""
    total = 0
    waiting: list[Collection[Any]] = [(value,)]
    while waiting and total < PIECE:
        part = waiting.pop()
        total += 8 * len(part)
        if total >= PIECE:
            break
        for one in part:
            kind = type(one)
            if kind is str or kind is bytes:
                total += len(one)
            elif kind not in _SCALARS:
                waiting += _parts(one)
    return total


def _parts(one: Any) -> tuple[Collection[Any], ...]:
    """What a container or an object is made of."""
    if isinstance(one, dict):
        return one.keys(), one.values()
    if isinstance(one, _LISTS):
        return (one,)
    fields = getattr(type(one), "__dataclass_fields__", ())
    return (vars(one).values(),) if hasattr(one, "__dict__") else ([getattr(one, name, None) for name in fields],)
