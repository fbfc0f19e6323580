"""Showing values: the one function that decides what people see of arguments and results."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from toolcrib.core.redaction.masks import Mask, within
from toolcrib.core.redaction.texts import REDACTED, hiding, scrub_value
from toolcrib.core.results import said


def redact(value: Any, mask: Mask) -> Any:
    """The value, JSON data, as people may see it: `[redacted]` in place of what the mask hides."""
    if mask is False:
        return value
    if mask is True:
        return REDACTED
    match value:
        case Mapping():
            return {key: redact(inner, within(mask, key)) for key, inner in value.items()}
        case list() | tuple():
            return [redact(one, mask) for one in value]
        case _:
            return None if value is None else REDACTED


def redact_result(document: Mapping[str, Any], mask: Mask, hidden: Iterable[str]) -> dict[str, Any]:
    """The document of a `ToolResult` as people may see it.

    Args:
        document: what `ToolResult.to_dict` gave.
        mask: what is sensitive of its value.
        hidden: texts of the arguments that are not to be quoted either.
    """
    value, error = document["value"], document["error"]
    scrub = hiding([*hidden, *texts_of(value, mask)])
    told = error and {**error, **{name: scrub(error[name]) for name in ("message", "hint")}}
    return {**document, "value": scrub_value(redact(value, mask), scrub), "error": told}


def texts_of(value: Any, mask: Mask) -> Iterator[str]:
    """The texts and numbers in the hidden parts of a value, JSON data or what a tool is given of it.

    Names are no values: those of fields, and the keys of mappings, may stand in messages.
    """
    yield from _texts(value, mask, frozenset())


def _texts(value: Any, mask: Mask, above: frozenset[int]) -> Iterator[str]:
    if mask is False or value is None or isinstance(value, bool) or id(value) in above:
        return
    inner = _inner(value)
    if inner is None:
        yield _text(value)
        return
    for name, one in inner:
        yield from _texts(one, mask if name is None else within(mask, name), above | {id(value)})


def _inner(value: Any) -> Iterable[tuple[Any, Any]] | None:
    """What is in a value, by name where it has names; None when it is one by itself."""
    match value:
        case Mapping():
            return value.items()
        case BaseModel():
            return (*value.__dict__.items(), *(value.model_extra or {}).items())
        case list() | tuple() | Set():
            return [(None, one) for one in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return [(field.name, getattr(value, field.name, None)) for field in fields(value)]
        case _:
            return None


def _text(value: Any) -> str:
    match value:
        case SecretStr() | SecretBytes():
            return _text(value.get_secret_value())
        case Enum():
            return _text(value.value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case str():
            return value
        case _:
            return said(value)
