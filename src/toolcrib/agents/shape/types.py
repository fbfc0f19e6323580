"""Type hints as JSON Schema: the same text in every process and release while the type means the same."""

import dataclasses
import json
import re
import types
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Annotated, Any, Final, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from toolcrib.core.names import ROOT, without_digests

JsonSchema = dict[str, Any]

_PLAIN = types.MappingProxyType[Any, str](
    {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", None: "null"}
)
_LISTS = frozenset({list, deque, Iterable, Sequence, MutableSequence})
_SETS = frozenset({set, frozenset, AbstractSet})
_MAPPINGS = frozenset({dict, Mapping, MutableMapping})
_WRAPPERS = frozenset({Annotated, Required, NotRequired, Final})
_BAD_HINTS = (AttributeError, NameError, SyntaxError, TypeError)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def schema_of(hint: Any, *, within: tuple[Any, ...] = ()) -> JsonSchema:
    """The schema of a type hint.

    Classes of the project are told by their fields, for these change with an edit; all others by their name.

    Args:
        hint: a type, or anything that may stand for one in an annotation.
        within: classes this hint is part of; one that is met again is told by its name.
    """
    if hint is Any or hint is object:
        return {}
    if hint is None or (isinstance(hint, type) and hint in _PLAIN):
        return {"type": _PLAIN[hint]}
    for names_another in ("__supertype__", "__value__"):  # `NewType` and `type X = ...`
        if (other := getattr(hint, names_another, None)) is not None:
            return schema_of(other, within=within)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in _WRAPPERS or str(origin).endswith(".ReadOnly"):  # of two modules, by version of Python
        return schema_of(inner[0], within=within)
    if origin is Literal:
        return {"enum": [_plain(value) for value in inner]}
    if origin in (Union, types.UnionType):
        return _one_of(schema_of(one, within=within) for one in inner)
    if (container := _container(origin or hint, inner, within)) is not None:
        return container
    return _class(hint, within)


def name_of(value: Any) -> str:
    """Where a class or function of the project is; of an installed one only the package, within which it may be moved.

    Of anything else it is the text.
    """
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if get_origin(value) is not None or not module or not name:
        return _ADDRESS.sub("", without_digests(repr(value)))
    if module.startswith(f"{ROOT}."):
        return without_digests(f"{module}.{name}")
    return f"{module.partition('.')[0]}.{name.rpartition('.')[2]}"


def _one_of(schemas: Iterable[JsonSchema]) -> JsonSchema:
    """Any of these, in an order that does not depend on how they were written."""
    return {"anyOf": sorted(schemas, key=lambda one: json.dumps(one, sort_keys=True, default=str))}


def _container(origin: Any, inner: tuple[Any, ...], within: tuple[Any, ...]) -> JsonSchema | None:
    """Lists, sets, tuples and mappings; None for anything else."""
    parts = [schema_of(one, within=within) for one in inner if one is not ...]
    first: JsonSchema = parts[0] if parts else {}
    if origin in _LISTS:
        return {"type": "array", "items": first}
    if origin in _SETS:
        return {"type": "array", "items": first, "uniqueItems": True}
    if origin is tuple:
        if not inner or inner[-1] is ...:
            return {"type": "array", "items": first, "format": "tuple"}
        return {"type": "array", "prefixItems": parts, "format": "tuple"}
    if origin in _MAPPINGS:
        names = {"propertyNames": parts[0]} if parts and parts[0] not in ({"type": "string"}, {}) else {}
        return {"type": "object", "additionalProperties": parts[1] if len(parts) > 1 else {}, **names}
    return None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else _ADDRESS.sub("", repr(value))


def _class(hint: Any, within: tuple[Any, ...]) -> JsonSchema:
    if isinstance(hint, type) and hint.__module__.startswith(f"{ROOT}.") and hint not in within:
        try:
            return _own_class(hint, (*within, hint))
        except _BAD_HINTS:  # it names types that are nowhere; LangGraph has done without them
            return {"class": name_of(hint)}
    return {"class": name_of(hint)}


def _own_class(kind: type[Any], within: tuple[Any, ...]) -> JsonSchema:
    """A class of the project by what its instances hold. A typed dictionary is saved as one, others with their name."""
    if issubclass(kind, Enum):
        return {"class": name_of(kind), "enum": [_plain(member.value) for member in kind]}
    if issubclass(kind, dict) and hasattr(kind, "__required_keys__"):
        return _fields(get_type_hints(kind, include_extras=True), kind.__required_keys__, within)
    if issubclass(kind, BaseModel):
        hints = {name: field.annotation for name, field in kind.model_fields.items()}
        schema = _fields(hints, required_of(kind), within)
        for name, field in kind.model_fields.items():
            schema["properties"][name] |= constraints(field.metadata)
        return {"class": name_of(kind), **schema}
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        own = {one.name: hints[one.name] for one in dataclasses.fields(kind)}
        return {"class": name_of(kind), **_fields(own, required_of(kind), within)}
    return {"class": name_of(kind)}


def _fields(hints: Mapping[str, Any], required: Iterable[str], within: tuple[Any, ...]) -> JsonSchema:
    properties = {name: schema_of(hint, within=within) for name, hint in hints.items()}
    return {"type": "object", "properties": properties, "required": sorted(required)}


def is_built(kind: Any) -> bool:
    """Whether instances are built from their fields and refuse to be when one is missing."""
    return dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel))


def required_of(kind: Any) -> frozenset[str]:
    """Fields without a default of a pydantic model or a dataclass."""
    if dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        fields = dataclasses.fields(kind)
        return frozenset(one.name for one in fields if one.default is missing and one.default_factory is missing)
    return frozenset(name for name, field in kind.model_fields.items() if field.is_required())


def constraints(metadata: Iterable[Any]) -> JsonSchema:
    """What a pydantic field asks of its value beyond its type; what can be called there is a reducer."""
    texts = sorted(_ADDRESS.sub("", without_digests(repr(one))) for one in metadata if not callable(one))
    return {"constraints": texts} if texts else {}
