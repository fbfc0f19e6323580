"""The function-calling agent: a small graph, agent -> tools -> agent, until the model answers without a tool call."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.graph import END, START, MessagesState, StateGraph

from toolcrib.agents.corrections import corrections
from toolcrib.agents.models.asking import ask
from toolcrib.agents.models.question import Question
from toolcrib.agents.parts import AgentParts, Voice
from toolcrib.agents.scope import required_scope
from toolcrib.agents.tool_node import ToolNode
from toolcrib.core.errors import IterationLimit


class AgentState(MessagesState):
    """Messages, and how far this run has come; the latter two are not part of a checkpoint.

    Attributes:
        iterations: how often the model was asked in this run.
        iteration_deadline: reading of the monotonic clock at which the present iteration's time is over.
    """

    iterations: NotRequired[Annotated[int, UntrackedValue(int)]]
    iteration_deadline: NotRequired[Annotated[float, UntrackedValue(float)]]


def build_function_calling(parts: Mapping[str, AgentParts], *, checkpointer: Any) -> Any:
    """The compiled graph of an agent; everything it says and offers is that of its own release.

    Args:
        parts: tenant, empty for all others -> what the agent is made of for it; one graph serves them all.
        checkpointer: where threads live.
    """
    graph = StateGraph(AgentState)
    graph.add_node("agent", _model_node({tenant: Voice(own) for tenant, own in parts.items()}))
    graph.add_node("tools", ToolNode())  # the scope of a run names the tools of its agent
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", _next, ["tools", END])
    graph.add_edge("tools", "agent")
    return graph.compile(checkpointer=checkpointer, name=next(iter(parts.values())).name)


def _next(state: AgentState) -> str:
    """Where the answer leads; one with calls that cannot be read goes on too, with what the model is told of them."""
    last = next((message for message in reversed(state["messages"]) if isinstance(message, AIMessage)), None)
    return "tools" if last is not None and (last.tool_calls or last.invalid_tool_calls) else END


def _model_node(voices: Mapping[str, Voice]) -> Any:
    """The node that asks the model."""

    async def agent(state: AgentState, config: RunnableConfig) -> Mapping[str, Any]:
        scope = required_scope(config)
        voice = voices.get(scope.tenant) or voices[""]
        parts, limits = voice.parts, voice.parts.spec.limits
        iterations = state.get("iterations", 0) + 1
        if iterations > limits.iterations:
            raise IterationLimit(
                f"Agent {parts.name!r} asked its model {limits.iterations} times without coming to an answer.",
                hint="Raise `limits.iterations` in agents.yaml, or look for a tool the model calls in a loop.",
            )
        question = Question(
            agent=parts.name,
            spec=parts.spec,
            release=parts.release,
            messages=(*voice.system, *state["messages"]),
            offer=voice.offer,
            router=voice.router,
        )
        deadline = scope.clock.monotonic() + limits.iteration_timeout_s
        answer = await ask(question, scope, config, deadline)
        messages = [answer.message, *corrections(answer.message, scope)]
        return {"messages": messages, "iterations": iterations, "iteration_deadline": deadline}

    return agent
