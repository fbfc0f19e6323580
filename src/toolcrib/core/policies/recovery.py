"""Recovery: what to do about an error, by its type."""

from collections.abc import Mapping
from typing import Literal

Strategy = Literal["retry", "fallback", "skip", "abort", "manual"]
"""What to do when a tool fails: try it again, ask its fallback, go on without it, end the run, or ask a person."""
ANY = "*"


def names_of(error: BaseException) -> list[str]:
    """The names an error can be called by, the most specific first: its code, its type, and those of its bases."""
    code = getattr(error, "code", None)
    names = [code] if isinstance(code, str) else []
    for kind in type(error).__mro__:
        names += [f"{kind.__module__}.{kind.__qualname__}", kind.__name__]
    return names


def strategy_for(error: BaseException, on_error: Mapping[str, Strategy]) -> Strategy | None:
    """The strategy for this error: what is decided, the most specific name that is listed, or `*`; None without any."""
    decided: Strategy | None = getattr(error, "decided_strategy", None)
    if decided or not on_error:
        return decided
    return next((on_error[name] for name in [*names_of(error), ANY] if name in on_error), None)
