"""Finding the tools in loaded modules: decorated functions and LangChain tools, each once, at its place."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, ModuleType
from typing import Any

from pydantic import ValidationError

from toolcrib.core.policies import ToolPolicy
from toolcrib.core.reasons import Reason
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import whole_line
from toolcrib.loader.config import ProjectConfig, ToolOverride
from toolcrib.loader.modules import SourceFile
from toolcrib.loader.resources import ResourceFinder
from toolcrib.tools.adapt import adapt, definition_of, is_tool
from toolcrib.tools.schema import SchemaError


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolModule:
    """A loaded module under `tools/` and the digest of all it can reach."""

    path: str
    module: ModuleType
    closure: str


def is_tool_file(path: str) -> bool:
    """Whether discovery looks into this file: any `*.py` under `tools/`, unless it or a folder begins with `_`."""
    parts = path.split("/")
    return parts[0] == "tools" and path.endswith(".py") and not any(part.startswith("_") for part in parts)


def discover_tools(
    modules: list[ToolModule], config: ProjectConfig, files: Mapping[str, SourceFile], resources: ResourceFinder
) -> tuple[Mapping[str, Tool], list[Reason]]:
    """All tools of these modules with their effective policies and what they need, and everything wrong with them.

    What is wrong with needed resources is left with `resources`.
    """
    found: dict[str, Tool] = {}
    reasons: list[Reason] = []
    for where, value in _candidates(modules):
        definition = definition_of(value)
        place = whole_line(files, where.path, definition.line)
        try:
            tool = _make(value, definition.policy, config)
        except SchemaError as error:
            reasons.append(replace(place, code=error.code, message=str(error), hint=error.hint))
            continue
        spec = replace(tool.spec, file=where.path, line=definition.line, digest=where.closure[:16])
        if other := found.get(spec.name):
            message = f"tool {spec.name!r} is defined twice: here and at {other.spec.file}:{other.spec.line}"
            hint = "Rename one of them: @tool(name=...)."
            reasons.append(replace(place, code="duplicate_tool", message=message, hint=hint))
            continue
        tool = replace(tool, spec=spec)
        found[spec.name] = resources.bound(tool, value) if inspect.isroutine(value) else tool
    kept = {name: tool for name, tool in found.items() if _override(name, config).enabled}
    return MappingProxyType(kept), reasons + _unknown_overrides(found, config)


def effective_policy(name: str, declared: Mapping[str, Any], config: ProjectConfig) -> ToolPolicy:
    """The policy of a tool; the most specific word wins: defaults < `@tool(...)` < `tools.yaml` for this tool.

    Raises:
        ValidationError: a value in the decorator is impossible; those in YAML were checked before.
    """
    override = _override(name, config)
    said = {key: getattr(override, key) for key in override.model_fields_set if key in ToolPolicy.model_fields}
    return ToolPolicy(**{**config.tool_defaults, **declared, **said})


def _candidates(modules: list[ToolModule]) -> Iterator[tuple[ToolModule, Any]]:
    """Each tool once, with the module it belongs to: where it was defined, else the first that shows it."""
    shown: dict[int, list[tuple[ToolModule, Any]]] = {}
    for where in modules:
        for value in list(vars(where.module).values()):
            if is_tool(value):
                shown.setdefault(id(value), []).append((where, value))
    for places in shown.values():
        home = definition_of(places[0][1]).module
        yield next((place for place in places if place[0].module.__name__ == home), places[0])


def _make(value: Any, declared: Mapping[str, Any], config: ProjectConfig) -> Tool:
    tool = adapt(value)
    try:
        policy = effective_policy(tool.name, declared, config)
    except ValidationError as error:
        raise SchemaError(str(error.errors()[0]["msg"]), "Correct the value in @tool(...).") from error
    return replace(tool, spec=replace(tool.spec, policy=policy))


def _override(name: str, config: ProjectConfig) -> ToolOverride:
    return config.tool_overrides.get(name) or ToolOverride()


def _unknown_overrides(found: Mapping[str, Tool], config: ProjectConfig) -> list[Reason]:
    return [
        config.unknown("unknown_tool", f"there is no tool {name!r}", ("tools", name), name=name, known=found)
        for name in config.tool_overrides
        if name not in found
    ]
