"""The function-calling agent: a small graph, agent -> tools -> agent, until the model answers without a tool call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, NotRequired

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.graph import END, START, MessagesState, StateGraph

from toolcrib.agents.models import OFFLINE
from toolcrib.agents.scope import RunScope, required_scope
from toolcrib.agents.tool_node import ToolNode
from toolcrib.core.agents import AgentSpec
from toolcrib.core.errors import IterationLimit, RunTimeout, ToolcribError
from toolcrib.core.experiments.arms import Arm, Arms, told
from toolcrib.core.tools import ToolSpec
from toolcrib.execution.alarm import TimeIsOver, within


class AgentState(MessagesState):
    """Messages, and how far this run has come; the latter two are not part of a checkpoint.

    Attributes:
        iterations: how often the model was asked in this run.
        iteration_deadline: reading of the monotonic clock at which the present iteration's time is over.
    """

    iterations: NotRequired[Annotated[int, UntrackedValue(int)]]
    iteration_deadline: NotRequired[Annotated[float, UntrackedValue(float)]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentParts:
    """What an agent is made of: one release's spec, prompt and tools."""

    name: str
    spec: AgentSpec
    prompt: str
    tools: Sequence[ToolSpec]
    release: str


def build_function_calling(parts: Mapping[str | Arm, AgentParts], *, checkpointer: Any) -> Any:
    """The compiled graph of an agent; everything it says and offers is that of its own release.

    Args:
        parts: tenant, empty for all others, or a variant of an experiment -> what the agent is made of for it; one
            graph serves them all.
        checkpointer: where threads live.
    """
    graph = StateGraph(AgentState)
    graph.add_node("agent", _model_node(_Voices(parts)))
    graph.add_node("tools", ToolNode())  # the scope of a run names the tools of its agent
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", _next, ["tools", END])
    graph.add_edge("tools", "agent")
    return graph.compile(checkpointer=checkpointer, name=next(iter(parts.values())).name)


def tool_definition(tool: ToolSpec, *, examples: bool = False) -> dict[str, Any]:
    """A tool in the form all providers' `bind_tools` takes; `examples` only for those that read them."""
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.args_schema),
    }
    if examples and tool.examples:
        function["x-examples"] = list(tool.examples)
    return {"type": "function", "function": function}


def _next(state: AgentState) -> str:
    last = state["messages"][-1]
    return "tools" if isinstance(last, AIMessage) and last.tool_calls else END


class _Voice:
    """What the model is told of one agent, and the model bound to its tools."""

    def __init__(self, parts: AgentParts) -> None:
        self.parts = parts
        self.system = [SystemMessage(parts.prompt)] if parts.prompt else []
        self._names = frozenset(tool.name for tool in parts.tools)
        self._bound: Runnable[LanguageModelInput, AIMessage] | None = None

    async def model(self, scope: RunScope) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with the tools that are worth offering now."""
        hidden = scope.hidden() & self._names
        if self._bound is not None and not hidden:
            return self._bound
        spec = self.parts.spec
        offered = [tool for tool in self.parts.tools if tool.name not in hidden]
        definitions = [tool_definition(tool, examples=spec.model == OFFLINE) for tool in offered]
        model = _bind(await scope.models.get(spec.model, spec.model_options), definitions)
        if not hidden:  # which tools are hidden changes; that none is hidden is the rule
            self._bound = model
        return model


class _Voices:
    """The voices of one agent: those of its tenants, and of the variants its runs are in, made when first needed."""

    def __init__(self, parts: Mapping[str | Arm, AgentParts]) -> None:
        self._parts = parts
        self._whole = {whom: _Voice(own) for whom, own in parts.items()}
        self._mixed: dict[tuple[str | Arm, Arms], _Voice] = {}

    def of(self, scope: RunScope) -> _Voice:
        """The voice for a run."""
        if not scope.arms:
            return self._whole.get(scope.tenant) or self._whole[""]
        whose: tuple[str | Arm, ...] = (*scope.arms, scope.tenant)
        whom = next((one for one in whose if one in self._parts), "")
        voice = self._mixed.get((whom, scope.arms))
        if voice is None:
            voice = self._mixed[whom, scope.arms] = _Voice(self._in_variants(whom, scope))
        return voice

    def _in_variants(self, whom: str | Arm, scope: RunScope) -> AgentParts:
        """The agent with the tools that its calls find."""
        parts = self._parts[whom]
        found = ((one, scope.find(one.name)) for one in parts.tools)
        return replace(parts, tools=[tool.spec if tool else one for one, tool in found])


def _model_node(voices: _Voices) -> Any:
    """The node that asks the model."""

    async def agent(state: AgentState, config: RunnableConfig) -> Mapping[str, Any]:
        scope = required_scope(config)
        voice = voices.of(scope)
        parts, limits = voice.parts, voice.parts.spec.limits
        iterations = state.get("iterations", 0) + 1
        if iterations > limits.iterations:
            raise IterationLimit(
                f"Agent {parts.name!r} asked its model {limits.iterations} times without coming to an answer.",
                hint="Raise `limits.iterations` in agents.yaml, or look for a tool the model calls in a loop.",
            )
        model = await voice.model(scope)
        now = scope.clock.monotonic()
        deadline = now + limits.iteration_timeout_s
        left = (deadline if scope.deadline is None else min(deadline, scope.deadline)) - now
        message = await _ask(model, [*voice.system, *state["messages"]], config, max(0.001, left))
        scope.notify("model.finished", _step(parts, message, scope.arms))
        return {"messages": [message], "iterations": iterations, "iteration_deadline": deadline}

    return agent


def _bind(model: BaseChatModel, definitions: list[dict[str, Any]]) -> Runnable[LanguageModelInput, AIMessage]:
    """The model with its tools.

    Raises:
        ToolcribError: the model cannot call tools.
    """
    if not definitions:
        return model
    try:
        return model.bind_tools(definitions)
    except NotImplementedError as error:
        raise ToolcribError(
            f"{type(model).__name__} cannot call tools.", hint="Choose a model with tool calling for this agent."
        ) from error


async def _ask(
    model: Runnable[LanguageModelInput, AIMessage], messages: list[Any], config: RunnableConfig, left_s: float
) -> AIMessage:
    try:
        return await within(left_s, lambda given: model.ainvoke(given, config), messages)
    except TimeIsOver as error:
        raise RunTimeout(
            f"The model did not answer within {left_s:.3g} s.",
            hint="Raise `limits.iteration_timeout_s` in agents.yaml.",
        ) from error


def _step(parts: AgentParts, message: AIMessage, arms: Arms) -> dict[str, Any]:
    """The model's answer as a step of the trace."""
    usage = message.usage_metadata or {"input_tokens": 0, "output_tokens": 0}
    return {
        "model": parts.spec.model,
        "release": parts.release,
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "tool_calls": [call["name"] for call in message.tool_calls],
    } | ({"variants": told(arms)} if arms else {})
