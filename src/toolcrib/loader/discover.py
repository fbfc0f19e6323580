"""Finding the tools in loaded modules: decorated functions and LangChain tools, each once, at its place."""

import inspect
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from toolcrib.core.reasons import Reason
from toolcrib.core.stores.artifacts import READ_ARTIFACT
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import whole_line
from toolcrib.loader.builtin import built_in
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.layers import Layer, at_policy, declared_layer
from toolcrib.loader.modules import SourceFile
from toolcrib.loader.reading.tenants import inner_path
from toolcrib.loader.resources import ResourceFinder
from toolcrib.tools.adapt import adapt, definition_of, is_tool
from toolcrib.tools.builtin.catalogue import BUILTIN
from toolcrib.tools.schema import SchemaError

_HERE_ONLY = frozenset({"state", "store", "config", "runtime"})
"""What may be injected into a tool, but not into one that runs in another process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolModule:
    """A loaded module under `tools/` and the digest of all it can reach."""

    path: str
    module: ModuleType
    closure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A tool as its file defines it.

    Attributes:
        value: the decorated function, or the LangChain tool.
        declared: what its author says of its policy.
        tool: the same, adapted; its name is that of the code.
    """

    value: Any
    declared: Layer
    tool: Tool


def is_tool_file(path: str) -> bool:
    """Whether discovery looks into this file: any `*.py` under `tools/`, unless it or a folder begins with `_`."""
    parts = inner_path(path).split("/")
    return parts[0] == "tools" and path.endswith(".py") and not any(part.startswith("_") for part in parts)


def discover_tools(
    modules: Iterable[ToolModule],
    files: Mapping[str, SourceFile],
    resources: ResourceFinder,
    *,
    known: Container[int] = (),
) -> tuple[dict[str, Found], list[Reason]]:
    """All tools that these modules define: name in the code -> tool; and everything wrong with them.

    What is wrong with needed resources is left with `resources`; values whose `id` is in `known` belong to others.
    """
    found: dict[str, Found] = {}
    reasons: list[Reason] = []
    for where, value in _candidates(modules):
        if id(value) in known:
            continue
        definition = definition_of(value)
        place = whole_line(files, where.path, definition.line)
        try:
            tool = adapt(value)
        except SchemaError as error:
            reasons.append(replace(place, code=error.code, message=str(error), hint=error.hint))
            continue
        if other := found.get(tool.name):
            message = f"tool {tool.name!r} is defined twice: here and at {other.tool.spec.place}"
            hint = "Rename one of them: @tool(name=...)."
            reasons.append(replace(place, code="duplicate_tool", message=message, hint=hint))
            continue
        spec = replace(tool.spec, file=where.path, line=definition.line, digest=where.closure[:16])
        tool = replace(tool, spec=spec)
        found[tool.name] = Found(
            value=value,
            declared=declared_layer(definition.policy, f"{where.path}:{definition.line}"),
            tool=resources.bound(tool, value) if inspect.isroutine(value) else tool,
        )
    return found, reasons


def built_ins(names: Iterable[str], resources: ResourceFinder) -> dict[str, Found]:
    """Tools that come with toolcrib."""
    found = {}
    for name in names:
        tool = resources.bound(built_in(adapt(BUILTIN[name])), BUILTIN[name])
        found[name] = Found(
            value=BUILTIN[name], declared=declared_layer(definition_of(BUILTIN[name]).policy, "toolcrib"), tool=tool
        )
    return found


def readapted(found: Found, *, name: str, sensitive: Sequence[str]) -> Tool:
    """The tool under this name, with these arguments sensitive beside those its author marked."""
    tool = found.tool
    if name == tool.name and not sensitive:
        return tool
    made = adapt(found.value, name=name if name != tool.name else "", sensitive=sensitive)
    code_name = tool.name if name != tool.name else ""
    spec = replace(tool.spec, name=name, code_name=code_name, sensitive=made.spec.sensitive)
    return replace(tool, spec=spec, validate=made.validate, run=made.run)


def misfits(tools: Iterable[Tool], config: ProjectConfig, files: Mapping[str, SourceFile]) -> list[Reason]:
    """Policies that a tool cannot have, because of what it is given when it is called."""
    reasons: list[Reason] = []
    for tool in tools:
        place = whole_line(files, tool.spec.file, tool.spec.line)
        for field, problem in (
            ("isolation", _cannot_cross(tool)),
            ("cache", _cache_mistake(tool)),
            ("output", _reads_itself(tool)),
        ):
            if problem:
                if tool.spec.kind == "builtin":
                    place = at_policy(config, tool, field, *problem)
                reason = replace(place, code=field, message=problem[0], hint=problem[1])
                reasons += [reason] if reason not in reasons else []
    return reasons


def _candidates(modules: Iterable[ToolModule]) -> Iterator[tuple[ToolModule, Any]]:
    """Each tool once, with the module it belongs to: where it was defined, else the first that shows it."""
    shown: dict[int, list[tuple[ToolModule, Any]]] = {}
    for where in modules:
        for value in list(vars(where.module).values()):
            if is_tool(value):
                shown.setdefault(id(value), []).append((where, value))
    for places in shown.values():
        home = definition_of(places[0][1]).module
        yield next((place for place in places if place[0].module.__name__ == home), places[0])


def _cache_mistake(tool: Tool) -> tuple[str, str] | None:
    """Message and hint when results are to be kept of a tool that answers by more than its arguments and the tenant."""
    given = sorted(tool.injects - {"context"})
    if tool.spec.policy.cache is None or not given:
        return None
    mend = f"Take `cache` away (in tools.yaml: `tools: {{{tool.name}: {{cache: null}}}}`), or "
    other = "write it with toolcrib's @tool" if tool.spec.kind == "langchain" else "ask for a `ToolContext` only"
    message = f"tool {tool.name!r} is given {', '.join(given)} of its caller: its results cannot be kept for others"
    return message, f"{mend}{other}."


def _cannot_cross(tool: Tool) -> tuple[str, str] | None:
    """Why the tool cannot run in a worker process although it is to, and what to do about it."""
    if tool.spec.policy.isolation != "process":
        return None
    if sys.platform != "linux":
        return f"tool {tool.name!r} has isolation: process, which needs Linux", "Use isolation: thread on this machine."
    if tool.spec.kind == "builtin":
        return f"tool {tool.name!r} is built in and runs in the server's process", "Take `isolation: process` away."
    # LangChain's tools always take a config, and do without; what is asked for by parameter is in the other kinds.
    here = _HERE_ONLY if tool.spec.kind == "python" else _HERE_ONLY - {"config"}
    if kinds := sorted(tool.injects & here):
        message = f"tool {tool.name!r} has isolation: process and wants {', '.join(kinds)} injected"
        return message, "These live in the server's process: take a ToolContext instead, or use isolation: thread."
    if tool.needs:
        message = f"tool {tool.name!r} has isolation: process and needs {', '.join(sorted(tool.needs))}"
        return (
            message,
            "They live in the server's process: use isolation: thread, or open them in the tool.",
        )
    return None


def _reads_itself(tool: Tool) -> tuple[str, str] | None:
    """Message and hint when the tool that reads stored results is to store its own."""
    if tool.name != READ_ARTIFACT or tool.spec.kind != "builtin" or not tool.spec.policy.stores_output:
        return None
    return f"tool {tool.name!r} reads stored results and cannot store its own", "Take `excess: store` away."
