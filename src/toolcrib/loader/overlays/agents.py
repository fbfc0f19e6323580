"""The agents of a project, and those that a tenant has otherwise."""

import fnmatch
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from toolcrib.core.agents import AgentSpec
from toolcrib.core.models import ModelPlan
from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.core.tools import ToolSpec
from toolcrib.loader.builtin import with_reader
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.overlays.catalogue import Catalogue
from toolcrib.loader.prompts import render_prompt
from toolcrib.loader.reading.tenants import overlaid
from toolcrib.loader.reading.yaml_source import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAgent:
    """An agent before its graph is compiled.

    Attributes:
        spec: what is written of it; its `graph` is the path that it came to.
        tools: what the model is told of its tools, sorted by name.
        prompt: the system prompt with its variables filled in.
        graph: the object its spec names; None for kinds that need none.
        router: the function that chooses the tier of its models; None without one.
        config: where it is written down, for reasons.
    """

    spec: AgentSpec
    tools: tuple[ToolSpec, ...]
    prompt: str
    graph: Any
    router: Any
    config: ProjectConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSources:
    """What agents are made from.

    Attributes:
        config: of the project, with its overlays.
        catalogue: the tools.
        contents: path -> bytes of every file.
        named: (agent, field of it, `path.py:variable`, where that is written) -> the object, None when it is not there.
        lost: names that may be tools: their file did not load.
    """

    config: ProjectConfig
    catalogue: Catalogue
    contents: Mapping[str, bytes]
    named: Callable[[str, Path, str, ProjectConfig], Any]
    lost: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Home:
    """For whom agents are loaded: a tenant, what its folder says, and the tree as it has it."""

    tenant: str
    own: ProjectConfig
    tree: Mapping[str, str]


def load_agents(sources: AgentSources) -> tuple[dict[tuple[str, str], LoadedAgent], list[Reason]]:
    """Every agent by name and tenant (empty for all), and everything wrong with their tools and graphs.

    A tenant has an agent of its own only where something differs that its model or its graph can notice.
    """
    config, scoped = sources.config, sources.catalogue.scoped
    reasons: list[Reason] = []
    everybody = _Home(tenant="", own=config, tree=overlaid(sources.contents, ""))
    loaded = {(name, ""): _load(name, spec, everybody, sources, reasons) for name, spec in config.agents.items()}
    for tenant in sorted({*config.overlays, *(tenant for _, tenant in scoped if tenant)}):
        own = config.overlays.get(tenant)
        tree = overlaid(sources.contents, tenant) if own else everybody.tree
        home = _Home(tenant=tenant, own=own or ProjectConfig(), tree=tree)
        for name, spec in {**config.agents, **home.own.agents}.items():
            agent = _load(name, spec, home, sources, reasons)
            if _differs(agent, loaded.get((name, ""))):
                loaded[name, tenant] = agent
    return loaded, reasons


def _load(name: str, spec: AgentSpec, home: _Home, sources: AgentSources, reasons: list[Reason]) -> LoadedAgent:
    said_by = home.own if name in home.own.agents else sources.config
    seen = sources.catalogue.seen_by(name, home.tenant)
    there = seen.keys() | sources.catalogue.seen_by("", home.tenant).keys()
    chosen: set[str] = set()
    for index, pattern in enumerate(spec.tools):
        chosen.update(fnmatch.filter(seen, pattern))
        if pattern != "*" and not fnmatch.filter(there, pattern) and not fnmatch.filter(sources.lost, pattern):
            message = f"agent {name!r} wants tool {pattern!r}, which does not exist"
            if said_by is home.own:  # a tenant may take away what an agent of the project has
                place = ("agents", name, "tools", index)
                reasons.append(said_by.reason("unknown_tool", message, place, did_you_mean(pattern, there)))
    tools = tuple(seen[tool].spec for tool in sorted(with_reader(chosen, seen)))
    spec = spec.model_copy(update={"graph": _at_home(spec.graph, home)}) if ":" in spec.graph else spec
    wants_graph = spec.kind == "graph" and bool(spec.graph)
    function = spec.model.function if isinstance(spec.model, ModelPlan) and spec.kind != "graph" else ""
    return LoadedAgent(
        spec=spec,
        tools=tools,
        prompt=_prompt(name, spec, [tool.name for tool in tools], home, sources.contents),
        graph=sources.named(name, ("graph",), spec.graph, said_by) if wants_graph else None,
        router=sources.named(name, ("model", "route"), _at_home(function, home), said_by) if function else None,
        config=said_by,
    )


def _at_home(place: str, home: _Home) -> str:
    """`path.py:variable` with the path that it came to."""
    path, colon, variable = place.removeprefix("./").partition(":")
    return f"{home.tree.get(path, path)}{colon}{variable}"


def _prompt(name: str, spec: AgentSpec, tools: list[str], home: _Home, contents: Mapping[str, bytes]) -> str:
    """The agent's system prompt: the file's text, or the text given in its place, with its variables filled in."""
    data = contents.get(home.tree.get(spec.prompt, ""))
    text = spec.prompt if data is None else data.decode("utf-8-sig", "replace")
    return render_prompt(text, {"agent": name, "tools": ", ".join(tools), **spec.variables})


def _differs(agent: LoadedAgent, other: LoadedAgent | None) -> bool:
    """Whether a model, a graph or a thread could tell the one from the other."""
    if other is None or agent.graph is not other.graph or agent.router is not other.router:
        return True
    return (agent.spec, agent.prompt, _told(agent)) != (other.spec, other.prompt, _told(other))


def _told(agent: LoadedAgent) -> list[object]:
    return [(tool.name, tool.description, tool.args_schema, tool.examples) for tool in agent.tools]
