"""What a later call may take from an earlier one: its value, or a field or argument of the same name or kind."""

import json
from collections.abc import Mapping
from typing import Any

from toolcrib.agents.offline_router.extract.arguments.kinds import Argument, Kind, arguments_of
from toolcrib.agents.offline_router.extract.arguments.schema import fit
from toolcrib.agents.offline_router.turns import Made
from toolcrib.agents.offline_router.values import OfferedTool

_TELLING = ("result", "value", "answer", "converted", "amount", "total", "sum", "price", "output", "cost", "balance")
_ALIKE = frozenset({Kind.PLACE, Kind.EMAIL, Kind.URL, Kind.TICKER, Kind.PERSON, Kind.ZONE})


def value_of(text: str) -> Any:
    """A result's value: JSON when it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def main_value(value: Any) -> Any:
    """The one value "that" stands for: a scalar, a telling field, the only number; None when there is none."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return _number(value)
    if isinstance(value, Mapping):
        for name in _TELLING:
            for key, inner in value.items():
                if name in str(key).lower() and isinstance(inner, (int, float)) and not isinstance(inner, bool):
                    return inner
        numbers = [one for one in value.values() if isinstance(one, (int, float)) and not isinstance(one, bool)]
        words = [one for one in value.values() if isinstance(one, str)]
        for found in (numbers, words):
            if len(found) == 1:
                return found[0]
        return None
    if isinstance(value, list) and len(value) == 1:
        return main_value(value[0])
    return None


def borrowed(name: str, tool: OfferedTool, made: Made, made_by: OfferedTool | None) -> Any:
    """A missing argument's value from an earlier call: a field of its result, or one of its own arguments."""
    argument = next((one for one in arguments_of(tool) if one.name == name), None)
    if argument is None:
        return None
    for value in (_field(value_of(made.text), argument), _argument(argument, made, made_by)):
        if value is not None and (fitting := fit(value, argument.whole)) is not None:
            return fitting
    return None


def lent(name: str, tool: OfferedTool, args: Mapping[str, Any], made_by: OfferedTool | None) -> Any:
    """A missing argument's value from another call's arguments alone."""
    argument = next((one for one in arguments_of(tool) if one.name == name), None)
    value = None if argument is None else _own(argument, args, made_by)
    return None if value is None or argument is None else fit(value, argument.whole)


def _field(value: Any, argument: Argument) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    if argument.name in value:
        return value[argument.name]
    last = argument.name.rpartition("_")[2]
    if argument.kind is Kind.IDENTIFIER and last in value:
        return value[last]
    return None


def _argument(argument: Argument, made: Made, made_by: OfferedTool | None) -> Any:
    return _own(argument, made.call.args, made_by)


def _own(argument: Argument, args: Mapping[str, Any], made_by: OfferedTool | None) -> Any:
    if argument.name in args:
        return args[argument.name]
    if made_by is not None and argument.kind in _ALIKE:
        for other in arguments_of(made_by):
            if other.kind is argument.kind and other.name in args:
                return args[other.name]
    return None


def _number(value: str | float) -> Any:
    if isinstance(value, str):
        try:
            return float(value) if "." in value else int(value)
        except ValueError:
            return value
    return value
