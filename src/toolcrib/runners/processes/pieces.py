"""Large results in pieces: reading one piece holds the interpreter for some milliseconds, reading all at once for long.

JSON is read by C code that lets no other thread run meanwhile, so that reading 30 MB in a thread stalls the event loop
for more than half a second. A large value is therefore cut where its lists and mappings can be cut.
"""

import struct
from collections.abc import Iterator
from typing import Any

import orjson

PIECE_BYTES = 256 * 1024
_HEAD = struct.Struct("!cI")
VALUE, LIST, MAPPING, MORE, ITEMS, KEY, END = b"v", b"[", b"{", b"+", b"u", b"k", b"e"
"""What a piece is: a whole value, the begin of a list or mapping, some of its elements or items, a key, its end."""


def cut(tree: Any) -> bytes:
    """A JSON value as pieces, one behind the other."""
    return b"".join(_HEAD.pack(kind, len(body)) + body for kind, body in _value(tree))


def join(pieces: bytes | memoryview) -> Any:
    """The value again; meant to be run in a thread.

    Raises:
        ValueError: these are no pieces of a value.
    """
    key: Any = ""
    view, at, stack = memoryview(pieces), 0, [_List([])]
    while at < len(view):
        kind, size = _HEAD.unpack_from(view, at)
        at += _HEAD.size
        body = orjson.loads(view[at : at + size]) if size else None
        at += size
        if kind == KEY:
            key = body
        elif kind in (LIST, MAPPING):
            stack.append(_List([], key) if kind == LIST else _Mapping({}, key))
        elif kind == END:
            done = stack.pop()
            stack[-1].one(done.key, done.value)
        elif kind == VALUE:
            stack[-1].one(key, body)
        else:
            stack[-1].many(body)
    (value,) = stack[0].value
    return value


class _List:
    """A list in the making; `key` is its own in the mapping it will stand in."""

    def __init__(self, value: Any, key: str = "") -> None:
        self.value = value
        self.key = key

    def one(self, key: str, value: Any) -> None:
        self.value.append(value)

    def many(self, values: Any) -> None:
        self.value.extend(values)


class _Mapping(_List):
    """A mapping in the making."""

    def one(self, key: str, value: Any) -> None:
        self.value[key] = value

    def many(self, values: Any) -> None:
        self.value.update(values)


Pieces = Iterator[tuple[bytes, bytes]]


def _value(tree: Any) -> Pieces:
    body = orjson.dumps(tree)
    if len(body) <= PIECE_BYTES or not isinstance(tree, list | dict):
        yield VALUE, body
    elif isinstance(tree, list):
        yield LIST, b""
        yield from _elements(tree)
        yield END, b""
    else:
        yield MAPPING, b""
        yield from _items(list(tree.items()))
        yield END, b""


def _elements(part: list[Any]) -> Pieces:
    body = orjson.dumps(part)
    if len(body) <= PIECE_BYTES:
        yield MORE, body
    elif len(part) == 1:
        yield from _value(part[0])
    else:
        for slice_ in _slices(part, len(body)):
            yield from _elements(slice_)


def _items(part: list[tuple[str, Any]]) -> Pieces:
    body = orjson.dumps(dict(part))
    if len(body) <= PIECE_BYTES:
        yield ITEMS, body
    elif len(part) == 1:
        yield KEY, orjson.dumps(part[0][0])
        yield from _value(part[0][1])
    else:
        for slice_ in _slices(part, len(body)):
            yield from _items(slice_)


def _slices(part: list[Any], size: int) -> Iterator[list[Any]]:
    """As many slices as would be small enough were all elements of one size; at least two."""
    step = max(1, len(part) // (size // PIECE_BYTES + 1))
    step = min(step, (len(part) + 1) // 2)
    return (part[at : at + step] for at in range(0, len(part), step))
