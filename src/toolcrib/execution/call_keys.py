"""Call keys: one text for calls that must have the same result, and never one text for two that may differ."""

from collections.abc import Callable, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from math import isfinite
from pathlib import PosixPath, WindowsPath
from typing import Any
from uuid import UUID

import orjson
from pydantic import AnyUrl, BaseModel, SecretBytes, SecretStr

from toolcrib.core.chain import Call
from toolcrib.core.tools import ToolSpec

_PLAIN = frozenset({str, int, bool, type(None)})
_TOLD_BY_REPR = frozenset(
    {bytes, date, datetime, time, timedelta, Decimal, UUID, IPv4Address, IPv6Address, PosixPath, WindowsPath}
)


class _NotCanonical(Exception):
    """A value for which there is no text that tells it from all others."""


def call_keys(spec: ToolSpec) -> Callable[[Call], str | None]:
    """What gives a tool's calls their keys: digest of the code, the validated arguments, the tenant and its scopes.

    The name stands beside the digest, because tools of one file have the same digest. A caller without scopes (one
    inside this process, who may do everything) is not the same as a caller with none. Agents may have their results cut
    at different lengths: that is part of the key too.

    Returns:
        From a call to its key: None when the arguments have no canonical JSON, for the call then has no twin.
    """
    output = None if spec.policy.output is None else spec.policy.output.model_dump()
    own = (spec.name, spec.digest, output)

    def key(call: Call) -> str | None:
        who = call.context
        scopes = None if who.scopes is None else sorted(who.scopes)
        try:
            args = call.args if _is_plain(call.args) else _canonical(dict(call.args))
            text = orjson.dumps([*own, who.tenant, scopes, args], option=orjson.OPT_SORT_KEYS)
        except (_NotCanonical, RecursionError, TypeError):  # TypeError: integers beyond 64 bits, half characters
            return None
        return sha256(text).hexdigest()

    return key


def _is_plain(args: Mapping[str, Any]) -> bool:
    """Whether the arguments are canonical as they are, as most are: text, numbers, truth and nothing."""
    return type(args) is dict and "" not in args and _PLAIN.issuperset(map(type, args.values()))


def _canonical(value: Any) -> Any:
    """The value in JSON terms, with its type wherever JSON has none for it: `"1"` and `Decimal("1")` are not the same.

    Raises:
        _NotCanonical: there is no such text.
    """
    kind = type(value)
    if kind in _PLAIN or (kind is float and isfinite(value)):
        return value
    if kind is list:
        return [_canonical(one) for one in value]
    # The empty name marks a value with its type; a mapping of the caller's that uses it is told as such a value.
    if kind is dict and "" not in value and all(type(name) is str for name in value):
        return {name: _canonical(one) for name, one in value.items()}
    return {"": [f"{kind.__module__}.{kind.__qualname__}", _content(value)]}


def _content(value: Any) -> Any:
    """What a value of this type holds."""
    match value:
        case Enum():
            return [value.name, _canonical(value.value)]
        case BaseModel():
            return [_canonical(dict(value)), _canonical(value.__pydantic_private__)]
        case Mapping():
            return sorted(([_canonical(key), _canonical(one)] for key, one in value.items()), key=orjson.dumps)
        case tuple() | list():
            return [_canonical(one) for one in value]
        case Set():
            return sorted((_canonical(one) for one in value), key=orjson.dumps)
        case SecretStr() | SecretBytes():
            return _canonical(value.get_secret_value())
        case float() | AnyUrl():
            return str(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: _canonical(getattr(value, field.name)) for field in fields(value)}
        case _ if type(value) in _TOLD_BY_REPR:
            return repr(value)
        case _:
            raise _NotCanonical
