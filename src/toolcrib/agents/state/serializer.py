"""The serializer of checkpoints: state classes of the project stand in them under names that hold no release.

`_toolcrib.graphs.asking`, `Ticket` is what is saved; the release that reads builds its own class of that name. What
LangGraph's serializer builds in its strict mode is built, data classes of the project are, and nothing else ever.
"""

import copy
import dataclasses
from collections import deque
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Any, NoReturn

import ormsgpack
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel

from toolcrib.agents.state.saved import Build, Builder, Unbuildable, is_alias, take_apart
from toolcrib.core.errors import StateUnreadable

Checkpointer = BaseCheckpointSaver[Any]

MARK = b"_toolcrib."
"""`ROOT` with its dot. What does not hold this is left to LangGraph's serializer as a whole: nothing of it is ours."""
_ONE, _POSITIONS, _FIELDS, _MODEL, _SNAPSHOT = 0, 1, 2, 5, 7
_OPTIONS = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID
    | ormsgpack.OPT_REPLACE_SURROGATES
)
_CONTAINERS = (set, frozenset, deque, Send, Interrupt, Command)
"""What may hold objects of the project and is none; all others are LangGraph's to build."""


class StateSerializer(JsonPlusSerializer):
    """Saves and reads for one release."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._builder = builder
        self._build: Build = builder.build
        self._is_loose = False
        self._taken: frozenset[tuple[str, ...]] = frozenset()

    def with_msgpack_allowlist(self, extra_allowlist: Any) -> "StateSerializer":
        """A serializer that also builds these: what the schemas of a graph name."""
        clone = super().with_msgpack_allowlist(extra_allowlist)
        assert isinstance(clone, StateSerializer)
        if clone is self:
            clone = copy.copy(self)
        names = {one if isinstance(one, tuple) else (one.__module__, one.__name__) for one in extra_allowlist}
        clone._taken = self._taken | {one for one in names if not is_alias(one[0])}
        return clone

    def loosely(self) -> "StateSerializer":
        """The same, but objects of the project are read by their fields, as migrations want them."""
        clone = copy.copy(self)
        clone._build = self._builder.loosely
        clone._is_loose = True
        return clone

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """As LangGraph's, with objects of the project under their lasting names.

        Raises:
            StateUnreadable: an object's class could not be found again.
        """
        if not self._is_loose:  # fields that a migration saw do not tell by themselves that they are an object's
            kind, packed = super().dumps_typed(obj)
            if kind != "msgpack" or MARK not in packed:
                return kind, packed
        if obj is None or isinstance(obj, (bytes, bytearray)):
            return super().dumps_typed(obj)
        return "msgpack", _Packing(self).pack(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """As LangGraph's, with objects of the project as those of the release.

        Raises:
            StateUnreadable: the release has no class for one, or its class does not take it.
        """
        kind, packed = data
        if kind != "msgpack" or MARK not in packed:
            return super().loads_typed(data)
        return _Unpacking(self).unpack(packed)

    def plainly(self, obj: Any) -> ormsgpack.Ext | Any:
        """What LangGraph's serializer makes of a value that ormsgpack does not know."""
        return ormsgpack.unpackb(super().dumps_typed(obj)[1], ext_hook=ormsgpack.Ext, option=ormsgpack.OPT_NON_STR_KEYS)

    def plain(self, code: int, data: bytes) -> Any:
        """What LangGraph's serializer makes of a packed value."""
        return super().loads_typed(("msgpack", ormsgpack.packb(ormsgpack.Ext(code, data))))

    def check(self, module: str, name: str) -> None:
        """See that a class of the project can be found by its name.

        Raises:
            Unbuildable: it cannot, e.g. because it is made inside a function.
        """
        self._builder.kind(module, name)

    def built(self, module: str, name: str, code: int, content: Any) -> Any:
        """An object of the project."""
        return self._build(module, name, code, content)

    def may_build(self, module: str, name: str) -> type[Any] | None:
        """An installed class that may be built around objects of the project; None when LangGraph would not."""
        for kind in _CONTAINERS:
            if (kind.__module__, kind.__name__) == (module, name):
                return kind
        return getattr(import_module(module), name, None) if (module, name) in self._taken else None


class _Packing:
    """One value on its way out. ormsgpack says of an error only that there was one, so it is kept here."""

    def __init__(self, serializer: StateSerializer) -> None:
        self._serializer = serializer
        self._error: Exception | None = None

    def pack(self, value: Any) -> bytes:
        try:
            return ormsgpack.packb(value, default=self._default, option=_OPTIONS)
        except (TypeError, ValueError) as error:
            _raise(self._error or error, "cannot be saved", "Define its class at the top of a module of the project.")

    def _default(self, value: Any) -> Any:
        try:
            return self._packed(value)
        except Exception as error:  # outer guard: kept and raised by `pack`; values may be of the project
            self._error = self._error or error
            raise

    def _packed(self, value: Any) -> Any:
        if (apart := take_apart(value)) is not None:
            code, module, name, content = apart
            self._serializer.check(module, name)
            return self._ext(code, module, name, content)
        kind = type(value)
        if isinstance(value, (str, int, float, list, dict)) and not isinstance(value, Enum):  # of a subclass
            return _base(value)
        if kind in (set, frozenset, deque):
            return self._ext(_ONE, kind.__module__, kind.__name__, tuple(value))
        if isinstance(value, Send) and getattr(value, "timeout", None) is None:
            return self._ext(_POSITIONS, kind.__module__, kind.__name__, (value.node, value.arg))
        if dataclasses.is_dataclass(value) and not isinstance(value, BaseModel):
            fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
            return self._ext(_FIELDS, kind.__module__, kind.__name__, fields)
        return self._serializer.plainly(value)

    def _ext(self, code: int, module: str, name: str, content: Any) -> ormsgpack.Ext:
        parts = (module, name, content)
        return ormsgpack.Ext(code, ormsgpack.packb(parts, default=self._default, option=_OPTIONS))


class _Unpacking:
    """One value on its way in; see `_Packing`."""

    def __init__(self, serializer: StateSerializer) -> None:
        self._serializer = serializer
        self._error: Exception | None = None
        self._own = 0

    def unpack(self, packed: bytes) -> Any:
        try:
            return self._unpacked(packed)
        except ValueError as error:
            hint = "Give its state a migration, or let the thread go on with the release that saved it."
            _raise(self._error or error, "cannot be read", hint)

    def _unpacked(self, packed: bytes) -> Any:
        return ormsgpack.unpackb(packed, ext_hook=self._hook, option=ormsgpack.OPT_NON_STR_KEYS)

    def _hook(self, code: int, data: bytes) -> Any:
        try:
            return self._value(code, data)
        except Exception as error:  # outer guard: kept and raised by `unpack`
            self._error = self._error or error
            raise

    def _value(self, code: int, data: bytes) -> Any:
        if MARK not in data or code not in (_ONE, _POSITIONS, _FIELDS, _MODEL, _SNAPSHOT):
            return self._serializer.plain(code, data)
        before = self._own
        found = self._unpacked(data)
        if code != _SNAPSHOT and is_alias(found[0]):
            self._own += 1
            return self._serializer.built(found[0], found[1], code, found[2])
        if self._own == before:  # text that looks like it; the project has nothing in it
            return self._serializer.plain(code, data)
        if code == _SNAPSHOT:
            return type(self._serializer.plain(code, ormsgpack.packb(None)))(found)
        module, name, content = found[:3]
        kind = self._serializer.may_build(module, name)
        return content if kind is None else _build(code, kind, content)


def _build(code: int, kind: type[Any], content: Any) -> Any:
    """An object of an installed class: of one value, of positions, or of named fields."""
    if code == _ONE:
        return kind(content)
    return kind(*content) if code == _POSITIONS else kind(**content)


def _base(value: Any) -> Any:
    """The value as its built-in type: the names of plain subclasses are not saved."""
    kinds: tuple[Callable[[Any], Any], ...] = (str, int, float, list, dict)
    return next(kind(value) for kind in kinds if isinstance(value, kind))  # type: ignore[arg-type]  # they are types


def _raise(error: Exception, what: str, hint: str) -> NoReturn:
    if isinstance(error, Unbuildable):
        raise StateUnreadable(f"the state {what}: {error}", hint=hint) from error
    raise error


def bound_to_release(checkpointer: Any, builder: Builder) -> Any:
    """A view of the checkpointer that saves and reads for one release, over the same connection.

    What is no checkpointer (None for a trial, True for a subgraph) is given back.
    """
    if not isinstance(checkpointer, BaseCheckpointSaver):
        return checkpointer
    view = copy.copy(checkpointer)
    view.serde = StateSerializer(builder)
    return view


def keeps_threads(checkpointer: Any) -> bool:
    """Whether threads are kept by toolcrib, not by a checkpointer the graph's author compiled in."""
    return checkpointer is None or isinstance(getattr(checkpointer, "serde", None), StateSerializer)
