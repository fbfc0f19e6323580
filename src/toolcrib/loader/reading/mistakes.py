"""Checking a part of a YAML file against a pydantic model; what pydantic refuses becomes reasons in plain words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.interpolation import Interpolated
from toolcrib.loader.reading.places import MAX_REASONS
from toolcrib.loader.reading.yaml_source import At, Document, Path

M = TypeVar("M", bound=BaseModel)

_NOT_YET = "this version of toolcrib does not have {} yet"
# path, `*` for any name -> what is missing; `=value` behind a path: only that value of it
NOT_YET = MappingProxyType(
    {
        "http": "HTTP tools written in YAML (`http`)",
        "mcp": "tools of MCP servers (`mcp`)",
        "stores": "a choice of stores (`stores`)",
        "auth": "authentication (`auth`)",
        "telemetry": "telemetry settings (`telemetry`)",
        "alerts": "alerts (`alerts`)",
        "tenants": "tenants (`tenants`)",
    }
)

_TEXT, _WHOLE, _NUMBER = "must be text", "must be a whole number", "must be a number"
_LIST, _MAPPING = "must be a list", "must be a mapping (`key: value`)"
_SECONDS = "must be a number of seconds greater than 0"
# pydantic's type of error -> what is expected
_EXPECTED = MappingProxyType(
    {
        **dict.fromkeys(("string_type", "string_unicode"), _TEXT),
        **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
        **dict.fromkeys(("float_type", "float_parsing", "finite_number", "decimal_type", "decimal_parsing"), _NUMBER),
        **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
        **dict.fromkeys(("tuple_type", "list_type"), _LIST),
        **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _MAPPING),
    }
)
# pydantic's type of error -> words, and the name of the bound in its context
_BOUNDS = MappingProxyType(
    {
        "greater_than": ("greater than", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("less than", "lt"),
        "less_than_equal": ("at most", "le"),
    }
)
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file as read: as it stands there, and with its variables filled in."""

    document: Document
    values: Interpolated

    def value(self, path: Path) -> Any:
        """The value at `path` with its variables filled in; None when there is none."""
        return _lookup(self.values.data, path)

    def written(self, path: Path) -> Any:
        """The value at `path` as written: safe to show."""
        return _lookup(self.document.data, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Generic[M]):
    """What became of a part.

    Attributes:
        model: the part; None when something in it is wrong.
        reasons: everything that is wrong.
        usable: the part with defaults in place of what is wrong, for checks that go on.
        wrong: names of the fields of `usable` that say nothing.
    """

    model: M | None
    reasons: tuple[Reason, ...]
    usable: M
    wrong: frozenset[str]


def check(model: type[M], reading: Reading, path: Path) -> Checked[M]:
    """Check the part at `path` against `model`; every field of `model` has a default."""
    value = reading.value(path)
    if value is None:
        return Checked(model=model(), reasons=(), usable=model(), wrong=frozenset())
    if not isinstance(value, dict):
        reasons = () if reading.values.has_failed(path) else (wrong_type(reading, path, _MAPPING),)
        return Checked(model=None, reasons=reasons, usable=model(), wrong=frozenset(model.model_fields))
    value = _without_empty(model, value)
    found = _refused(model, value, reading, path) | dict(_bools_for_numbers(model, value, reading, path))
    wrong = {str(place[len(path)]) for place in found if len(place) > len(path)}
    wrong |= {str(one[len(path)]) for one in reading.values.failed if one[: len(path)] == path and len(one) > len(path)}
    if path in found:  # the fields are right one by one, but not together
        wrong |= set(model.model_fields)
    usable = model.model_validate({key: inner for key, inner in value.items() if key not in wrong})
    whole = None if found or wrong else usable
    return Checked(model=whole, reasons=tuple(found.values()), usable=usable, wrong=frozenset(wrong))


def unknown_key(reading: Reading, path: Path, allowed: Mapping[str, Any] | frozenset[str]) -> Reason:
    """The reason for a key nobody knows, or one that this version does not have yet."""
    key, parent = str(path[-1]), label(path[:-1])
    if words := NOT_YET.get(_pattern(path)):
        return _not_yet(reading, path, words, key=True)
    message = f"unknown key {key!r}" + (f" in {parent}" if parent else "")
    hint = did_you_mean(key, allowed)
    return reading.document.reason("unknown_key", message, path=path, hint=hint, at="key")


def wrong_type(reading: Reading, path: Path, expected: str) -> Reason:
    """The reason for a value of the wrong kind."""
    written = reading.written(path)
    message = f"{label(path) or 'the file'} {expected}{_but(written)}"
    return reading.document.reason("wrong_type", message, path=path, hint=_form(expected, written))


def label(path: Path) -> str:
    """`agents.support.tools[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _refused(model: type[M], value: Any, reading: Reading, path: Path) -> dict[Path, Reason]:
    """What pydantic refuses: the path of each mistake -> its reason."""
    found: dict[Path, Reason] = {}
    try:
        model.model_validate(value)
    except ValidationError as error:
        for detail in islice(error.errors(include_url=False), MAX_REASONS):
            place = _place(reading, path, detail["loc"])
            if place in found or detail["type"] == "is_subclass_of" or reading.values.has_failed(place):
                continue
            found[place] = _reason(model, detail, reading, place, path)
    return found


def _reason(model: type[M], detail: ErrorDetails, reading: Reading, place: Path, path: Path) -> Reason:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        owner = _model_at(model, place[len(path) : -1])
        return unknown_key(reading, place, frozenset(owner.model_fields if owner else ()))
    if kind == "missing":
        key = str(detail["loc"][-1])
        message = f"{label(place) or 'the file'} has no {key!r}"
        return reading.document.reason("missing_key", message, path=place, hint=f"Add `{key}: …`.", at="key")
    written = reading.written(place)
    shown = "{}" if isinstance(written, dict) else written
    if words := NOT_YET.get(f"{_pattern(place)}={shown}"):
        return _not_yet(reading, place, words, key=False)
    seconds = str(place[-1]).endswith("_s") if place else False
    if expected := _EXPECTED.get(kind):
        return wrong_type(reading, place, _SECONDS if seconds and expected is _NUMBER else expected)
    if reading.values.is_foreign(place) and kind == "value_error":
        expected = "does not fit here"  # the model's own words may quote the value, which may be secret
    else:
        expected = _value_words(kind, context, detail["msg"], seconds=seconds)
    message = f"{label(place)} {expected}{_but(written) if expected.startswith('must') else ''}"
    hint = ""
    if kind == "literal_error" and isinstance(written, str):
        hint = did_you_mean(written, re.findall(r"'([^']*)'", context["expected"]))
    return reading.document.reason("wrong_value", message, path=place, hint=hint)


def _value_words(kind: str, context: Mapping[str, Any], message: str, *, seconds: bool) -> str:
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        if seconds and context[name] == 0:
            return _SECONDS
        return f"must be {words} {context[name]:.15g}{' seconds' if seconds else ''}"
    if kind == "literal_error":
        return f"must be one of {context['expected']}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "value_error":
        return f"is wrong: {context['error']}"
    return f"is wrong: {message[:1].lower()}{message[1:]}"


def _not_yet(reading: Reading, path: Path, words: str, *, key: bool) -> Reason:
    message = _NOT_YET.format(words)
    at: At = "key" if key else "value"
    hint = "Remove it." if key else "Use another value."
    return reading.document.reason("not_available", message, path=path, hint=hint, at=at)


def _place(reading: Reading, path: Path, loc: tuple[int | str, ...]) -> Path:
    """The path of the data that pydantic means; names of union members, and missing keys, are not in the data."""
    value = reading.written(path)
    for part in loc:
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if inside:
            path, value = (*path, part), value[part]
    return path


def _bools_for_numbers(
    model: type[BaseModel], value: dict[str, Any], reading: Reading, path: Path
) -> Iterator[tuple[Path, Reason]]:
    """`true` where a number is wanted: pydantic would take it for 1."""
    for key, inner in value.items():
        field = model.model_fields.get(key)
        types = _types(field.annotation) if field else frozenset()
        if isinstance(inner, bool) and types & {int, float, Decimal} and bool not in types:
            expected = _SECONDS if key.endswith("_s") else _WHOLE if int in types else _NUMBER
            yield (*path, key), wrong_type(reading, (*path, key), expected)
        elif isinstance(inner, dict) and (nested := _model_of(types)):
            yield from _bools_for_numbers(nested, inner, reading, (*path, key))


def _without_empty(model: type[BaseModel], value: dict[str, Any]) -> dict[str, Any]:
    """Without sections that have a name and nothing below it."""
    return {
        key: inner
        for key, inner in value.items()
        if inner is not None or not (field := model.model_fields.get(key)) or not _is_section(field.annotation)
    }


def _is_section(annotation: Any) -> bool:
    return get_origin(annotation) is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel))


def _types(annotation: Any) -> frozenset[Any]:
    """All types named in an annotation."""
    inner = get_args(annotation)
    return frozenset({annotation}).union(*(_types(one) for one in inner)) if inner else frozenset({annotation})


def _model_of(types: frozenset[Any]) -> type[BaseModel] | None:
    return next((one for one in types if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the value at `path` below a value of `model`."""
    found: type[BaseModel] | None = model
    names = False
    for part in path:
        if names or isinstance(part, int):  # names of users' own, elements of a list: their field has told the model
            names = False
            continue
        field = found.model_fields.get(str(part)) if found else None
        found = _model_of(_types(field.annotation)) if field else None
        names = field is not None and get_origin(field.annotation) is dict
    return found


def _pattern(path: Path) -> str:
    parts = [str(part) for part in path]
    if len(parts) > 1 and parts[0] in {"agents", "tools"}:
        parts[1] = "*"
    return ".".join(parts)


def _lookup(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _but(written: Any) -> str:
    """What stands there instead."""
    match written:
        case None:
            return "; nothing is written here"
        case bool():
            return f", not {str(written).lower()}"
        case str():
            return f", not {written[:_SHOWN]!r}"
        case dict():
            return ", not a mapping"
        case list():
            return ", not a list"
        case _:
            return f", not {str(written)[:_SHOWN]}"


def _form(expected: str, written: Any) -> str:
    match written:
        case bool() | int() | float() if expected == _TEXT:
            return "Put it in quotes."
        case str() if expected == _LIST:
            return f"Write [{written[:_SHOWN]}]." if "\n" not in written else "Write it as a list."
        case None if expected == _LIST:
            return "Write [] for none."
        case dict() if expected == _LIST:
            return "Write `- value` on a line of its own for each."
        case _:
            return ""
