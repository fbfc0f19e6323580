"""Experiments: the tools and agents of each variant, as differences from the project."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from pydantic import ValidationError

from toolcrib.core.compat.shapes import fingerprint
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.experiments.values import Experiment, Variant
from toolcrib.core.names import did_you_mean
from toolcrib.core.policies import Approval
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import unknown_field
from toolcrib.core.stores.artifacts import READ_ARTIFACT
from toolcrib.core.tools import Tool
from toolcrib.loader.compat.schemas import covers
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.discover import readapted
from toolcrib.loader.layers import layers_of, policy_reasons, required, settled, shown_by
from toolcrib.loader.overlays.catalogue import Catalogue, Entry, Sources
from toolcrib.loader.prompts import prompt_path
from toolcrib.loader.reading.experiments import VariantWords, changed_fields
from toolcrib.loader.reading.tenants import inner_path, tenant_of
from toolcrib.loader.reading.yaml_source import At

Path = tuple[str, ...]
_AT: tuple[At, At] = ("value", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swap:
    """What a variant says of one tool: by the name of `name` goes the code of `other`."""

    arm: Arm
    name: str
    other: str

    @property
    def path(self) -> Path:
        """Where it is written."""
        return ("experiments", self.arm.experiment, "variants", self.arm.variant, "tools", self.name)


def with_arms(catalogue: Catalogue, sources: Sources) -> tuple[Catalogue, list[Reason]]:
    """The catalogue with the tools of all variants, and everything wrong with what is said of them.

    A variant's tool has the policy of the tool whose code it is; who has it at all is said of the name it goes by.
    """
    config = sources.config
    swaps = [*_swaps(config)]
    reasons = [*_unknown(swaps, catalogue, sources), *_twice(config)]
    arms: dict[tuple[str, Arm], dict[str, Tool | str]] = {}
    for swap in swaps:
        if {swap.name, swap.other} <= catalogue.entries.keys() and swap.name != swap.other:
            for agent in ("", *_agents_with_a_word(swap, catalogue)):
                word = catalogue.scoped.get((agent, ""), {}).get(swap.name) if agent else None
                there = word or catalogue.tools.get(swap.name) or catalogue.disabled[swap.name]
                tool = there if isinstance(there, str) else _tool(swap, agent, catalogue, config)
                arms.setdefault((agent, swap.arm), {})[swap.name] = tool
                if isinstance(tool, Tool) and isinstance(there, Tool):
                    reasons += [one for one in _misfits(swap, tool, there, catalogue, config) if one not in reasons]
    made = replace(catalogue, arms=arms)
    return made, [*reasons, *_fallbacks(made, sources)]


def make_experiments(
    catalogue: Catalogue, config: ProjectConfig, *, agents: Collection[tuple[str, str]], contents: Collection[str]
) -> dict[str, Experiment]:
    """Name -> experiment.

    Args:
        catalogue: the tools, with those of the variants.
        config: of the project.
        agents: agent and tenant, empty for all -> of all agents that somebody has.
        contents: paths of all files.
    """
    found = {}
    for name, words in config.experiments.items():
        tools = {tool for one in words.variants.values() for tool in one.tools}
        changed = {agent for one in words.variants.values() for agent in one.agents}
        touched = tools | {other for one in words.variants.values() for other in one.tools.values()}
        outside = {tenant for (_, tenant), own in catalogue.scoped.items() if tenant and touched & own.keys()}
        outside.update(tenant for agent, tenant in agents if tenant and agent in changed)
        prompts = {
            prompt_path(changed_fields(one).get("prompt", ""))
            for each in words.variants.values()
            for one in each.agents.values()
        }
        outside.update(tenant for path in contents if (tenant := tenant_of(path)) and inner_path(path) in prompts)
        place = config.reason("", "", ("experiments", name), at="key")
        found[name] = Experiment(
            name=name,
            by=words.by,
            salt=words.salt or name,
            variants={one: _variant(Arm(name, one), said, catalogue) for one, said in words.variants.items()},
            tools=frozenset(tools),
            agents=frozenset(changed),
            outside=frozenset(outside),
            place=f"{place.file}:{place.line}",
        )
    return found


def _variant(arm: Arm, said: VariantWords, catalogue: Catalogue) -> Variant:
    own = catalogue.arms.get(("", arm), {})
    tools = {name: tool.spec.digest if isinstance(tool, Tool) else tool for name, tool in own.items()}
    agents = {name: one.model_dump(mode="json", exclude_unset=True) for name, one in said.agents.items()}
    return Variant(
        weight=said.weight,
        tools=dict(said.tools),
        agents={name: tuple(fields) for name, fields in agents.items()},
        digest=fingerprint([tools, agents]) if tools or agents else "",
    )


def _swaps(config: ProjectConfig) -> Iterator[_Swap]:
    for name, words in config.experiments.items():
        for variant, said in words.variants.items():
            for tool, other in said.tools.items():
                yield _Swap(arm=Arm(name, variant), name=tool, other=other)


def _unknown(swaps: list[_Swap], catalogue: Catalogue, sources: Sources) -> Iterator[Reason]:
    known = catalogue.entries.keys()
    for swap in swaps:
        for name in dict.fromkeys((swap.name, swap.other)):
            if name not in known and name not in sources.lost:
                message, hint, at = f"there is no tool {name!r}", did_you_mean(name, known), _AT[name == swap.name]
                yield sources.config.reason("unknown_tool", message, swap.path, hint, at=at)
        if swap.name == swap.other:
            message = f"variant {swap.arm.variant!r} puts tool {swap.name!r} in its own place"
            yield sources.config.reason("experiment", message, swap.path, "Leave it out, or name another tool.")


def _twice(config: ProjectConfig) -> Iterator[Reason]:
    """Tools and agents that two experiments change: what a caller in both would have, nobody could say."""
    taken: dict[tuple[str, str], str] = {}
    for name, words in config.experiments.items():
        own: dict[tuple[str, str], Path] = {}
        for variant, said in words.variants.items():
            for kind, names in (("tool", said.tools), ("agent", said.agents)):
                path = ("experiments", name, "variants", variant, f"{kind}s")
                own = {**{(kind, one): (*path, one) for one in names}, **own}
        for thing, place in own.items():
            if other := taken.setdefault(thing, name) if thing in taken else "":
                message = f"{thing[0]} {thing[1]!r} is changed by experiment {other!r} too"
                hint = "Let one experiment end, or make it a variant of the other."
                yield config.reason("experiment", message, place, hint, at="key")
        taken |= {thing: name for thing in own if thing not in taken}


def _agents_with_a_word(swap: _Swap, catalogue: Catalogue) -> list[str]:
    """Agents that have one of the two tools otherwise than all others."""
    both = {swap.name, swap.other}
    return [agent for (agent, tenant), own in catalogue.scoped.items() if agent and not tenant and both & own.keys()]


def _tool(swap: _Swap, agent: str, catalogue: Catalogue, config: ProjectConfig) -> Tool | str:
    """The other tool under the name, with what is sensitive of either of them."""
    entry, named = catalogue.entries[swap.other], catalogue.entries[swap.name]
    tool = readapted(entry.found, name=swap.name, sensitive=_sensitive(entry, named, config))
    layers = [
        replace(one, fields={key: value for key, value in one.fields.items() if key != "enabled"})
        for one in layers_of(entry.names, entry.found.declared, config, agent=agent, tenant="")
    ]
    scope = f"experiments.{swap.arm.experiment}.{swap.arm.variant}" + f" per_agent.{agent}" * bool(agent)
    # The tools of one file have one digest, and under one name only the digest tells their results and breakers apart.
    digest = sha256(f"{tool.spec.digest} {tool.spec.address}".encode()).hexdigest()[:16]
    tool = replace(tool, spec=replace(tool.spec, digest=digest))
    try:
        return settled(tool, layers, scope=scope)
    except ValidationError:  # told of where the other tool stands for itself
        return tool.spec.place


def _sensitive(entry: Entry, named: Entry, config: ProjectConfig) -> list[str]:
    marked = [
        path for one in (named, entry) if (said := config.tool_overrides.get(one.names.code)) for path in said.sensitive
    ]
    schema = entry.found.tool.spec.args_schema
    return [path for path in dict.fromkeys(marked) if unknown_field(schema, path) is None]


def _misfits(swap: _Swap, tool: Tool, there: Tool, catalogue: Catalogue, config: ProjectConfig) -> Iterator[Reason]:
    """Why the other tool cannot stand in: callers know of no variant, so what fits one must fit both."""
    code = catalogue.entries[swap.other].names.code
    both, schema, older = f"{swap.other!r} in the place of {swap.name!r}", tool.spec.args_schema, there.spec.args_schema
    if more := sorted(required(tool) - required(there)):
        message = f"{both} needs {', '.join(more)}, which callers need not give"
        yield config.reason("experiment", message, swap.path, "Give it a default: both must take the same calls.")
    for name, given in older.get("properties", {}).items():
        taken = schema.get("properties", {}).get(name)
        if taken is None or not covers(taken, given, of=(schema, older)):
            how = "has no argument" if taken is None else "does not take every value of argument"
            hint = "Both must take the same calls: widen it, or make a tool that does."
            yield config.reason("experiment", f"{both} {how} {name!r}", swap.path, hint)
    if shown := shown_by(tool, there):
        marks = ", ".join(shown)
        hint = f"Mark it there too: `tools: {{{code}: {{sensitive: [{marks}]}}}}`."
        yield config.reason("experiment", f"{both}: {marks} is not sensitive to it", swap.path, hint)
    if lost := sorted(set(there.spec.policy.scopes) - set(tool.spec.policy.scopes)):
        names = ", ".join(lost)
        hint = f"Ask for it there too: `tools: {{{code}: {{scopes: [{names}]}}}}`."
        yield config.reason("experiment", f"{both} does not ask for the scope {names}", swap.path, hint)
    if (asks := there.spec.policy.approval) and not _asks_as_often(tool.spec.policy.approval, asks):
        written = f"when({asks.when})" if asks.when else "required"
        hint = f"Ask there too: `tools: {{{code}: {{approval: {written}}}}}`."
        yield config.reason("experiment", f"{both} does not ask a person where it does", swap.path, hint)
    if tool.spec.policy.stores_output and READ_ARTIFACT not in catalogue.tools:
        hint = f"Add `{READ_ARTIFACT}: {{}}` under `tools:`, or set `excess: cut` in its `output`."
        yield config.reason("experiment", f"{both} stores what is too long, and nothing reads it", swap.path, hint)


def _asks_as_often(approval: Approval | None, other: Approval) -> bool:
    """Whether a person is asked about every call that the other one would ask about."""
    return approval is not None and approval.when in ("", other.when)


def _fallbacks(catalogue: Catalogue, sources: Sources) -> Iterator[Reason]:
    for (agent, arm), own in catalogue.arms.items():
        tools = {name: tool for name, tool in own.items() if isinstance(tool, Tool)}
        seen = {**catalogue.seen_by(agent, ""), **tools}
        for reason in policy_reasons(tools.values(), seen, sources.config, lost=sources.lost):
            yield replace(reason, message=f"{reason.message} (in variant {str(arm)!r})")
