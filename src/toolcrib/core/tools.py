"""A tool: what is known about it (`ToolSpec`) and how it is run (`Tool`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from toolcrib.core.calls import ToolContext
from toolcrib.core.policies import ToolPolicy

ToolKind = Literal["python", "langchain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """Everything about a tool but its code; JSON-ready.

    Attributes:
        name: unique in its release; letters, digits, `_` and `-`, at most 64.
        description: what it does, for the model.
        args_schema: JSON Schema of the arguments object; injected parameters are not in it.
        result_schema: JSON Schema of the result, when the author annotated it.
        policy: the effective policy.
        digest: changes when the tool's code, or any project code it imports, changes.
        file: path in the project, line: where it is defined.
        kind: which adapter made it.
        scope: whose policy this is: empty for all callers, else e.g. `agents.support` or `tenants.acme`.
        sources: field of the policy -> where its value was written; fields with built-in defaults are not in it.
        examples: questions this tool answers; help models and the offline router choose.
    """

    name: str
    description: str
    args_schema: Mapping[str, Any]
    result_schema: Mapping[str, Any] | None = None
    policy: ToolPolicy = field(default_factory=ToolPolicy)
    digest: str = ""
    file: str = ""
    line: int = 0
    kind: ToolKind = "python"
    scope: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return data | {
            "policy": self.policy.model_dump(mode="json"),
            "sources": dict(self.sources),
            "examples": list(self.examples),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool of one release, ready to be composed into a chain.

    Attributes:
        validate: raw arguments -> validated arguments by parameter name; raises `ArgumentsInvalid`.
        run: (validated arguments, context) -> result; a coroutine function when `is_async`.
        injects: kinds of values the tool wants filled in: `context`, `state`, `config`, `runtime`.
    """

    spec: ToolSpec
    validate: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    run: Callable[[Mapping[str, Any], ToolContext], Any]
    is_async: bool
    injects: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Its name in the release."""
        return self.spec.name
