"""Arguments that do not fit: pydantic's mistakes in words a model can mend its call by, quoting nothing sensitive."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

from toolcrib.core.errors import ArgumentsInvalid
from toolcrib.core.names import near
from toolcrib.core.redaction import OTHERS, Mask, hides, hiding, texts_of

_OF_PYDANTIC = frozenset(kind for kind in get_args(ErrorType) if kind not in ("value_error", "assertion_error"))
"""Mistakes that pydantic words itself; other words are the author's and may say anything of the value."""
WHOLE = "arguments"
"""Where a mistake is that is about all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake: where, as dotted path, pydantic's kind of it, and what is wrong in words."""

    where: str
    kind: str
    words: str


def mistakes_in(
    error: ValidationError, mask: Mask = False, args: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Mistake]:
    """All mistakes.

    Args:
        error: what pydantic says.
        mask: what of the arguments must not be quoted.
        args: the arguments.
    """
    scrub = hiding(texts_of(args, mask))
    for detail in error.errors(include_url=False, include_input=False):
        where, rest = _place(detail["loc"], mask)
        kind, words = detail["type"], detail["msg"]
        if hides(rest):
            words = scrub(words) if kind in _OF_PYDANTIC else "is not accepted"
        is_whole = len(where) == len(detail["loc"])  # else it is about something within a value that is hidden as one
        yield Mistake(where=".".join(where) or WHOLE, kind=kind if is_whole else "", words=words)


def invalid(tool: str, known: tuple[str, ...], mistakes: Iterator[Mistake]) -> ArgumentsInvalid:
    """All mistakes in one message, worded so that a model can mend its call; `known` are the names of the arguments."""
    told = "; ".join(f"{mistake.where}: {_words(mistake, known)}" for mistake in mistakes)
    expected = ", ".join(known) or "none"
    return ArgumentsInvalid(f"Wrong arguments for tool {tool!r}: {told}.", hint=f"Arguments are: {expected}.")


def _words(mistake: Mistake, known: tuple[str, ...]) -> str:
    match mistake.kind:
        case "extra_forbidden":
            close = near(mistake.where, known)
            return f"there is no such argument{f'; did you mean {close[0]!r}?' if close else ''}"
        case "missing":
            return "is required"
        case "model_type" if mistake.where == WHOLE:
            return "must be an object: argument name -> value"
        case _:
            return mistake.words


def _place(location: tuple[int | str, ...], mask: Mask) -> tuple[list[str], Mask]:
    """Where the mistake is, up to what is sensitive as a whole, and the mask of what is there.

    A place also names the branches of unions, which no mask knows: what it does not know is passed.
    """
    parts: list[str] = []
    for part in location:
        if mask is True:
            break
        parts.append(str(part))
        if isinstance(mask, Mapping) and isinstance(part, str):
            others = mask[OTHERS]
            mask = mask.get(part, others if isinstance(others, Mapping) else mask)
    return parts, mask
