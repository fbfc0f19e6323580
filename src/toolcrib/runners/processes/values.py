"""Values between this process and its workers: JSON, with marks for what JSON cannot say; nothing is ever pickled.

Read back, a value can only be data: a worker, whatever has become of it, cannot make this process run code.
"""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PosixPath, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from pydantic import BaseModel

from toolcrib.core.results import jsonable, said
from toolcrib.runners.processes.pieces import join

MARK = "$"
INT_BITS = 63
_LAST = frozenset({str, int, float, bool, type(None)})


class TooLarge(Exception):
    """A value is larger than it may be; `size` tells by bytes of JSON, or of its one part that is too large alone."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Dumped(NamedTuple):
    """A value as JSON, whether there are marks in it, and the tree that was written."""

    body: bytes
    marked: bool
    tree: Any


def dump(value: Any, *, most_bytes: int) -> Dumped:
    """`value` as JSON.

    JSON types, bytes, dates and times, `Decimal`, `UUID`, `Path`, tuples and sets keep their type. Enumerations become
    their value, models and dataclasses mappings, anything else what `jsonable` makes of it.

    Raises:
        TooLarge: there are more than so many bytes of it.
    """
    writer = _Writer(most_bytes)
    try:
        tree = writer.write(value)
        body = orjson.dumps(tree)
    except (RecursionError, TypeError, ValueError, AttributeError):  # circular, too deep, or broken
        tree, writer.marked = said(value, repr), False
        body = orjson.dumps(tree)
    if len(body) > most_bytes:
        raise TooLarge(len(body))
    return Dumped(body, writer.marked, tree)


def load(body: bytes | memoryview, *, marked: bool) -> Any:
    """The value that `dump` was given, as far as it keeps types."""
    value = orjson.loads(body)
    return unmark(value) if marked else value


def load_pieces(pieces: bytes | memoryview, *, marked: bool) -> Any:
    """The same of a large value that came in pieces."""
    value = join(pieces)
    return unmark(value) if marked else value


class _Writer:
    """One walk over a value."""

    __slots__ = ("_most_bytes", "marked")

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.marked = False

    def write(self, value: Any) -> Any:
        """`value` in terms of JSON and marks."""
        kind = type(value)
        if kind in _LAST:
            return value if kind is not int and kind is not float and kind is not str else self._plain(value, kind)
        if kind is list:
            return [self.write(one) for one in value]
        if kind is dict:
            return self._mapping(value)
        if kind in (bytes, bytearray) and len(value) > self._most_bytes:
            raise TooLarge(len(value))
        if say := _SAID.get(kind):
            return self._mark(kind.__name__, say(value))
        if kind in (tuple, set, frozenset):
            return self._mark(kind.__name__, [self.write(one) for one in value])
        if isinstance(value, Path):
            return self._mark("Path", str(value))
        return self._foreign(value)

    def _plain(self, value: Any, kind: type) -> Any:
        if kind is float:
            return value if math.isfinite(value) else self._mark("float", repr(value))
        if kind is int:
            return value if value.bit_length() <= INT_BITS else self._mark("int", hex(value))
        if len(value) > self._most_bytes:
            raise TooLarge(len(value))
        try:
            value.encode()
        except UnicodeEncodeError:
            return self._mark("str", _base64(value.encode("utf-8", "surrogatepass")))
        return value

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        if all(type(key) is str for key in value) and MARK not in value:
            return {self._key(key): self.write(one) for key, one in value.items()}
        return self._mark("dict", [[self.write(key), self.write(one)] for key, one in value.items()])

    def _key(self, key: str) -> str:
        key.encode()  # a lone surrogate cannot stand in JSON: the whole value becomes text then
        return key

    def _foreign(self, value: Any) -> Any:
        """What has no mark of its own; subclasses of the types that have one come as those."""
        if isinstance(value, Enum):
            return self.write(value.value)
        if isinstance(value, BaseModel):
            return self.write(value.model_dump())
        if is_dataclass(value) and not isinstance(value, type):
            return self.write({name: getattr(value, name, None) for name in value.__dataclass_fields__})
        for base, turn in _BASES.items():
            if isinstance(value, base):
                return self.write(turn(value))
        return self.write(jsonable(value))

    def _mark(self, name: str, said_as: Any) -> dict[str, Any]:
        self.marked = True
        return {MARK: name, "v": said_as}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def unmark(value: Any) -> Any:
    """The value without its marks."""
    kind = type(value)
    if kind is list:
        return [unmark(one) for one in value]
    if kind is not dict:
        return value
    if MARK not in value:
        return {key: unmark(one) for key, one in value.items()}
    name, inner = value[MARK], value["v"]
    if name == "dict":
        return {_hashable(unmark(key)): unmark(one) for key, one in inner}
    if name in ("tuple", "set", "frozenset"):
        return _collection(name, [unmark(one) for one in inner])
    return _READ[name](inner)


def _collection(name: str, parts: list[Any]) -> Any:
    """A tuple or a set; a set's members that became mappings cannot stand in one, so it stays a list then."""
    if name == "tuple":
        return tuple(parts)
    try:
        return set(parts) if name == "set" else frozenset(parts)
    except TypeError:
        return parts


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return said(key)
    return key


_SAID: Mapping[type, Callable[[Any], Any]] = MappingProxyType(
    {
        bytes: _base64,
        bytearray: _base64,
        datetime: datetime.isoformat,
        date: date.isoformat,
        time: time.isoformat,
        timedelta: lambda value: [value.days, value.seconds, value.microseconds],
        Decimal: str,
        UUID: str,
        PosixPath: str,
        PurePosixPath: str,
    }
)
_READ: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "bytes": base64.b64decode,
        "bytearray": lambda value: bytearray(base64.b64decode(value)),
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
        "timedelta": lambda value: timedelta(days=value[0], seconds=value[1], microseconds=value[2]),
        "Decimal": Decimal,
        "UUID": UUID,
        "PosixPath": Path,
        "PurePosixPath": PurePosixPath,
        "Path": Path,
        "float": float,
        "int": lambda value: int(value, 16),
        "str": lambda value: base64.b64decode(value).decode("utf-8", "surrogatepass"),
    }
)
_BASES: Mapping[type, Callable[[Any], Any]] = MappingProxyType(
    {
        str: str.__str__,
        int: int.__int__,
        float: float.__float__,
        tuple: tuple,
        dict: dict,
        list: list,
        frozenset: frozenset,
        set: set,
        bytes: bytes,
    }
)
