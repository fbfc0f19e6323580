"""From an agent's parts to an agent that runs."""

from typing import Any

from toolcrib.agents.function_calling import build_function_calling
from toolcrib.agents.graphs import compile_graph
from toolcrib.agents.parts import AgentParts
from toolcrib.core.agents import Agent


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
    if parts.spec.kind == "graph":
        compiled = compile_graph(graph, checkpointer=checkpointer, name=parts.name)
    else:
        compiled = graph or build_function_calling({"": parts}, checkpointer=checkpointer)
    return Agent(
        name=parts.name,
        spec=parts.spec,
        prompt=parts.prompt,
        tools=tuple(tool.name for tool in parts.tools),
        graph=compiled,
        release=parts.release,
    )
