"""Layers of policy: what a tool's author, `tools.yaml`, an agent and a tenant say; the most specific word wins."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from toolcrib.core.names import did_you_mean
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import is_covered, unknown_field, within
from toolcrib.core.tools import Tool
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.reading.yaml_source import Path

VariantKey = tuple[str, str, str]
"""Tool, agent, tenant; an empty agent or tenant stands for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one place says: fields of `ToolPolicy`, and where each is written."""

    fields: Mapping[str, Any]
    sources: Mapping[str, str]


def declared_layer(fields: Mapping[str, Any], place: str) -> Layer:
    """What `@tool(...)` says, at `file:line`."""
    return Layer(fields=fields, sources={name: f"@tool in {place}" for name in fields})


def layered(declared: Layer, name: str, config: ProjectConfig) -> tuple[ToolPolicy, Mapping[str, str]]:
    """The policy of a tool for all callers, and where each of its fields was written.

    Raises:
        ValidationError: a value in the decorator is impossible; those in YAML were checked before.
    """
    layers = [
        Layer(fields=config.tool_defaults, sources=_sources(config, ("defaults",), config.tool_defaults)),
        declared,
        _written(config, ("tools", name), config.tool_overrides.get(name)),
    ]
    fields = {key: value for layer in layers for key, value in layer.fields.items()}
    return ToolPolicy(**fields), {key: value for layer in layers for key, value in layer.sources.items()}


def make_variants(tools: Mapping[str, Tool], config: ProjectConfig) -> dict[VariantKey, Tool]:
    """Every tool an agent or a tenant has a policy of its own for, under that policy."""
    variants: dict[VariantKey, Tool] = {}
    for name, tool in tools.items():
        agents = ["", *(agent for agent, said in config.agent_overrides.items() if name in said)]
        tenants = ["", *(tenant for tenant, said in config.tenant_overrides.items() if name in said)]
        for agent in agents:
            for tenant in tenants:
                if agent or tenant:
                    variants[name, agent, tenant] = _variant(tool, agent, tenant, config)
    return variants


def layer_reasons(tools: Mapping[str, Tool], config: ProjectConfig, *, lost: Set[str]) -> Iterator[Reason]:
    """Words about tools, arguments and agents that are not there; tools in `lost` may be: their file did not load."""
    there = tools.keys() | lost
    for name, override in config.tool_overrides.items():
        if name in lost:
            continue
        if name in tools:
            yield from _unknown_arguments(tools[name], override.sensitive, config)
        else:
            yield _unknown_tool(config, ("tools", name), tools)
    for agent, said in config.agent_overrides.items():
        if agent not in config.agents:
            hint = did_you_mean(agent, config.agents)
            yield config.reason("unknown_agent", f"there is no agent {agent!r}", ("per_agent", agent), hint, at="key")
        for name in sorted(said.keys() - there):
            yield _unknown_tool(config, ("per_agent", agent, name), tools)
    for tenant, said in config.tenant_overrides.items():
        for name in sorted(said.keys() - there):
            yield _unknown_tool(config, ("per_tenant", tenant, name), tools)


def _unknown_arguments(tool: Tool, sensitive: Sequence[str], config: ProjectConfig) -> Iterator[Reason]:
    """Arguments under `sensitive:` that the tool has not got."""
    for index, path in enumerate(sensitive):
        if found := unknown_field(tool.spec.args_schema, path):
            unknown, known = found
            message = f"tool {tool.spec.name!r} has no argument {path!r}"
            place = ("tools", tool.spec.name, "sensitive", index)
            yield config.reason("unknown_argument", message, place, did_you_mean(unknown, known))


def fallback_reasons(
    tools: Mapping[str, Tool], variants: Mapping[VariantKey, Tool], config: ProjectConfig, *, lost: Set[str]
) -> Iterator[Reason]:
    """Fallbacks that are not there nor in `lost`, that want arguments the tool has not got, or that lead back to it."""
    for tool in (*tools.values(), *variants.values()):
        name, fallback = tool.spec.name, tool.spec.policy.fallback
        if not fallback:
            for field in _asking_for_fallback(tool.spec.policy):
                message = f"tool {name!r} has no fallback, but `{field}` asks for it"
                yield at_policy(config, tool, field, message, "Name one: `fallback: other_tool`.")
            continue
        if fallback not in tools and fallback in lost:
            continue
        if fallback not in tools:
            message = f"tool {name!r} falls back to {fallback!r}, which is not there"
            yield at_policy(config, tool, "fallback", message, did_you_mean(fallback, tools))
        elif circle := _circle(name, tools):
            message = f"the fallbacks of tool {name!r} go in a circle: {' -> '.join(circle)}"
            yield at_policy(config, tool, "fallback", message, "Let one of them end without a fallback.")
        elif missing := _required(tools[fallback]) - set(tool.spec.args_schema.get("properties", {})):
            message = f"tool {name!r} falls back to {fallback!r}, which needs {', '.join(sorted(missing))} too"
            yield at_policy(config, tool, "fallback", message, "Both get the same arguments: give it a default.")
        elif shown := _shown_by(tools[fallback], tool):
            message = f"tool {name!r} falls back to {fallback!r}, to which {', '.join(shown)} is not sensitive"
            hint = f"Mark it there too, or in tools.yaml: `tools: {{{fallback}: {{sensitive: [{', '.join(shown)}]}}}}`."
            yield at_policy(config, tool, "fallback", message, hint)


def _asking_for_fallback(policy: ToolPolicy) -> Iterator[str]:
    if "fallback" in policy.on_error.values():
        yield "on_error"
    if policy.escalate and policy.escalate.then == "fallback":
        yield "escalate"


def _variant(tool: Tool, agent: str, tenant: str, config: ProjectConfig) -> Tool:
    name = tool.spec.name
    layers = [
        _written(config, ("per_agent", agent, name), config.agent_overrides.get(agent, {}).get(name)),
        _written(config, ("per_tenant", tenant, name), config.tenant_overrides.get(tenant, {}).get(name)),
    ]
    fields = _said(tool.spec.policy) | {key: value for layer in layers for key, value in layer.fields.items()}
    sources = {**tool.spec.sources, **{key: value for layer in layers for key, value in layer.sources.items()}}
    scope = " ".join([f"per_agent.{agent}"] * bool(agent) + [f"per_tenant.{tenant}"] * bool(tenant))
    return replace(tool, spec=replace(tool.spec, policy=ToolPolicy(**fields), scope=scope, sources=sources))


def _written(config: ProjectConfig, path: Path, model: BaseModel | None) -> Layer:
    """What a part of `tools.yaml` says of a tool; only what is written there."""
    fields = _said(model) if model else {}
    return Layer(fields=fields, sources=_sources(config, path, fields))


def _said(model: BaseModel) -> dict[str, Any]:
    return {key: getattr(model, key) for key in model.model_fields_set if key in ToolPolicy.model_fields}


def _sources(config: ProjectConfig, path: Path, fields: Mapping[str, Any]) -> dict[str, str]:
    sources = {}
    for key in fields:
        place = config.reason("", "", (*path, key), at="key")
        sources[key] = f"{'.'.join(str(part) for part in path)} in {place.file}:{place.line}"
    return sources


def _unknown_tool(config: ProjectConfig, path: Path, tools: Mapping[str, Tool]) -> Reason:
    name = str(path[-1])
    return config.unknown("unknown_tool", f"there is no tool {name!r}", path, name=name, known=tools)


def at_policy(config: ProjectConfig, tool: Tool, field: str, message: str, hint: str) -> Reason:
    """A reason at the place where the field was written: in YAML, or at the tool's definition."""
    source = tool.spec.sources.get(field, "")
    path = source.partition(" in ")[0]
    if path and not path.startswith("@tool"):
        return config.reason("policy", message, (*path.split("."), field), hint)
    return Reason(code="policy", message=message, file=tool.spec.file, line=tool.spec.line, column=1, hint=hint)


def _circle(start: str, tools: Mapping[str, Tool]) -> list[str]:
    """The way from `start` back to itself, or nothing."""
    way = [start]
    while (following := tools[way[-1]].spec.policy.fallback) in tools:
        way.append(following)
        if following == start:
            return way
        if len(way) > len(tools):
            return []
    return []


def _required(tool: Tool) -> set[str]:
    return set(tool.spec.args_schema.get("required", ()))


def _shown_by(fallback: Tool, tool: Tool) -> list[str]:
    """Arguments that are sensitive to the tool, and that its fallback would show."""
    mask, theirs = tool.spec.sensitive.args, fallback.spec.sensitive.args
    given = tool.spec.args_schema.get("properties", {})
    taken = [name for name in fallback.spec.args_schema.get("properties", {}) if name in given]
    return [name for name in taken if not is_covered(within(mask, name), within(theirs, name))]
