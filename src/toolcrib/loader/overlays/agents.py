"""The agents of a project, and those that a tenant has otherwise."""

import fnmatch
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolcrib.core.agents import AgentSpec
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.models import ModelPlan
from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.core.tools import ToolSpec
from toolcrib.loader.builtin import with_reader
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.overlays.catalogue import Catalogue
from toolcrib.loader.prompts import prompt_path, render_prompt, unbound
from toolcrib.loader.reading.experiments import changed_fields
from toolcrib.loader.reading.places import decode, reason_at
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
        path: keys from the top of the file to where it stands there.
    """

    spec: AgentSpec
    tools: tuple[ToolSpec, ...]
    prompt: str
    graph: Any
    router: Any
    config: ProjectConfig
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSources:
    """What agents are made from.

    Attributes:
        config: of the project, with its overlays.
        catalogue: the tools.
        contents: path -> bytes of every file.
        named: (keys to where it is written, `path.py:variable`, the file) -> the object, None when it is not there.
        lost: names that may be tools: their file did not load.
    """

    config: ProjectConfig
    catalogue: Catalogue
    contents: Mapping[str, bytes]
    named: Callable[[Path, str, ProjectConfig], Any]
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


def load_agent_arms(
    sources: AgentSources, loaded: Mapping[tuple[str, str], LoadedAgent]
) -> tuple[dict[tuple[str, Arm], LoadedAgent], list[Reason]]:
    """Agents that are otherwise in a variant of an experiment, and everything wrong with them.

    Args:
        sources: what agents are made from.
        loaded: what `load_agents` gave.
    """
    config = sources.config
    reasons: list[Reason] = []
    arms: dict[tuple[str, Arm], LoadedAgent] = {}
    home = _Home(tenant="", own=config, tree=overlaid(sources.contents, ""))
    for experiment, words in config.experiments.items():
        for variant, said in words.variants.items():
            for name, fields in said.agents.items():
                path = ("experiments", experiment, "variants", variant, "agents", name)
                base = loaded.get((name, ""))
                if base is None:
                    message = f"there is no agent {name!r}"
                    reasons.append(config.unknown("unknown_agent", message, path, name=name, known=config.agents))
                    continue
                spec = base.spec.model_copy(update=changed_fields(fields))
                spec = spec.model_copy(update={"prompt": prompt_path(spec.prompt) or spec.prompt})
                reasons += _prompt_mistakes(name, spec, path, sources)
                prompt = _prompt(name, spec, [tool.name for tool in base.tools], home, sources.contents)
                router, route = base.router, (*path, "model", "route")
                if "model" in fields.model_fields_set:
                    reasons += _route_mistakes(spec, home, route, sources)
                    router = _router(spec, home, route, config, sources)
                arms[name, Arm(experiment, variant)] = replace(
                    base, spec=spec, prompt=prompt, router=router, config=config, path=path
                )
    return arms, reasons


def _prompt_mistakes(name: str, spec: AgentSpec, path: tuple[str, ...], sources: AgentSources) -> Iterator[Reason]:
    """A prompt of a variant that is not there, or that asks for what the agent has no value for."""
    config, file = sources.config, prompt_path(spec.prompt)
    if file is not None and file not in sources.contents:
        known = (one for one in sources.contents if prompt_path(one))
        message = f"prompt {file[:80]!r} is not in this project"
        yield config.reason("prompt_missing", message, (*path, "prompt"), did_you_mean(file, known))
        return
    text = spec.prompt if file is None else decode(file, sources.contents[file])
    if isinstance(text, Reason):
        yield text
        return
    for one, message, hint in unbound(name, spec, text):
        if file is None:
            yield config.reason("prompt_variable", message, (*path, "prompt"), hint)
        else:
            yield reason_at(file, text, (one.start, one.end), code="prompt_variable", message=message, hint=hint)


def _route_mistakes(spec: AgentSpec, home: _Home, where: Path, sources: AgentSources) -> Iterator[Reason]:
    """A function of a variant's plan of models whose file is not there; of an agent's own plan its reader tells."""
    file = _at_home(spec.model.function, home).rpartition(":")[0] if isinstance(spec.model, ModelPlan) else ""
    if file and file not in sources.contents:
        hint = did_you_mean(file, (one for one in sources.contents if one.endswith(".py")))
        yield sources.config.reason("route_missing", f"{file!r} is not in this project", where, hint)


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
    tools = tuple(seen[tool].spec for tool in sorted(with_reader(chosen, {**seen, **sources.catalogue.storing})))
    spec = spec.model_copy(update={"graph": _at_home(spec.graph, home)}) if ":" in spec.graph else spec
    wants_graph = spec.kind == "graph" and bool(spec.graph)
    path = ("agents", name)
    return LoadedAgent(
        spec=spec,
        tools=tools,
        prompt=_prompt(name, spec, [tool.name for tool in tools], home, sources.contents),
        graph=sources.named((*path, "graph"), spec.graph, said_by) if wants_graph else None,
        router=_router(spec, home, (*path, "model", "route"), said_by, sources),
        config=said_by,
        path=path,
    )


def _router(spec: AgentSpec, home: _Home, where: Path, said_by: ProjectConfig, sources: AgentSources) -> Any:
    """The function that chooses the tier of the agent's models; None without one."""
    function = spec.model.function if isinstance(spec.model, ModelPlan) and spec.kind != "graph" else ""
    return sources.named(where, _at_home(function, home), said_by) if function else None


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
