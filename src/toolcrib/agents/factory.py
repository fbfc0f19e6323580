"""From an agent's parts to an agent that runs."""

from collections.abc import Mapping
from typing import Any

from toolcrib.agents.function_calling import build_function_calling
from toolcrib.agents.graphs import own_graph
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.react.agent import build_react
from toolcrib.core.agents import Agent
from toolcrib.core.experiments.arms import Arm


def build_shared(parts: Mapping[str | Arm, AgentParts], *, checkpointer: Any) -> Any:
    """The compiled graph of an agent that is no graph of the project's own.

    Args:
        parts: tenant, empty for all others, or a variant of an experiment -> what the agent is made of for it; all of
            one kind.
        checkpointer: where its threads live.
    """
    kinds = {own.spec.kind for own in parts.values()}
    build = build_react if kinds == {"react"} else build_function_calling
    return build(parts, checkpointer=checkpointer)


def build_agent(parts: AgentParts, *, graph: Any, checkpointer: Any) -> Agent:
    """An agent of one release.

    Args:
        parts: name, spec, prompt and tools.
        graph: for `kind: graph`, the object its spec names; for others the compiled graph that its tenants share, None
            to compile one for it alone.
        checkpointer: where its threads live; None for a trial build.

    Raises:
        GraphError: the graph cannot be run.
    """
    per_run = None
    if parts.spec.kind == "graph":
        own = own_graph(graph, checkpointer=checkpointer, name=parts.name)
        compiled, per_run = own.graph, own.per_run
    else:
        compiled = graph or build_shared({"": parts}, checkpointer=checkpointer)
    return Agent(
        name=parts.name,
        spec=parts.spec,
        prompt=parts.prompt,
        tools=tuple(tool.name for tool in parts.tools),
        graph=compiled,
        per_run=per_run,
        release=parts.release,
    )
