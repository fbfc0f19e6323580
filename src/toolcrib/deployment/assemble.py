"""From a loaded project to a release: chains composed, graphs compiled."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

from toolcrib.agents.factory import build_agent, build_shared
from toolcrib.agents.models.names import model_problem
from toolcrib.agents.models.plans import plan_problems
from toolcrib.agents.own_factories import GraphError
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.shape.graph import graph_shape, state_shape
from toolcrib.agents.state.saved import Builder
from toolcrib.agents.state.serializer import bound_to_release, keeps_threads
from toolcrib.core.agents import Agent
from toolcrib.core.chain import CallNext
from toolcrib.core.compat.migrations import renamed, way
from toolcrib.core.compat.shapes import (
    AgentShape,
    ExperimentShape,
    GraphShape,
    MigrationShape,
    Shape,
    StateShape,
    TenantShape,
    ToolShape,
    fingerprint,
)
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.experiments.values import Experiment
from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Manifest
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import blame, files_of
from toolcrib.loader.config import AGENTS
from toolcrib.loader.overlays.agents import LoadedAgent
from toolcrib.loader.overlays.catalogue import Catalogue
from toolcrib.loader.project import LoadedProject
from toolcrib.registry.release import Key, Release

Compose = Callable[[Tool, Release], CallNext]
Shapes = dict[tuple[int, str, int | None], tuple[GraphShape, StateShape]]
AgentsByKey = dict[tuple[str, str], Agent]
"""Agent and tenant, empty for all -> agent."""
AgentArms = dict[tuple[str, Arm], Agent]
"""Agent and variant of an experiment -> agent."""
_OF_MODELS = frozenset({"model", "degrade"})


def build_release(
    project: LoadedProject, manifest: Manifest, *, compose: Compose, checkpointer: Any
) -> tuple[Release | None, list[Reason]]:
    """The release, or all reasons why an agent of it cannot be built.

    Args:
        project: the loaded project.
        manifest: what it was loaded from.
        compose: (tool, release) -> the tool's chain; the release is whole when a call goes through.
        checkpointer: where threads live.
    """
    agents, reasons = build_agents(project, manifest.release, checkpointer=checkpointer)
    arms, mistakes = _build_arms(project, agents)
    if reasons or mistakes:
        return None, [*reasons, *mistakes]
    chains: dict[str, CallNext] = {}
    variants: dict[Key, tuple[Tool, CallNext]] = {}
    catalogue = project.catalogue
    otherwise = catalogue.everything_otherwise
    release = Release(
        id=manifest.release,
        manifest=manifest,
        tools=project.tools,
        chains=MappingProxyType(chains),
        variants=MappingProxyType(variants),
        withheld=MappingProxyType({key: place for key, place in otherwise.items() if isinstance(place, str)}),
        disabled=MappingProxyType(dict(catalogue.disabled)),
        listed=MappingProxyType(_listed(catalogue)),
        agents=MappingProxyType({name: one for (name, tenant), one in agents.items() if not tenant}),
        agent_variants=MappingProxyType(dict([*((key, one) for key, one in agents.items() if key[1]), *arms.items()])),
        experiments=project.experiments,
        prompts=MappingProxyType(dict(project.prompts)),
        resources=project.resources,
        spending=project.config.spending,
        modules=project.space,
        shape=make_shape(project, agents),
    )
    chains.update((name, compose(tool, release)) for name, tool in project.tools.items())
    variants.update((key, (tool, compose(tool, release))) for key, tool in otherwise.items() if isinstance(tool, Tool))
    return release, []


def _listed(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Tenant -> names of its tools, where they are not those of all."""
    tenants = {tenant for _, tenant in catalogue.scoped if tenant}
    seen = {tenant: tuple(sorted(catalogue.seen_by("", tenant))) for tenant in sorted(tenants)}
    return {tenant: names for tenant, names in seen.items() if set(names) != catalogue.tools.keys()}


def make_shape(project: LoadedProject, agents: AgentsByKey) -> Shape:
    """What is compared with other releases: of the loaded project and its agents."""
    variants: dict[str, dict[str, Any]] = {}
    tenants: dict[str, TenantShape] = {tenant: TenantShape() for _, tenant in project.agents if tenant}
    for (name, agent, tenant), tool in project.catalogue.variants.items():
        base = project.tools.get(name)
        if isinstance(tool, Tool) and base and tool.spec.address == base.spec.address:
            variants.setdefault(name, {})[f"{agent}/{tenant}"] = _policy(tool)
        elif tenant and not agent and (base or isinstance(tool, Tool)):
            own = tenants.setdefault(tenant, TenantShape())
            own.tools[name] = _tool_shape(tool, _by_agent(name, tenant, project)) if isinstance(tool, Tool) else None
    shapes: Shapes = {}  # of graphs that tenants share
    made = {key: _agent_shape(agent, project, shapes) for key, agent in agents.items()}
    for (name, tenant), shape in made.items():
        if tenant:
            tenants[tenant].agents[name] = shape
    return Shape(
        tools={name: _tool_shape(tool, variants.get(name, {})) for name, tool in project.tools.items()},
        agents={name: shape for (name, of), shape in made.items() if not of},
        tenants=tenants,
        experiments={name: _experiment_shape(one) for name, one in project.experiments.items()},
        money=project.config.spending.words(),
    )


def _experiment_shape(experiment: Experiment) -> ExperimentShape:
    return ExperimentShape(
        by=experiment.by,
        salt=experiment.salt,
        weights={name: one.weight for name, one in experiment.variants.items()},
        variants={name: one.digest for name, one in experiment.variants.items()},
        outside=tuple(sorted(experiment.outside)),
    )


def _by_agent(name: str, tenant: str, project: LoadedProject) -> dict[str, dict[str, Any]]:
    """`agent/` -> policy of a tenant's tool for calls of that agent."""
    own = (
        (agent, tools.get(name)) for (agent, of), tools in project.catalogue.scoped.items() if agent and of == tenant
    )
    return {f"{agent}/": _policy(tool) for agent, tool in own if isinstance(tool, Tool)}


def _tool_shape(tool: Tool, variants: dict[str, dict[str, Any]]) -> ToolShape:
    spec = tool.spec
    return ToolShape(
        digest=spec.digest,
        description=fingerprint(spec.description),
        args_schema=dict(spec.args_schema),
        result_schema=None if spec.result_schema is None else dict(spec.result_schema),
        policy=_policy(tool),
        variants=variants,
        sensitive=asdict(spec.sensitive),
        file=spec.file,
        line=spec.line,
    )


def _policy(tool: Tool) -> dict[str, Any]:
    return tool.spec.policy.model_dump(mode="json", exclude_defaults=True)


def _agent_shape(agent: Agent, project: LoadedProject, shapes: Shapes) -> AgentShape:
    spec, graph = agent.spec, agent.graph
    path = spec.graph.partition(":")[0]
    key = id(graph), path, spec.state_schema
    known = shapes.get(key)
    if known is None:
        code = project.space.closure_of(path)[:16] if path else ""
        known = shapes[key] = graph_shape(graph, code=code), state_shape(graph, number=spec.state_schema)
    written = spec.model_dump(mode="json")
    return AgentShape(
        settings={name: fingerprint(value) for name, value in written.items()},
        prompt=fingerprint(agent.prompt),
        tools=agent.tools,
        patterns=spec.tools,
        graph=known[0],
        state=known[1],
        threads="" if keeps_threads(graph.checkpointer) else type(graph.checkpointer).__name__,
        file=path or AGENTS,
        migrations=tuple(MigrationShape.model_validate(one, from_attributes=True) for one in agent.migrations),
    )


def build_agents(project: LoadedProject, release: str, *, checkpointer: Any) -> tuple[AgentsByKey, list[Reason]]:
    """Every agent that can be built, by name and tenant, and the reasons for those that cannot."""
    agents: AgentsByKey = {}
    reasons: list[Reason] = []
    checkpointer = bound_to_release(checkpointer, Builder(project.space.load, release=release))
    parts: dict[tuple[str, str | Arm], AgentParts] = {}
    parts.update((key, _parts(key[0], loaded, release)) for key, loaded in project.agents.items())
    parts.update((key, _parts(key[0], loaded, release)) for key, loaded in project.agent_arms.items())
    shared: dict[tuple[str, str], Any] = {}
    for (name, tenant), loaded in project.agents.items():
        spec, config, graph = loaded.spec, loaded.config, loaded.graph
        if spec.kind != "graph":
            reasons += _models(loaded)
            if (name, spec.kind) not in shared:
                each = {of: one for (own, of), one in parts.items() if own == name and one.spec.kind == spec.kind}
                shared[name, spec.kind] = build_shared(each, checkpointer=checkpointer)
            graph = shared[name, spec.kind]
        elif spec.answer_cache is not None:
            message, hint = f"agent {name!r} is a graph of your own, whose answers are not kept", "Leave it out."
            reasons.append(config.reason("agent", message, ("agents", name, "answer_cache"), hint))
        try:
            agent = build_agent(parts[name, tenant], graph=graph, checkpointer=checkpointer)
        except GraphError as error:
            reasons.append(_broken(name, error, loaded, project))
        else:
            agents[name, tenant] = replace(agent, migrations=project.migrations.get(name, ()))
            reasons += _lost_nodes(agents[name, tenant])
    return agents, list(dict.fromkeys(reasons))


def _broken(name: str, error: GraphError, loaded: LoadedAgent, project: LoadedProject) -> Reason:
    """The reason for a graph that cannot be run: where the project's code raised, else where the graph is named."""
    message, hint = f"agent {name!r}: {error}", "Correct the graph."
    if error.__cause__ is not None:
        raised = blame(error.__cause__, code="graph", path="", files=files_of(project.space))
        if raised.file:
            return replace(raised, message=message, hint=hint)
    return loaded.config.reason("graph", message, ("agents", name, "graph"), hint)


def _build_arms(project: LoadedProject, agents: AgentsByKey) -> tuple[AgentArms, list[Reason]]:
    """The agents that are otherwise in a variant, on the graphs that they have for all."""
    arms: AgentArms = {}
    reasons: list[Reason] = []
    for (name, arm), loaded in project.agent_arms.items():
        written = project.experiments[arm.experiment].variants[arm.variant].agents[name]
        reasons += _models(loaded, fields=written)
        if base := agents.get((name, "")):
            arms[name, arm] = replace(base, spec=loaded.spec, prompt=loaded.prompt)
    return arms, reasons


def _models(loaded: LoadedAgent, *, fields: Collection[str] = _OF_MODELS) -> Iterator[Reason]:
    """What is wrong with the models an agent names in these of its fields."""
    spec, config = loaded.spec, loaded.config
    for place, message, hint in plan_problems(spec) if "model" in fields else ():
        yield config.reason("model", message, (*loaded.path, "model", *place), hint)
    if "degrade" in fields and spec.degrade and spec.degrade.model and (problem := model_problem(spec.degrade.model)):
        yield config.reason("model", problem[0], (*loaded.path, "degrade", "model"), problem[1])


def _lost_nodes(agent: Agent) -> list[Reason]:
    """What is wrong with the nodes that migrations rename: each must come to one that the graph has."""
    reasons = []
    steps = way("", agent.migrations, ())
    for place, (migration, _) in enumerate(steps):
        for node, name in migration.nodes.items():
            last = renamed(name, steps[place + 1 :])
            if last not in agent.graph.nodes:
                message = (
                    f"migration {migration.revision!r}: node {node!r} becomes {last!r}, which {agent.name!r} lacks"
                )
                hint = did_you_mean(last, [one for one in agent.graph.nodes if not one.startswith("__")])
                reasons.append(
                    Reason(code="migration", message=message, file=migration.file, line=migration.line, hint=hint)
                )
    return reasons


def _parts(name: str, loaded: LoadedAgent, release: str) -> AgentParts:
    return AgentParts(
        name=name,
        spec=loaded.spec,
        prompt=loaded.prompt,
        tools=loaded.tools,
        release=release,
        router=loaded.router,
    )
