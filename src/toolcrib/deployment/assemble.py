"""From a loaded project to a release: chains composed, graphs compiled."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from toolcrib.agents.factory import build_agent
from toolcrib.agents.function_calling import AgentParts
from toolcrib.agents.graphs import GraphError
from toolcrib.agents.models import model_problem
from toolcrib.agents.shape.graph import graph_shape, state_shape
from toolcrib.core.agents import Agent
from toolcrib.core.chain import CallNext
from toolcrib.core.compat.shapes import AgentShape, Shape, ToolShape, fingerprint
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Manifest
from toolcrib.core.tools import Tool
from toolcrib.loader.config import AGENTS
from toolcrib.loader.project import LoadedProject
from toolcrib.registry.release import Release

Compose = Callable[[Tool, Release], CallNext]


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
    if reasons:
        return None, reasons
    chains: dict[str, CallNext] = {}
    variants: dict[tuple[str, str, str], tuple[Tool, CallNext]] = {}
    release = Release(
        id=manifest.release,
        manifest=manifest,
        tools=project.tools,
        chains=MappingProxyType(chains),
        variants=MappingProxyType(variants),
        agents=MappingProxyType(agents),
        prompts=MappingProxyType(dict(project.prompts)),
        resources=project.resources,
        modules=project.space,
        shape=make_shape(project, agents, checkpointer=checkpointer),
    )
    chains.update((name, compose(tool, release)) for name, tool in project.tools.items())
    variants.update((key, (tool, compose(tool, release))) for key, tool in project.variants.items())
    return release, []


def make_shape(project: LoadedProject, agents: Mapping[str, Agent], *, checkpointer: Any) -> Shape:
    """What is compared with other releases.

    Args:
        project: the loaded project.
        agents: its agents.
        checkpointer: what they were built with; one that has another brought it along.
    """
    variants: dict[str, dict[str, Any]] = {}
    for (tool, agent, tenant), variant in project.variants.items():
        variants.setdefault(tool, {})[f"{agent}/{tenant}"] = _policy(variant)
    return Shape(
        tools={name: _tool_shape(tool, variants.get(name, {})) for name, tool in project.tools.items()},
        agents={name: _agent_shape(agent, project, checkpointer) for name, agent in agents.items()},
    )


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


def _agent_shape(agent: Agent, project: LoadedProject, checkpointer: Any) -> AgentShape:
    spec, graph = agent.spec, agent.graph
    path = spec.graph.partition(":")[0]
    written = spec.model_dump(mode="json")
    return AgentShape(
        settings={name: fingerprint(value) for name, value in written.items()},
        prompt=fingerprint(agent.prompt),
        tools=agent.tools,
        patterns=spec.tools,
        graph=graph_shape(graph, code=project.space.closure_of(path)[:16] if path else ""),
        state=state_shape(graph, number=spec.state_schema),
        threads="" if graph.checkpointer is checkpointer else type(graph.checkpointer).__name__,
        file=path or AGENTS,
    )


def build_agents(project: LoadedProject, release: str, *, checkpointer: Any) -> tuple[dict[str, Agent], list[Reason]]:
    """Every agent that can be built, and the reasons for those that cannot."""
    agents: dict[str, Agent] = {}
    reasons: list[Reason] = []
    config = project.config
    for name, spec in config.agents.items():
        if spec.kind != "graph" and (problem := model_problem(spec.model)):
            message, hint = problem
            reasons.append(config.reason("model", message, ("agents", name, "model"), hint))
        parts = AgentParts(
            name=name,
            spec=spec,
            prompt=project.agent_prompts[name],
            tools=[project.tools[tool].spec for tool in project.agent_tools[name]],
            release=release,
        )
        try:
            agents[name] = build_agent(parts, graph=project.graphs.get(name), checkpointer=checkpointer)
        except GraphError as error:
            message = f"agent {name!r}: {error}"
            reasons.append(config.reason("graph", message, ("agents", name, "graph"), "Correct the graph."))
    return agents, reasons
