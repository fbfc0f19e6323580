"""A tool: what is known about it (`ToolSpec`) and how it is run (`Tool`)."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import Example, Port, Secret
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.redaction import Masks

ToolKind = Literal["python", "langchain", "builtin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A value of a policy, and where it was written."""

    value: Any
    source: str


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
        file: path in the project, line: where it is defined; empty and 0 for a built-in tool.
        kind: which adapter made it, or that it is built in.
        scope: whose policy this is: empty for all callers, else e.g. `agents.support` or `tenants.acme`.
        code_name: its name in the code, when it was renamed; else empty.
        replaces: places of the tools of this name that this one stands in for, the weakest first.
        sources: field of the policy -> where its value was written; fields with built-in defaults are not in it.
        overruled: field of the policy -> what weaker places say, the weakest first; JSON values.
        examples: questions this tool answers; help models and the offline router choose.
        sensitive: what of its arguments and its result must not be shown.
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
    code_name: str = ""
    replaces: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    overruled: Mapping[str, tuple[Said, ...]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    sensitive: Masks = field(default_factory=Masks)

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return data | {
            "policy": self.policy.model_dump(mode="json"),
            "replaces": list(self.replaces),
            "sources": dict(self.sources),
            "overruled": {name: [asdict(one) for one in said] for name, said in self.overruled.items()},
            "examples": list(self.examples),
            "sensitive": asdict(self.sensitive),
        }

    @property
    def place(self) -> str:
        """Where it is defined, `file:line`; `toolcrib` for a built-in tool."""
        return f"{self.file}:{self.line}" if self.file else "toolcrib"

    @property
    def address(self) -> str:
        """What tells its code from all other code of its release: tenants may have tools of the same name."""
        name = self.code_name or self.name
        return f"{self.file}:{name}" if self.file else name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResourceSpec:
    """A resource of one release, ready to be opened; releases with the same key share what is open.

    Attributes:
        name: unique in its release.
        digest: changes when the factory's code changes, any project code it imports, or a resource it needs.
        factory: what opens it; takes its parameters by name.
        needs: parameter of the factory -> what to fill in.
        size: 1 is one shared instance, more a pool of so many with one user each.
        max_age_s, health, health_every_s, idle_s: see `ResourceDeclaration`.
        file, line: where the factory is defined in the project.
    """

    name: str
    digest: str
    factory: Callable[..., Any]
    needs: "Mapping[str, Need]" = field(default_factory=dict)
    size: int = 1
    max_age_s: float | None = None
    health: Callable[[Any], Any] | None = None
    health_every_s: float = 30.0
    idle_s: float | None = None
    file: str = ""
    line: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What two specs have in common that may share what is open."""
        return self.name, self.digest


Need = ResourceSpec | Secret | Port
"""What a parameter is filled with at each call, beside what the caller says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool of one release, ready to be composed into a chain.

    Attributes:
        validate: raw arguments -> validated arguments by parameter name; raises `ArgumentsInvalid`.
        run: (validated arguments, context) -> result; a coroutine function when `is_async`.
        injects: kinds of values the tool wants filled in: `context`, `state`, `store`, `config`, `runtime`.
        needs: parameter -> the resource, secret or part of toolcrib that must stand among the arguments when it is run.
        examples: calls of which its author said what comes of them.
    """

    spec: ToolSpec
    validate: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    run: Callable[[Mapping[str, Any], ToolContext], Any]
    is_async: bool
    injects: frozenset[str] = frozenset()
    needs: Mapping[str, Need] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the release."""
        return self.spec.name
