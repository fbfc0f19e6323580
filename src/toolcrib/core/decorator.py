"""`@tool`, `@resource`, `@selftest`: mark functions, keep what their authors said.

In type hints `Resource`, `Secret` and `Port` ask for values, and `Sensitive` says that a value must not be shown;
`Example` is what a call should give.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar, overload

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from toolcrib.core.policies import (
    Approval,
    Breaker,
    Cache,
    Concurrency,
    Escalate,
    Isolation,
    Output,
    RateLimit,
    Retry,
    SideEffect,
    Strategy,
)

MARK = "__toolcrib_tool__"
RESOURCE_MARK = "__toolcrib_resource__"
SELFTEST_MARK = "__toolcrib_selftest__"
ANYTHING = object()
"""What an example returns whose author did not say."""
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A call of a tool and what comes of it: `Example(args={"a": 1, "b": 2}, returns=3)`; the gate tries it.

    Attributes:
        args: arguments, as a model would give them.
        returns: what the call must give; any value equal to it will do, or one with the same JSON.
        raises: type of the exception it must end with instead, or that type's name, or the code of the error.
        question: a question that this call answers, for models and the offline router.
        file, line: where it is written, for reasons.
    """

    args: Mapping[str, Any] = field(default_factory=dict)
    returns: Any = ANYTHING
    raises: type[BaseException] | str = ""
    question: str = ""
    file: str = field(default="", init=False, compare=False, repr=False)
    line: int = field(default=0, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.raises and self.returns is not ANYTHING:
            raise TypeError("an example either returns or raises")
        caller = sys._getframe(
            2
        )  # above this and the generated `__init__`: a decorator's arguments have no other place
        object.__setattr__(self, "file", caller.f_code.co_filename)
        object.__setattr__(self, "line", caller.f_lineno)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDeclaration:
    """What the author said in `@tool(...)`; everything not said is read from the function itself."""

    name: str = ""
    description: str = ""
    examples: tuple[str | Example, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    name: str = "",
    description: str = "",
    examples: Sequence[str | Example] = (),
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
    escalate: Escalate | None = None,
    output: Output | None = None,
    isolation: Isolation = "auto",
    side_effect: SideEffect = "write",
    scopes: tuple[str, ...] = (),
    approval: Approval | str | None = None,
) -> Callable[[F], F]: ...


def tool(
    function: F | None = None,
    /,
    *,
    name: str = "",
    description: str = "",
    examples: Sequence[str | Example] = (),
    **policy: Any,
) -> F | Callable[[F], F]:
    """Mark a function, sync or async, as a tool.

    Name, description, argument schema and result schema come from the function: its name, its Google-style docstring,
    its type hints. The function itself stays as it is and can be called and tested directly.

    Args:
        function: the function, when used without parentheses.
        name: another name than the function's.
        description: another description than the docstring's.
        examples: questions the tool answers, and calls of which it is known what comes of them.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDeclaration:
    """What the author said in `@resource(...)`; it is checked when the project is loaded.

    Attributes:
        size: 1 is one instance that all calls share; more is a pool of so many, each lent to one call at a time.
        max_age_s: an older instance is replaced before it is lent again.
        health: (instance) -> whether it may be lent again.
        health_every_s: seconds that an instance counts as healthy after it was opened or asked.
        idle_s: an instance nobody used for so long is closed.
    """

    name: str = ""
    size: int = 1
    max_age_s: float | None = None
    health: Callable[[Any], Any] | None = None
    health_every_s: float = 30.0
    idle_s: float | None = None


@overload
def resource(factory: F, /) -> F: ...


@overload
def resource(
    *,
    name: str = "",
    size: int = 1,
    max_age_s: float | None = None,
    health: Callable[[Any], Any] | None = None,
    health_every_s: float = 30.0,
    idle_s: float | None = None,
) -> Callable[[F], F]: ...


def resource(factory: F | None = None, /, **said: Any) -> F | Callable[[F], F]:
    """Mark a function that opens something tools share: a connection pool, a client, a session.

    It is called when the first tool call needs it, and what it opened is closed once, when no release uses it any more.
    It may be `def` (called in a worker thread) or `async def`, return the thing, return a context manager that is
    entered, or be a generator that yields the thing once and cleans up after the `yield`. What is returned and has
    `aclose()` or `close()` is closed by that. The function itself stays as it is.

    Args:
        factory: the function, when used without parentheses.
        **said: fields of `ResourceDeclaration`: `name`, `size`, `max_age_s`, `health`, `health_every_s`, `idle_s`.

    Returns:
        The function, marked.

    Raises:
        TypeError: it is no function.
    """

    def mark(target: F) -> F:
        if not inspect.isroutine(target):
            raise TypeError(f"@resource marks a function, and {target!r} is none: return it from a function")
        setattr(target, RESOURCE_MARK, ResourceDeclaration(**said))
        return target

    return mark if factory is None else mark(factory)


def selftest(function: F) -> F:
    """Mark a function, sync or async and without arguments, that tries code of the project; a failure raises.

    The gate calls it before the code may serve, in a process of its own.
    """
    setattr(function, SELFTEST_MARK, True)
    return function


class Resource(NamedTuple):
    """Asks for a resource: `db: Annotated[Database, Resource(open_db)]` in a tool or in another resource's factory.

    A named tuple, unlike the other values: it stands in type hints and is written without keywords.

    Attributes:
        of: the factory, or the resource's name; a name finds a factory in any file under `tools/`.
    """

    of: str | Callable[..., Any]


class Secret(NamedTuple):
    """Asks for an environment variable: `key: Annotated[str, Secret("API_KEY")]`; read anew for each call.

    A missing one is a mistake of the project when it is loaded, unless the parameter has a default.

    Attributes:
        name: name of the variable.
        optional: whether a missing one leaves the parameter's default; true for every parameter that has one.
    """

    name: str
    optional: bool = False


class Port(NamedTuple):
    """Asks for a part of toolcrib itself: `store: Annotated[ArtifactStore, Port("artifacts")]` in a built-in tool.

    Attributes:
        name: which part.
    """

    name: Literal["artifacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """Says that a value must not be shown: `card: Annotated[str, Sensitive()]`; `Sensitive` alone says the same.

    It may stand on a tool's arguments and on its result, and on the fields of models, dataclasses and typed dicts in
    them. The tool is given the value as it is; whatever people read of calls has `[redacted]` in its place.
    """

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), "writeOnly": True}
