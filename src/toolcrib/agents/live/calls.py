"""`LiveTools`: the tools of a project in a graph; one run of the graph sees those of one release."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.messages import ToolCall as MessageCall
from langchain_core.runnables import RunnableConfig
from langgraph.prebuilt import ToolRuntime
from langgraph.runtime import Runtime, get_runtime

from toolcrib.agents.bounds.circles import circle, messages_of
from toolcrib.agents.live.answers import Answer, OnError, answer
from toolcrib.agents.live.approvals import Agreed, agreed
from toolcrib.agents.live.questions import pending, pending_in_thread
from toolcrib.agents.live.tool import LiveTool
from toolcrib.agents.live.turns import Turn
from toolcrib.agents.recovery import settled
from toolcrib.agents.scope import RunScope, ScopeSource, scope_of
from toolcrib.core.calls import DeadlineLevel, ToolCall
from toolcrib.core.errors import ToolcribError, ToolNotFound
from toolcrib.core.names import did_you_mean
from toolcrib.core.quick_init import quick_init
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.tools import ToolSpec
from toolcrib.execution.loops import from_thread, on_loop, refuse_here

GRAPH_KINDS = frozenset({"runtime", "store"})
"""Kinds of injected values for which LangGraph's `ToolRuntime` is needed."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a graph a call is made.

    Attributes:
        state: of the graph, as the node got it.
        runtime: LangGraph's `ToolRuntime` of the call; made when a tool asks for it, where it is None.
        turn: its place among the calls of its step; None when it is alone.
    """

    config: RunnableConfig
    state: Any
    runtime: ToolRuntime[Any, Any] | None = None
    turn: Turn | None = None


class LiveTools:
    """Which live tools a graph may call, and calling them.

    Args:
        patterns: names or patterns.
        source: where the release comes from when the graph was not started by toolcrib.
        messages_key: key of the state that holds the messages.
        on_error: see `answer`.
    """

    def __init__(
        self,
        patterns: tuple[str, ...],
        *,
        source: ScopeSource | None,
        messages_key: str = "messages",
        on_error: OnError | None = None,
    ) -> None:
        self._patterns = patterns
        self._source = source
        self._key = messages_key
        self._on_error = on_error

    async def scope(self, config: RunnableConfig, *, at: str = "") -> RunScope:
        """The scope of the run this config belongs to.

        Args:
            config: of the run.
            at: digest of the release on which it began before it was interrupted; empty when it was not.

        Raises:
            ToolcribError: the graph runs outside of toolcrib and there is no source.
        """
        if (scope := scope_of(config)) is not None:
            return scope
        if self._source is None:
            raise ToolcribError(
                "This ToolNode has no release to take its tools from.",
                hint="Run the graph as an agent of a toolcrib project, or make the node with `crib.tool_node()`.",
            )
        return await on_loop(self._source.loop, partial(_given, self._source, config, at))

    def scope_in_thread(self, config: RunnableConfig, *, at: str = "") -> RunScope:
        """The same for synchronous graphs; blocks until the project's event loop has answered."""
        if (scope := scope_of(config)) is not None:
            return scope
        return from_thread(self._source.loop if self._source is not None else None, partial(self.scope, config, at=at))

    def refuse_here(self, config: RunnableConfig) -> None:
        """See that this thread may block for calls of live tools.

        Raises:
            ToolcribError: it is that of the project's event loop.
        """
        owner = scope_of(config) or self._source
        refuse_here(owner.loop if owner is not None else None)

    def allows(self, scope: RunScope, name: str) -> bool:
        """Whether the graph may call this tool."""
        return name in scope.tools and any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)

    def offered(self, scope: RunScope) -> list[ToolSpec]:
        """The tools that are worth offering to a model now."""
        hidden = scope.hidden()
        found = (scope.find(name) for name in scope.tools if name not in hidden and self.allows(scope, name))
        return [tool.spec for tool in found if tool is not None]

    def tool(self, name: str, scope: RunScope, place: Place) -> LiveTool:
        """The tool as LangChain knows tools, for a call made at this place; one that is not there answers so."""
        found = scope.find(name) if self.allows(scope, name) else None
        spec = found.spec if found else ToolSpec(name=name, description="", args_schema={"type": "object"})
        call = partial(self.answer, scope=scope, place=place)
        return LiveTool(spec, call, loop=scope.loop, shown=partial(_shown, scope))

    def unknown(self, scope: RunScope, name: str) -> str:
        """What a model is told that calls a tool which is not there."""
        return ErrorInfo.of(_missing(scope, name)).text()

    async def agreed(self, scope: RunScope, given: Sequence[MessageCall], config: RunnableConfig) -> list[Agreed]:
        """What may be done about each call of a step; see `approvals.agreed`."""
        return agreed(scope, [_asked(one) for one in given], await pending(config))

    def agreed_in_thread(self, scope: RunScope, given: Sequence[MessageCall], config: RunnableConfig) -> list[Agreed]:
        """The same for synchronous graphs."""
        return agreed(scope, [_asked(one) for one in given], pending_in_thread(config))

    async def _agreement(self, given: MessageCall, scope: RunScope, place: Place) -> Agreed:
        """What was agreed to with the other calls of the step; anew for a call that a wrapper has changed since."""
        known = place.turn.agreed if place.turn is not None else None
        if known is not None and known.asked == _asked(given):
            return known
        if known is not None and place.turn is not None:
            await place.turn.comes()
        return (await self.agreed(scope, [given], place.config))[0]

    async def answer(self, given: MessageCall, scope: RunScope, place: Place) -> Answer:
        """What the graph gets for a call, after what the tool's `on_error` asks of the run has been done.

        Raises:
            ToolAborted: the run ends here.
            ToolError: the call failed, and the graph does not want failures handled.
            GraphBubbleUp: an interrupt, or a command to a parent.
        """
        agreement = await self._agreement(given, scope, place)
        call = agreement.call
        once = partial(self._call, scope, agreement, place)
        result = agreement.result or await once()
        if result.error is not None and result.error.strategy:
            if place.turn is not None:
                await place.turn.comes()
            result = await settled(scope.shown(call), result, once)
        return agreement.told(answer(call, result, self._on_error))

    async def _call(self, scope: RunScope, agreement: Agreed, place: Place, again: str = "") -> ToolResult:
        """One call; `again` tells a call that is repeated on purpose from the same call of a step that runs again."""
        call = agreement.call
        if (refusal := self._refusal(scope, agreement, place, again)) is not None:
            return await on_loop(scope.loop, partial(_refused, scope, call, refusal))
        deadline, level = _deadline(scope)
        extras = self._extras(scope, call, place)
        context = scope.context(extras=extras, deadline=deadline, level=level, approved=agreement.approved)
        key = _key(call, place.config)
        keyed = ToolCall(name=call.name, args=call.args, id=call.id, idempotency_key=key + again) if key else call
        return await on_loop(scope.loop, partial(scope.call, keyed, context))

    def _refusal(self, scope: RunScope, agreement: Agreed, place: Place, again: str) -> ToolcribError | None:
        """Why the call never reaches the tool; None for one that does. What a person wants is no circle."""
        call = agreement.call
        if not self.allows(scope, call.name):
            return _missing(scope, call.name)
        if scope.loops is None or again or agreement.approved:
            return None
        return circle(messages_of(place.state, self._key), call, scope.loops)

    def _extras(self, scope: RunScope, call: ToolCall, place: Place) -> Mapping[str, Any]:
        """What the graph has for tools that ask for it."""
        state = {self._key: place.state} if isinstance(place.state, list) else place.state
        extras = {"config": place.config, "state": state}
        tool = scope.find(call.name)
        if tool is None or not tool.injects & GRAPH_KINDS:
            return extras
        runtime = place.runtime or tool_runtime(_runtime(), call.id, place.config, state)
        return extras | {"runtime": runtime, "store": runtime.store}


def tool_runtime(
    runtime: Runtime[Any], call_id: str | None, config: RunnableConfig, state: Any
) -> ToolRuntime[Any, Any]:
    """LangGraph's `ToolRuntime` of one call."""
    return ToolRuntime(
        state=state,
        tool_call_id=call_id,
        config=config,
        context=runtime.context,
        store=runtime.store,
        stream_writer=runtime.stream_writer,
        execution_info=runtime.execution_info,
        server_info=runtime.server_info,
    )


def _runtime() -> Runtime[Any]:
    try:
        return get_runtime()
    except (RuntimeError, KeyError):  # outside of a graph
        return Runtime()


def _asked(given: MessageCall) -> ToolCall:
    return ToolCall(name=given["name"], args=given["args"], id=given["id"] or "")


def _shown(scope: RunScope, call: MessageCall) -> dict[str, Any]:
    return dict(scope.shown(ToolCall(name=call["name"], args=call["args"])).args)


async def _given(source: ScopeSource, config: RunnableConfig, at: str) -> RunScope:
    return await source.scope_at(config, at) if at else source.scope_for(config)


def _key(call: ToolCall, config: RunnableConfig) -> str:
    """The same for the same call when its step is run again from the same checkpoint; empty without a thread or an id.

    LangGraph derives the name of a step's task, and so the namespace, from the checkpoint the step began at.
    """
    place = config.get("configurable") or {}
    thread, step = place.get("thread_id"), place.get("checkpoint_ns")
    return f"{thread}|{step}|{call.id}" if thread and step and call.id else ""


def _missing(scope: RunScope, name: str) -> ToolNotFound:
    return ToolNotFound(f"There is no tool named {name!r}.", hint=did_you_mean(name, scope.tools))


async def _refused(scope: RunScope, call: ToolCall, why: ToolcribError) -> ToolResult:
    """The end of a call that never reaches a chain, which would tell of it."""
    return scope.refused(call.name, call.id, why)


def _deadline(scope: RunScope) -> tuple[float | None, DeadlineLevel]:
    """The nearer of the run's and the iteration's deadline."""
    iteration = scope.pace.deadline
    if iteration is not None and (scope.deadline is None or iteration < scope.deadline):
        return iteration, "iteration"
    return scope.deadline, "run"
