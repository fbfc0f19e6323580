"""The function-calling agent: a small graph, agent -> tools -> agent, until the model answers without a tool call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph

from toolcrib.agents.bounds.degrading import without_tools
from toolcrib.agents.bounds.trimming import sent
from toolcrib.agents.corrections import corrections, kept
from toolcrib.agents.models.asking import ask
from toolcrib.agents.models.question import Question
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.scope import RunScope, required_scope
from toolcrib.agents.tool_node import ToolNode
from toolcrib.agents.voices import Voices
from toolcrib.core.errors import IterationLimit, ToolcribError
from toolcrib.core.experiments.arms import Arm

Read = Callable[[AgentParts, Sequence[BaseMessage], AIMessage], Sequence[BaseMessage]]
"""(agent, messages so far, the model's answer) -> the messages that are made of it."""


def build_function_calling(parts: Mapping[str | Arm, AgentParts], *, checkpointer: Any) -> Any:
    """The compiled graph of an agent; everything it says and offers is that of its own release.

    Args:
        parts: tenant, empty for all others, or a variant of an experiment -> what the agent is made of for it; one
            graph serves them all.
        checkpointer: where threads live.
    """
    return build_loop(Voices(parts), checkpointer=checkpointer)


def build_loop(voices: Voices, *, checkpointer: Any, read: Read | None = None) -> Any:
    """The compiled graph: the model is asked and its tool calls are made, until it answers without one.

    Args:
        voices: what its model is told.
        checkpointer: where threads live.
        read: what is made of an answer, which may be a message to the model, that is then asked again; without it an
            answer is taken as it is.
    """
    graph = StateGraph(MessagesState)
    graph.add_node("agent", _model_node(voices, read))
    graph.add_node("tools", ToolNode())  # the scope of a run names the tools of its agent
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", _Next(), ["tools", *(["agent"] if read else []), END])
    graph.add_edge("tools", "agent")
    return graph.compile(checkpointer=checkpointer, name=voices.name)


class _Next(Runnable[MessagesState, str]):
    """Where the answer leads. LangGraph would run a function in a thread, or trace a coroutine as a step of its own."""

    name = "next"

    def invoke(self, input: MessagesState, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """Name of the next node. An answer with calls that cannot be read goes on too, with what is told of them."""
        if isinstance(input["messages"][-1], HumanMessage):  # what the model is told of text that cannot be read
            return "agent"
        last = next((message for message in reversed(input["messages"]) if isinstance(message, AIMessage)), None)
        return "tools" if last is not None and (last.tool_calls or last.invalid_tool_calls) else END

    async def ainvoke(self, input: MessagesState, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """The same, without a thread."""
        return self.invoke(input)


def _model_node(voices: Voices, read: Read | None) -> Any:
    """The node that asks the model."""

    async def agent(state: MessagesState, config: RunnableConfig) -> Mapping[str, Any]:
        scope = required_scope(config)
        voice = voices.of(scope)
        parts, limits = voice.parts, voice.parts.spec.limits
        pace = scope.pace
        pace.iterations += 1
        question = Question(
            agent=parts.name,
            spec=parts.spec,
            models=voice.models,
            release=parts.release,
            messages=sent(voice, state["messages"]),
            offer=voice.offer,
            router=voice.router,
        )
        pace.deadline = deadline = scope.clock.monotonic() + limits.iteration_timeout_s
        try:
            _refuse_beyond(limits.iterations, pace.iterations, parts.name)
            answer = await ask(question, scope, config, deadline)
        except ToolcribError as error:
            return {"messages": [(await without_tools(question, scope, config, error)).message]}
        said = read(parts, state["messages"], answer.message) if read else _as_it_is(answer.message, scope)
        return {"messages": list(said)}

    return agent


def _refuse_beyond(most: int, iterations: int, agent: str) -> None:
    """See that the model may be asked once more.

    Raises:
        IterationLimit: it may not.
    """
    if iterations > most:
        raise IterationLimit(
            f"Agent {agent!r} asked its model {most} times without coming to an answer.",
            hint="Raise `limits.iterations` in agents.yaml, or look for a tool the model calls in a loop.",
        )


def _as_it_is(answer: AIMessage, scope: RunScope) -> Sequence[BaseMessage]:
    answer = kept(answer)
    return [answer, *corrections(answer, scope)]
