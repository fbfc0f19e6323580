"""What JSON may hold and a checkpoint cannot: integers beyond 64 bits, halves of characters, and nesting without end.

Models write such values, and providers' packages read them; LangGraph's serializer (msgpack) and orjson refuse them.
"""

from collections.abc import Iterator
from typing import Any

import orjson

TOO_LONG = "is too long: write it as text, in double quotes"
"""Of a number."""
LONG_NUMBER = f"a number {TOO_LONG}"
NO_TEXT = "it has halves of characters (surrogates)"
TOO_DEEP = "it is nested too deep"
UNSAVABLE = frozenset({LONG_NUMBER, NO_TEXT, TOO_DEEP})
_MOST_DEEP = 200
_LEAST, _MOST = -(2**63), 2**64 - 1
_PRINTED_BITS = 10_000
"""Python prints no integer of more than 4,300 digits (`sys.set_int_max_str_digits`), but as hexadecimal digits."""


def parts_of(value: Any) -> Iterator[tuple[int, Any]]:
    """All that a JSON value is made of, itself and keys included, each with how deep it stands; in no order."""
    stack = [(0, value)]
    while stack:
        deep, one = stack.pop()
        yield deep, one
        match one:
            case dict():
                stack.extend((deep + 1, inner) for pair in one.items() for inner in pair)
            case list() | tuple():
                stack.extend((deep + 1, inner) for inner in one)
            case _:
                continue


def unsavable(value: Any) -> str:
    """Why a JSON value cannot be saved, one of `UNSAVABLE`, in words that quote nothing of it; empty when it can."""
    if _is_plain(value):
        return ""
    for deep, one in parts_of(value):
        if deep > _MOST_DEEP:
            return TOO_DEEP
        if isinstance(one, int) and not _LEAST <= one <= _MOST:
            return LONG_NUMBER
        if isinstance(one, str) and not is_text(one):
            return NO_TEXT
    return ""


def _is_plain(value: Any) -> bool:
    """Whether it can be saved beyond doubt, as nearly all can; asked at a tenth of the price of looking through."""
    try:
        text = orjson.dumps(value)  # refuses long numbers and halves of characters itself
    except TypeError:
        return False
    return text.count(b"[") + text.count(b"{") <= _MOST_DEEP


def is_text(text: str) -> bool:
    """Whether it consists of whole characters, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def savable(value: Any, *, deep: int = 0) -> Any:
    """The value with that in its place which can be saved: a long number as text, a sign for half a character."""
    if deep > _MOST_DEEP:
        return "…"
    match value:
        case dict():
            return {savable(name, deep=deep + 1): savable(one, deep=deep + 1) for name, one in value.items()}
        case list() | tuple():
            return [savable(one, deep=deep + 1) for one in value]
        case int() if not _LEAST <= value <= _MOST:
            return str(value) if value.bit_length() < _PRINTED_BITS else hex(value)
        case str() if not is_text(value):
            return value.encode("utf-8", "replace").decode()
        case _:
            return value
