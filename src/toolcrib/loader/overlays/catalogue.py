"""What each caller sees of the tools that are defined anywhere in the project."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pydantic import ValidationError

from toolcrib.core.experiments.arms import Arm
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import unknown_field
from toolcrib.core.tools import Tool
from toolcrib.loader.builtin import builtin_reasons, wanted
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.discover import Found, built_ins, readapted
from toolcrib.loader.layers import (
    Names,
    layer_reasons,
    layers_of,
    policy_reasons,
    settled,
    unknown_arguments,
    unknown_tool,
)
from toolcrib.loader.modules import SourceFile
from toolcrib.loader.resources import ResourceFinder

Scope = tuple[str, str]
"""Agent, tenant; empty stands for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A tool that somebody may see: as its file defines it, by which names, and adapted under the last of them."""

    found: Found
    names: Names
    tool: Tool


Entries = dict[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The tools of a project, for all and for those who see others.

    Attributes:
        tools: name -> tool, for all callers.
        scoped: agent and tenant -> name -> the tool as they have it, or the place that takes it away; only what
            differs from what less specific callers have.
        disabled: name -> the place that takes a tool away from all.
        entries: name -> the project's own tool, also one that is taken away from all.
        arms: agent, empty for all, and a variant of an experiment -> the same as in `scoped`, for those in the variant.
    """

    tools: Mapping[str, Tool]
    scoped: Mapping[Scope, Mapping[str, Tool | str]] = field(default_factory=dict)
    disabled: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    arms: Mapping[tuple[str, Arm], Mapping[str, Tool | str]] = field(default_factory=dict)

    @property
    def variants(self) -> dict[tuple[str, str, str], Tool | str]:
        """`(tool, agent, tenant)` -> what these see, of all that differs."""
        return {(name, *scope): tool for scope, own in self.scoped.items() for name, tool in own.items()}

    @property
    def everything_otherwise(self) -> dict[tuple[str, str, str | Arm], Tool | str]:
        """The same, and what those in a variant of an experiment see: an arm stands in the place of the tenant."""
        found: dict[tuple[str, str, str | Arm], Tool | str] = {}
        found.update(self.variants.items())
        found.update({(name, *scope): tool for scope, own in self.arms.items() for name, tool in own.items()}.items())
        return found

    @property
    def beyond(self) -> list[Tool]:
        """The tools that only some callers have."""
        return [tool for tool in self.everything_otherwise.values() if isinstance(tool, Tool)]

    @property
    def storing(self) -> dict[str, Tool]:
        """Name -> tool of some variant of an experiment that stores what is too long."""
        every = ((name, tool) for own in self.arms.values() for name, tool in own.items() if isinstance(tool, Tool))
        return {name: tool for name, tool in every if tool.spec.policy.stores_output}

    def seen_by(self, agent: str, tenant: str) -> dict[str, Tool]:
        """Name -> tool, of all that calls of this agent and tenant find; a tenant's word goes before an agent's."""
        seen: dict[str, Tool | str] = dict(self.tools)
        for scope in dict.fromkeys([(agent, ""), ("", tenant), (agent, tenant)]):
            seen |= self.scoped.get(scope, {})
        return {name: tool for name, tool in seen.items() if isinstance(tool, Tool)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the catalogue is made from.

    Attributes:
        found: tenant, empty for the project -> name in the code -> tool its own files define.
        config: of the project, with its overlays.
        files: Python files by their `__file__`.
        resources: gives built-in tools what they need.
        lost: names that may be tools: their file did not load.
    """

    found: Mapping[str, Mapping[str, Found]]
    config: ProjectConfig
    files: Mapping[str, SourceFile]
    resources: ResourceFinder
    lost: frozenset[str]


def make_catalogue(sources: Sources) -> tuple[Catalogue, list[Reason]]:
    """The catalogue, and everything wrong with what is said about tools."""
    config, reasons = sources.config, _Reasons()
    base = _base(sources, reasons)
    scoped: dict[Scope, dict[str, Tool | str]] = {}
    for name, entry in base.items():
        for agent in ["", *_agents_with_a_word(entry, config)]:
            scoped.setdefault((agent, ""), {})[name] = _effective(entry, agent, "", config, reasons)
    _with_built_ins(base, "", scoped, sources, reasons)
    for tenant in sorted({*config.overlays, *config.tenant_overrides}):
        _add_tenant(tenant, base, scoped, sources, reasons)
    for_all = scoped.pop(("", ""), {})
    catalogue = Catalogue(
        tools=MappingProxyType({name: tool for name, tool in for_all.items() if isinstance(tool, Tool)}),
        scoped=scoped,
        disabled={name: place for name, place in for_all.items() if isinstance(place, str)},
        entries=base,
    )
    return catalogue, [*reasons.found, *_policies(catalogue, sources)]


class _Reasons:
    """What was found wrong, each mistake once."""

    def __init__(self) -> None:
        self.found: list[Reason] = []

    def add(self, *reasons: Reason) -> None:
        """Take in what is not known yet."""
        self.found += [reason for reason in dict.fromkeys(reasons) if reason not in self.found]


def _base(sources: Sources, reasons: _Reasons) -> Entries:
    """The tools of the project's own files, under the names `tools.yaml` gives them."""
    config = sources.config
    entries = {
        name: Entry(found=one, names=Names(code=name, base=name, own=name, final=name), tool=one.tool)
        for name, one in sources.found.get("", {}).items()
    }
    named = _named(entries, config, reasons)
    return {name: replace(one, names=replace(one.names, base=name, own=name)) for name, one in named.items()}


def _add_tenant(
    tenant: str,
    base: Entries,
    scoped: dict[Scope, dict[str, Tool | str]],
    sources: Sources,
    reasons: _Reasons,
) -> None:
    """What this tenant sees otherwise than all others."""
    config = sources.config
    own = config.overlays.get(tenant) or ProjectConfig()
    entries = dict(base)
    for code, one in sources.found.get(tenant, {}).items():
        below = base.get(code)
        names = Names(code=below.names.code if below else code, base=code, own=code, final=code)
        hidden = (*below.tool.spec.replaces, below.tool.spec.place) if below else ()
        tool = replace(one.tool, spec=replace(one.tool.spec, replaces=hidden))
        entries[code] = Entry(found=replace(one, tool=tool), names=names, tool=tool)
    entries = _named(entries, own, reasons, base=config)
    said = config.tenant_overrides.get(tenant, {})
    mine = scoped.setdefault(("", tenant), {})
    for name in base.keys() - entries.keys():
        place = own.reason("", "", ("tools", name, "rename"), at="key")
        mine[name] = f"tools.{name}.rename in {place.file}:{place.line}"
    for name, entry in entries.items():
        agents = _agents_with_a_word(entry, own)
        if entry is base.get(name) and not (own.tool_defaults or agents or _has_word(entry, own, said)):
            continue
        for agent in ["", *dict.fromkeys([*agents, *_agents_with_a_word(entry, config)])]:
            scoped.setdefault((agent, tenant), {})[name] = _effective(entry, agent, tenant, config, reasons)
    _with_built_ins(entries, tenant, scoped, sources, reasons)
    known = {entry.names.base for entry in entries.values()}
    for name in sorted(said.keys() - known - sources.lost):
        reasons.add(unknown_tool(config, ("per_tenant", tenant, name), known))


def _with_built_ins(
    entries: Entries,
    tenant: str,
    scoped: dict[Scope, dict[str, Tool | str]],
    sources: Sources,
    reasons: _Reasons,
) -> None:
    """Add the built-in tools that are asked for, then tell which words are about nothing."""
    config = sources.config
    own = (config.overlays.get(tenant) or ProjectConfig()) if tenant else config
    said = [*config.tenant_overrides.get(tenant, {}), *(() if tenant else _in_experiments(config))]
    seen = [tool for (_, of), all_of in scoped.items() if of == tenant for tool in all_of.values()]
    effective = [tool for tool in seen if isinstance(tool, Tool)]
    found = built_ins(wanted(entries, effective, own, said), sources.resources)
    for name, one in found.items():
        entry = Entry(found=one, names=Names(code=name, base=name, own=name, final=name), tool=one.tool)
        entry = _named({name: entry}, own, reasons)[name]
        entries[name] = entry
        agents = _agents_with_a_word(entry, own), _agents_with_a_word(entry, config)
        for agent in ["", *dict.fromkeys([*agents[0], *agents[1]])]:
            scoped.setdefault((agent, tenant), {})[name] = _effective(entry, agent, tenant, config, reasons)
    reasons.add(*builtin_reasons({name: one.tool for name, one in entries.items()}, effective, sources.files))
    known = {one.names.own if tenant else one.names.code for one in entries.values()}
    for name in own.tool_overrides.keys() - known - sources.lost:
        reasons.add(unknown_tool(own, ("tools", name), entries))
    agents_here = config.agents.keys() | own.agents.keys()
    reasons.add(*layer_reasons(entries, own, agents=agents_here, lost=sources.lost))


def _in_experiments(config: ProjectConfig) -> Iterator[str]:
    """Names of the tools that variants of experiments call by name."""
    for words in config.experiments.values():
        for variant in words.variants.values():
            yield from (*variant.tools, *variant.tools.values())


def _named(entries: Entries, config: ProjectConfig, reasons: _Reasons, *, base: ProjectConfig | None = None) -> Entries:
    """The entries under the names that this folder's `tools.yaml` gives them, and with what it marks as sensitive."""
    named: Entries = {}
    for name, entry in entries.items():
        word = config.tool_overrides.get(name)
        final = (word.rename if word else "") or name
        if final != name:
            taken = final in named or (final in entries and not _moves_away(final, config))
            reasons.add(*_rename_mistakes(name, final, config, taken=taken))
        if word and word.sensitive:
            reasons.add(*unknown_arguments(entry.found.tool, name, config))
        marked = (*_inherited(entry, base), *(word.sensitive if word else ()))
        if final != entry.tool.name or (word and word.sensitive) or (entry.tool is entry.found.tool and marked):
            tool = readapted(entry.found, name=final, sensitive=marked)
            entry = replace(entry, tool=tool, names=replace(entry.names, own=name, final=final))
        named[final] = entry
    return named


def _inherited(entry: Entry, base: ProjectConfig | None) -> Sequence[str]:
    """What the project's `tools.yaml` marks as sensitive of a tool that a tenant has: of its own, as far as it fits."""
    word = base.tool_overrides.get(entry.names.code) if base else None
    schema = entry.found.tool.spec.args_schema
    return [path for path in (word.sensitive if word else ()) if unknown_field(schema, path) is None]


def _moves_away(name: str, config: ProjectConfig) -> bool:
    word = config.tool_overrides.get(name)
    return bool(word and word.rename and word.rename != name)


def _rename_mistakes(name: str, final: str, config: ProjectConfig, *, taken: bool) -> Iterator[Reason]:
    path = ("tools", name, "rename")
    if taken:
        message = f"tool {name!r} is renamed to {final!r}, which another tool is called"
        yield config.reason("duplicate_tool", message, path, "Choose another name, or rename the other one too.")


def _agents_with_a_word(entry: Entry, config: ProjectConfig) -> list[str]:
    """Agents for whom this folder's `tools.yaml` says something of the tool."""
    names = {entry.names.base, entry.names.final}
    return [agent for agent, said in config.agent_overrides.items() if names & said.keys()]


def _has_word(entry: Entry, own: ProjectConfig, said: Mapping[str, object]) -> bool:
    return entry.names.own in own.tool_overrides or entry.names.base in said


def _effective(entry: Entry, agent: str, tenant: str, config: ProjectConfig, reasons: _Reasons) -> Tool | str:
    """The tool under the policy it has for this caller, or the place that takes it away."""
    scope = " ".join([f"per_agent.{agent}"] * bool(agent) + [f"per_tenant.{tenant}"] * bool(tenant))
    layers = layers_of(entry.names, entry.found.declared, config, agent=agent, tenant=tenant)
    try:
        return settled(entry.tool, layers, scope=scope)
    except ValidationError as error:
        spec = entry.tool.spec
        message, hint = str(error.errors()[0]["msg"]), "Correct the value in @tool(...)."
        reasons.add(Reason(code="tool", message=message, file=spec.file, line=spec.line, column=1, hint=hint))
        return spec.place


def _policies(catalogue: Catalogue, sources: Sources) -> Iterator[Reason]:
    """Mistakes in policies, as each caller finds them; one that all meet is told once."""
    config, tools = sources.config, catalogue.tools
    told = list(policy_reasons(tools.values(), tools, config, lost=sources.lost))
    yield from told
    for agent, tenant in catalogue.scoped:
        seen = catalogue.seen_by(agent, tenant)
        asking = [
            tool
            for name, tool in seen.items()
            if tool is not tools.get(name)
            or seen.get(tool.spec.policy.fallback) is not tools.get(tool.spec.policy.fallback)
        ]
        whom = f" (for agent {agent!r})" * bool(agent) + f" (for tenant {tenant!r})" * bool(tenant)
        for reason in policy_reasons(asking, seen, config, lost=sources.lost):
            if reason not in told:
                told.append(reason)
                yield replace(reason, message=reason.message + whom)
