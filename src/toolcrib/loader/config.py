"""The configuration of a project: agents.yaml, tools.yaml, toolcrib.yaml, langgraph.json, and all their mistakes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from types import MappingProxyType
from typing import Any

from toolcrib.core.agents import AgentSpec
from toolcrib.core.models import ModelPlan
from toolcrib.core.money import Spending
from toolcrib.core.names import did_you_mean
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.reasons import Reason
from toolcrib.core.settings import Settings
from toolcrib.loader.prompts import prompt_path, unbound
from toolcrib.loader.reading.experiments import ExperimentWords, read_experiments
from toolcrib.loader.reading.interpolation import interpolate
from toolcrib.loader.reading.json_source import parse_json
from toolcrib.loader.reading.langgraph_json import LANGGRAPH, langgraph_agents
from toolcrib.loader.reading.mistakes import Checked, Reading, check, unknown_key, wrong_type
from toolcrib.loader.reading.named import NAMED, agent_name, file_reasons, graph_reasons, normal, not_a_mapping
from toolcrib.loader.reading.overrides import ScopedOverride, ToolOverride
from toolcrib.loader.reading.places import MAX_REASONS, decode, reason_at
from toolcrib.loader.reading.spending import BUDGETS, PRICES, read_spending
from toolcrib.loader.reading.yaml_source import At, Document, Path, parse_yaml

AGENTS, TOOLS, SETTINGS = "agents.yaml", "tools.yaml", "toolcrib.yaml"

_FILE_OF = MappingProxyType(
    {
        "agents": AGENTS,
        BUDGETS: AGENTS,
        PRICES: AGENTS,
        "tools": TOOLS,
        "defaults": TOOLS,
        "per_agent": TOOLS,
        "per_tenant": TOOLS,
        "experiments": TOOLS,
        "graphs": LANGGRAPH,
    }
)

ScopedPolicies = Mapping[str, Mapping[str, ScopedOverride]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConfig:
    """What the configuration files say, as far as it is right, and where they say it.

    Attributes:
        agents: name -> agent, of `agents.yaml` and `langgraph.json`; paths in `prompt` and `graph` have no `./`.
        spending: what `agents.yaml` says of money.
        tool_overrides: tool -> what `tools.yaml` says about it.
        agent_overrides, tenant_overrides: agent or tenant -> tool -> what `tools.yaml` says about it for them alone.
        experiments: name -> what `tools.yaml` says of an experiment.
        tool_defaults: fields of `ToolPolicy` under `defaults:`, only those written.
        settings: of `toolcrib.yaml`.
        documents: `agents.yaml`, `tools.yaml`, `toolcrib.yaml`, `langgraph.json` -> the file, however spelt.
        overlays: tenant -> what the files in its folder say; its agents are whole, made of these words and the
            project's.
    """

    agents: Mapping[str, AgentSpec] = field(default_factory=lambda: MappingProxyType({}))
    spending: Spending = field(default_factory=Spending)
    tool_overrides: Mapping[str, ToolOverride] = field(default_factory=lambda: MappingProxyType({}))
    agent_overrides: ScopedPolicies = field(default_factory=lambda: MappingProxyType({}))
    tenant_overrides: ScopedPolicies = field(default_factory=lambda: MappingProxyType({}))
    experiments: Mapping[str, ExperimentWords] = field(default_factory=lambda: MappingProxyType({}))
    tool_defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    settings: Settings = field(default_factory=Settings)
    documents: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))
    overlays: Mapping[str, "ProjectConfig"] = field(default_factory=lambda: MappingProxyType({}))

    def reason(  # the file follows from the path
        self, code: str, message: str, path: Path, hint: str = "", *, at: At = "value", mark: str = ""
    ) -> Reason:
        """A reason that points at the value at `path`, e.g. `("agents", "support", "tools", 1)`.

        Where nothing is written at `path`, the nearest key above it is meant.

        Args:
            code: code of the reason.
            message: what is wrong.
            path: keys and indexes from the top of the file; its first part tells which file.
            hint: how to mend it.
            at: `key` points at the key instead.
            mark: a text within the value to point at.
        """
        file = _FILE_OF.get(str(path[0]), SETTINGS) if path else SETTINGS
        if file == AGENTS and self._is_langgraph(path):
            file, path = LANGGRAPH, ("graphs", *path[1:2])
        document = self.documents.get(file)
        if document is None:
            return Reason(code=code, message=message, file=file, hint=hint)
        return document.reason(code, message, path=path, hint=hint, at=at, mark=mark)

    def unknown(self, code: str, message: str, path: Path, *, name: str, known: Iterable[str]) -> Reason:
        """A reason that points at the key at `path`, with the names most like `name` as its hint."""
        return self.reason(code, message, path, did_you_mean(name, known), at="key")

    def _is_langgraph(self, path: Path) -> bool:
        def names(file: str, key: str) -> Any:
            data = self.documents[file].data if file in self.documents else None
            found = data.get(key) if isinstance(data, dict) else None
            return found if isinstance(found, dict) else {}

        return len(path) > 1 and path[1] in names(LANGGRAPH, "graphs") and path[1] not in names(AGENTS, "agents")


def read_config(
    files: Mapping[str, bytes], *, env: Mapping[str, str], base: Mapping[str, AgentSpec] = MappingProxyType({})
) -> tuple[ProjectConfig, tuple[Reason, ...]]:
    """Read the configuration in a project's files.

    Args:
        files: path -> bytes of every file of the project.
        env: where `${env:NAME}` and `${secret:NAME}` look.
        base: agents that are there already: what is written of one of them replaces the fields it names.

    Returns:
        What is right in it, and everything that is wrong, sorted by place; after 200 mistakes the rest is not looked
        for. Mistakes of users never raise.
    """
    reasons: list[Reason] = []
    readings = {name: _read(name, files, env, reasons) for name in (AGENTS, TOOLS, SETTINGS) if _spellings(name, files)}
    agents, spending = _agents(readings[AGENTS], files, reasons, base) if AGENTS in readings else ({}, Spending())
    tools = _tools(readings[TOOLS], reasons) if TOOLS in readings else ProjectConfig()
    settings = _settings(readings[SETTINGS], reasons) if SETTINGS in readings else Settings()
    documents = {name: reading.document for name, reading in readings.items()}
    if LANGGRAPH in files:
        documents[LANGGRAPH], wrong = parse_json(LANGGRAPH, files[LANGGRAPH])
        reasons += wrong
        agents |= langgraph_agents(documents[LANGGRAPH], documents.get(AGENTS, Document(file=AGENTS)), files, reasons)
    config = replace(
        tools,
        agents=MappingProxyType(agents),
        spending=spending,
        settings=settings,
        documents=MappingProxyType(documents),
    )
    unique = list(dict.fromkeys(reasons))[: 2 * MAX_REASONS]
    return config, tuple(sorted(unique, key=lambda reason: (reason.file, reason.line, reason.column)))


def _spellings(name: str, files: Mapping[str, bytes]) -> list[str]:
    return [path for path in (name, name.replace(".yaml", ".yml")) if path in files]


def _read(name: str, files: Mapping[str, bytes], env: Mapping[str, str], reasons: list[Reason]) -> Reading:
    spelt, *others = _spellings(name, files)
    for other in others:
        message, hint = f"{spelt} and {other} are both there", f"Keep one of them; only {spelt} was read."
        reasons.append(Reason(code="duplicate_file", message=message, file=other, hint=hint))
    document, wrong = parse_yaml(spelt, files[spelt])
    values = interpolate(document, env)
    reasons += [*wrong, *values.reasons]
    return Reading(document=document, values=values)


def _top(reading: Reading, allowed: frozenset[str], reasons: list[Reason]) -> dict[str, Any]:
    """The top of a file as mapping; with reasons for keys that have no place there."""
    data = reading.values.data
    if data is None:
        return {}
    if not isinstance(data, dict):
        reasons.append(not_a_mapping(reading.document, f"Begin with `{min(allowed)}:`."))
        return {}
    strange = (key for key in data if key not in allowed)
    reasons += [unknown_key(reading, (key,), allowed) for key in islice(strange, MAX_REASONS)]
    return data


def _names(reading: Reading, top: Mapping[str, Any], key: str, reasons: list[Reason]) -> list[str]:
    """The names below a key of the top."""
    value = top.get(key)
    if value is not None and not isinstance(value, dict):
        reasons.append(wrong_type(reading, (key,), NAMED))
    return list(value) if isinstance(value, dict) else []


def _tools(reading: Reading, reasons: list[Reason]) -> ProjectConfig:
    """The part of the configuration that `tools.yaml` holds."""
    top = _top(reading, frozenset({"defaults", "tools", "per_agent", "per_tenant", "experiments"}), reasons)
    defaults = check(ToolPolicy, reading, ("defaults",))
    reasons += defaults.reasons
    overrides: dict[str, ToolOverride] = {}
    for name in _names(reading, top, "tools", reasons):
        checked = check(ToolOverride, reading, ("tools", name))
        reasons += checked.reasons
        if checked.model:
            overrides[name] = checked.model
        if len(reasons) >= MAX_REASONS:
            break
    said = defaults.usable
    return ProjectConfig(
        tool_overrides=MappingProxyType(overrides),
        agent_overrides=_scoped(reading, top, "per_agent", reasons),
        tenant_overrides=_scoped(reading, top, "per_tenant", reasons),
        experiments=read_experiments(reading, top, reasons),
        tool_defaults=MappingProxyType({key: getattr(said, key) for key in said.model_fields_set}),
    )


def _scoped(reading: Reading, top: Mapping[str, Any], key: str, reasons: list[Reason]) -> ScopedPolicies:
    """The policies below `per_agent` or `per_tenant`: name -> tool -> policy."""
    scoped: dict[str, Mapping[str, ScopedOverride]] = {}
    for name in _names(reading, top, key, reasons):
        tools = top[key][name]
        if tools is not None and not isinstance(tools, dict):
            reasons.append(wrong_type(reading, (key, name), NAMED))
            continue
        checked = {tool: check(ScopedOverride, reading, (key, name, tool)) for tool in tools or {}}
        reasons += [reason for one in checked.values() for reason in one.reasons]
        scoped[name] = {tool: one.model for tool, one in checked.items() if one.model}
    return MappingProxyType(scoped)


def _settings(reading: Reading, reasons: list[Reason]) -> Settings:
    if isinstance(reading.values.data, dict | None):
        checked = check(Settings, reading, ())
        reasons += checked.reasons
        return checked.usable
    reasons.append(not_a_mapping(reading.document, f"Begin with one of: {', '.join(Settings.model_fields)}."))
    return Settings()


def _agents(
    reading: Reading, files: Mapping[str, bytes], reasons: list[Reason], base: Mapping[str, AgentSpec]
) -> tuple[dict[str, AgentSpec], Spending]:
    top = _top(reading, frozenset({"agents", BUDGETS, PRICES}), reasons)
    agents: dict[str, AgentSpec] = {}
    for name in _names(reading, top, "agents", reasons):
        checked = check(AgentSpec, reading, ("agents", name))
        if name in base:
            checked = _over(base[name], checked)
        more = [*agent_name(reading.document, ("agents", name))]
        more += islice(_agent_reasons(reading, name, checked, files), MAX_REASONS)
        reasons += [*checked.reasons, *more]
        if checked.model and not more:
            spec = checked.model
            paths = {"prompt": prompt_path(spec.prompt) or spec.prompt, "graph": normal(spec.graph)}
            agents[name] = spec.model_copy(update=paths)
        if len(reasons) >= MAX_REASONS:
            break
    return agents, read_spending(reading, top, reasons)


def _over(base: AgentSpec, checked: Checked[AgentSpec]) -> Checked[AgentSpec]:
    """The agent that is there, with the fields that are written here in place of its own."""
    said = checked.usable
    whole = base.model_copy(update={name: getattr(said, name) for name in said.model_fields_set})
    return replace(checked, model=whole if checked.model else None, usable=whole)


def _agent_reasons(
    reading: Reading, name: str, checked: Checked[AgentSpec], files: Mapping[str, bytes]
) -> Iterator[Reason]:
    """What pydantic cannot know: whether kind and graph agree, and whether files and variables are there."""
    spec, path = checked.usable, ("agents", name)
    document = reading.document
    if not checked.wrong & {"kind", "graph"}:
        if spec.kind == "graph" and not spec.graph:
            message = f"agent {name!r} is a graph but does not say which"
            hint = "Add `graph: graphs/file.py:variable`."
            yield document.reason("missing_key", message, path=(*path, "graph"), hint=hint, at="key")
        if spec.kind != "graph" and spec.graph:
            message = f"agent {name!r} is of kind {spec.kind}, which has no graph"
            hint = "Add `kind: graph`, or remove `graph`."
            yield document.reason("wrong_value", message, path=(*path, "graph"), hint=hint, at="key")
    if spec.graph:
        written = str(reading.written((*path, "graph")))
        yield from graph_reasons(document, (*path, "graph"), spec.graph, written, files)
    if isinstance(spec.model, ModelPlan) and spec.model.function:
        where = (*path, "model", "route")
        yield from file_reasons(document, where, normal(spec.model.function), str(reading.written(where)), files)
    if spec.prompt:
        yield from _prompt_reasons(reading, name, checked, files)


def _prompt_reasons(
    reading: Reading, name: str, checked: Checked[AgentSpec], files: Mapping[str, bytes]
) -> Iterator[Reason]:
    path: Path = ("agents", name, "prompt")
    spec, place = checked.usable, prompt_path(checked.usable.prompt)
    if place is not None and place not in files:
        message = f"prompt {str(reading.written(path))[:80]!r} is not in this project"
        hint = did_you_mean(place, (file for file in files if prompt_path(file)))
        yield reading.document.reason("prompt_missing", message, path=path, hint=hint)
        return
    # The text as written: what came from outside may be secret.
    inline = reading.written(path)
    text = str(spec.prompt if inline is None else inline) if place is None else decode(place, files[place])
    if isinstance(text, Reason):
        yield text
        return
    if "variables" in checked.wrong:
        return
    for one, message, hint in unbound(name, spec, text):
        if place is None:
            mark = f"{{{one.name}}}"
            yield reading.document.reason("prompt_variable", message, path=path, hint=hint, mark=mark)
        else:
            yield reason_at(place, text, (one.start, one.end), code="prompt_variable", message=message, hint=hint)
