"""`@tool`: marks a function as a tool and keeps what its author said about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from toolcrib.core.policies import (
    Breaker,
    Cache,
    Concurrency,
    Isolation,
    Output,
    RateLimit,
    Retry,
    SideEffect,
    Strategy,
)

MARK = "__toolcrib_tool__"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDeclaration:
    """What the author said in `@tool(...)`; everything not said is read from the function itself."""

    name: str = ""
    description: str = ""
    examples: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    name: str = "",
    description: str = "",
    examples: tuple[str, ...] | list[str] = (),
    timeout_s: float | None = 30.0,
    attempt_timeout_s: float | None = None,
    retry: Retry | None = None,
    cache: Cache | None = None,
    breaker: Breaker | None = None,
    rate_limit: RateLimit | str | None = None,
    concurrency: Concurrency | int | None = None,
    exclusive: str = "",
    fallback: str = "",
    on_error: Mapping[str, Strategy] | None = None,
    output: Output | None = None,
    isolation: Isolation = "auto",
    side_effect: SideEffect = "write",
    scopes: tuple[str, ...] = (),
) -> Callable[[F], F]: ...


def tool(
    function: F | None = None,
    /,
    *,
    name: str = "",
    description: str = "",
    examples: tuple[str, ...] | list[str] = (),
    **policy: Any,
) -> F | Callable[[F], F]:
    """Mark a function, sync or async, as a tool.

    Name, description, argument schema and result schema come from the function: its name, its Google-style docstring,
    its type hints. The function itself stays as it is and can be called and tested directly.

    Args:
        function: the function, when used without parentheses.
        name: another name than the function's.
        description: another description than the docstring's.
        examples: questions the tool answers.
        **policy: fields of `ToolPolicy`, e.g. `timeout_s`, `retry`, `cache`, `side_effect`; they are checked when
            the project is loaded, and `tools.yaml` may override them.

    Returns:
        The function, marked.
    """

    def mark(target: F) -> F:
        declaration = ToolDeclaration(name=name, description=description, examples=tuple(examples), policy=policy)
        setattr(target, MARK, declaration)
        return target

    return mark if function is None else mark(function)
