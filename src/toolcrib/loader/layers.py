"""Layers of policy: what a tool's author, `tools.yaml`, an agent and a tenant say; the most specific word wins."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from toolcrib.core.names import did_you_mean
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import is_covered, unknown_field, within
from toolcrib.core.tools import Said, Tool
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.reading.tenants import tenant_of
from toolcrib.loader.reading.yaml_source import Path

_SAYABLE = frozenset({*ToolPolicy.model_fields, "enabled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one place says: fields of `ToolPolicy` and `enabled`, and where each is written."""

    fields: Mapping[str, Any]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a tool is called by whom.

    Attributes:
        code: in its code; so `tools:` of the project's `tools.yaml` calls it.
        base: in the release; so `per_agent` and `per_tenant` of that file call it.
        own: the same, for a tenant before it renames it; so `tools:` of the tenant's `tools.yaml` calls it.
        final: so callers and models do.
    """

    code: str
    base: str
    own: str
    final: str


def declared_layer(fields: Mapping[str, Any], place: str) -> Layer:
    """What `@tool(...)` says, at `file:line`."""
    return Layer(fields=fields, sources={name: f"@tool in {place}" for name in fields})


def layers_of(names: Names, declared: Layer, config: ProjectConfig, *, agent: str, tenant: str) -> list[Layer]:
    """All that is said of a tool for calls of this agent and tenant (empty for all), the weakest word first."""
    own = config.overlays.get(tenant) or ProjectConfig()
    return [
        Layer(fields=config.tool_defaults, sources=_sources(config, ("defaults",), config.tool_defaults)),
        Layer(fields=own.tool_defaults, sources=_sources(own, ("defaults",), own.tool_defaults)),
        declared,
        _written(config, ("tools", names.code), config.tool_overrides.get(names.code)),
        _written(config, ("per_agent", agent, names.base), config.agent_overrides.get(agent, {}).get(names.base)),
        _written(own, ("tools", names.own), own.tool_overrides.get(names.own)),
        _written(own, ("per_agent", agent, names.final), own.agent_overrides.get(agent, {}).get(names.final)),
        _written(config, ("per_tenant", tenant, names.base), config.tenant_overrides.get(tenant, {}).get(names.base)),
    ]


def settled(tool: Tool, layers: Sequence[Layer], *, scope: str) -> Tool | str:
    """The tool under the policy these layers come to, or the place that takes it away.

    Raises:
        ValidationError: a value in the decorator does not go with the others; those in YAML were checked before.
    """
    said: dict[str, list[Said]] = {}
    for layer in layers:
        for name, value in layer.fields.items():
            said.setdefault(name, []).append(Said(value=value, source=layer.sources[name]))
    enabled = said.pop("enabled", None)
    if enabled and not enabled[-1].value:
        return enabled[-1].source
    spec = replace(
        tool.spec,
        policy=ToolPolicy(**{name: each[-1].value for name, each in said.items()}),
        scope=scope,
        sources=MappingProxyType({name: each[-1].source for name, each in said.items()}),
        overruled=MappingProxyType({name: _weaker(each) for name, each in said.items() if len(each) > 1}),
    )
    return replace(tool, spec=spec)


def layer_reasons(
    names: Collection[str], config: ProjectConfig, *, agents: Collection[str], lost: Set[str]
) -> Iterator[Reason]:
    """Words in one folder's `tools.yaml` about tools and agents that are not there.

    Args:
        names: the tools, as `per_agent` calls them.
        config: what the files of that folder say.
        agents: the agents.
        lost: names that may be there: their file did not load.
    """
    for agent, said in config.agent_overrides.items():
        if agent not in agents:
            hint = did_you_mean(agent, agents)
            yield config.reason("unknown_agent", f"there is no agent {agent!r}", ("per_agent", agent), hint, at="key")
        for name in sorted(said.keys() - names - lost):
            yield unknown_tool(config, ("per_agent", agent, name), names)


def unknown_arguments(tool: Tool, key: str, config: ProjectConfig) -> Iterator[Reason]:
    """Arguments under `tools.<key>.sensitive` that the tool has not got."""
    for index, path in enumerate(config.tool_overrides[key].sensitive):
        if found := unknown_field(tool.spec.args_schema, path):
            unknown, known = found
            message = f"tool {tool.spec.name!r} has no argument {path!r}"
            place = ("tools", key, "sensitive", index)
            yield config.reason("unknown_argument", message, place, did_you_mean(unknown, known))


def policy_reasons(
    asking: Iterable[Tool], tools: Mapping[str, Tool], config: ProjectConfig, *, lost: Set[str]
) -> Iterator[Reason]:
    """What policies say of tools and arguments that are not so.

    Args:
        asking: the tools that are looked at.
        tools: name -> tool, of all that their callers see.
        config: of the project.
        lost: names that may be there: their file did not load.
    """
    for tool in asking:
        yield from _fallback_reasons(tool, tools, config, lost=lost)
        known = tool.spec.args_schema.get("properties", {})
        for name in tool.spec.policy.approval.names if tool.spec.policy.approval else ():
            if name not in known:
                message = f"tool {tool.spec.name!r} has no argument {name!r}, of which its approval speaks"
                yield at_policy(config, tool, "approval", message, did_you_mean(name, known))


def _fallback_reasons(
    tool: Tool, tools: Mapping[str, Tool], config: ProjectConfig, *, lost: Set[str]
) -> Iterator[Reason]:
    """Fallbacks that are not there nor in `lost`, that want arguments the tool has not got, or that lead back to it."""
    name, fallback = tool.spec.name, tool.spec.policy.fallback
    if not fallback:
        for field in _asking_for_fallback(tool.spec.policy):
            message = f"tool {name!r} has no fallback, but `{field}` asks for it"
            yield at_policy(config, tool, field, message, "Name one: `fallback: other_tool`.")
        return
    if fallback not in tools and fallback in lost:
        return
    if fallback not in tools:
        message = f"tool {name!r} falls back to {fallback!r}, which is not there"
        yield at_policy(config, tool, "fallback", message, did_you_mean(fallback, tools))
    elif circle := _circle(name, {**tools, name: tool}):
        message = f"the fallbacks of tool {name!r} go in a circle: {' -> '.join(circle)}"
        yield at_policy(config, tool, "fallback", message, "Let one of them end without a fallback.")
    elif missing := required(tools[fallback]) - set(tool.spec.args_schema.get("properties", {})):
        message = f"tool {name!r} falls back to {fallback!r}, which needs {', '.join(sorted(missing))} too"
        yield at_policy(config, tool, "fallback", message, "Both get the same arguments: give it a default.")
    elif shown := shown_by(tools[fallback], tool):
        message = f"tool {name!r} falls back to {fallback!r}, to which {', '.join(shown)} is not sensitive"
        hint = f"Mark it there too, or in tools.yaml: `tools: {{{fallback}: {{sensitive: [{', '.join(shown)}]}}}}`."
        yield at_policy(config, tool, "fallback", message, hint)


def _asking_for_fallback(policy: ToolPolicy) -> Iterator[str]:
    if "fallback" in policy.on_error.values():
        yield "on_error"
    if policy.escalate and policy.escalate.then == "fallback":
        yield "escalate"


def _weaker(said: Sequence[Said]) -> tuple[Said, ...]:
    """All but the strongest word, as JSON values."""
    return tuple(Said(value=to_jsonable_python(one.value, fallback=str), source=one.source) for one in said[:-1])


def _written(config: ProjectConfig, path: Path, model: BaseModel | None) -> Layer:
    """What a part of a `tools.yaml` says of a tool; only what is written there."""
    fields = {key: getattr(model, key) for key in model.model_fields_set & _SAYABLE} if model else {}
    return Layer(fields=fields, sources=_sources(config, path, fields))


def _sources(config: ProjectConfig, path: Path, fields: Mapping[str, Any]) -> dict[str, str]:
    sources = {}
    for key in fields:
        place = config.reason("", "", (*path, key), at="key")
        sources[key] = f"{'.'.join(str(part) for part in path)} in {place.file}:{place.line}"
    return sources


def unknown_tool(config: ProjectConfig, path: Path, tools: Iterable[str]) -> Reason:
    """The reason for words about a tool that is not there."""
    name = str(path[-1])
    return config.unknown("unknown_tool", f"there is no tool {name!r}", path, name=name, known=tools)


def at_policy(config: ProjectConfig, tool: Tool, field: str, message: str, hint: str) -> Reason:
    """A reason at the place where the field was written: in YAML, or at the tool's definition."""
    path, _, place = tool.spec.sources.get(field, "").partition(" in ")
    if path and not path.startswith("@tool"):
        said_by = config.overlays.get(tenant_of(place)) or config
        return said_by.reason("policy", message, (*path.split("."), field), hint)
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


def required(tool: Tool) -> set[str]:
    """The arguments that every call of the tool must give."""
    return set(tool.spec.args_schema.get("required", ()))


def shown_by(fallback: Tool, tool: Tool) -> list[str]:
    """Arguments that are sensitive to the tool, and that one which answers in its place would show."""
    mask, theirs = tool.spec.sensitive.args, fallback.spec.sensitive.args
    given = tool.spec.args_schema.get("properties", {})
    taken = [name for name in fallback.spec.args_schema.get("properties", {}) if name in given]
    return [name for name in taken if not is_covered(within(mask, name), within(theirs, name))]
