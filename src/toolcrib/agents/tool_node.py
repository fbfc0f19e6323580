"""`ToolNode`: LangGraph's tool node with live tools; one run sees the tools of one release."""

import asyncio
import fnmatch
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt import ToolNode as LangGraphToolNode
from langgraph.prebuilt import ToolRuntime
from langgraph.runtime import get_runtime

from toolcrib.agents.recovery import settled
from toolcrib.agents.scope import RunScope, ScopeSource, scope_of
from toolcrib.core.calls import DeadlineLevel, ToolCall
from toolcrib.core.errors import ToolcribError, ToolNotFound
from toolcrib.core.events import ToolFinished
from toolcrib.core.names import did_you_mean
from toolcrib.core.results import ToolResult, failed

MAX_PARALLEL = 16


class ToolNode(LangGraphToolNode):
    """Runs tool calls against the release the run is pinned to.

    Takes what LangGraph's node takes (state with messages, list of messages, list of tool calls), and also one
    invocation `{"name", "args", "id"}` or `{"tool", "tool_input"}`. Gives back tool messages in the form of its input;
    a failing call is a message with status `error`, never an exception, and its siblings are not touched.

    Args:
        tools: names or patterns of the tools that may be called.
        source: where the release comes from when the graph was not started by toolcrib.
        messages_key: key of the state that holds the messages.
    """

    def __init__(
        self,
        tools: Sequence[str] = ("*",),
        *,
        source: ScopeSource | None = None,
        name: str = "tools",
        messages_key: str = "messages",
    ) -> None:
        super().__init__([], name=name, messages_key=messages_key)
        self._patterns = tuple(tools)
        self._source = source
        self._key = messages_key

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Not offered: tools run on the event loop of the open project. Use `ainvoke` or an async graph.

        Raises:
            ToolcribError: always.
        """
        raise ToolcribError(
            "A toolcrib ToolNode runs in async graphs only.",
            hint="Use `await graph.ainvoke(...)` or `graph.astream(...)`.",
        )

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the tool calls of `input`, at most 16 at a time.

        Raises:
            ToolcribError: the graph runs outside of toolcrib and the node has no source.
        """
        config = config or {}
        scope = scope_of(config)
        if scope is None and self._source is not None:
            scope = self._source.scope_for(config)
        if scope is None:
            raise ToolcribError(
                "This ToolNode has no release to take its tools from.",
                hint="Run the graph as an agent of a toolcrib project, or make the node with `crib.tool_node()`.",
            )
        state, calls = _parse(input, self._key)
        results = await _in_parallel([partial(self._call, scope, call, state, config) for call in calls])
        pairs = list(zip(calls, results, strict=True))
        # One after the other: LangGraph matches a person's answers to the questions by their order.
        results = [
            await settled(scope.shown(call), one, partial(self._call, scope, call, state, config))
            for call, one in pairs
        ]
        messages = [_message(call, result) for call, result in zip(calls, results, strict=True)]
        return messages if isinstance(input, list) and _is_message_list(input) else {self._key: messages}

    async def _call(
        self, scope: RunScope, call: ToolCall, state: Any, config: RunnableConfig, again: str = ""
    ) -> ToolResult:
        """One call; `again` tells a call that is repeated on purpose from the same call of a step that runs again."""
        if not self._allowed(scope, call.name):
            result = _refused(scope, call)
            scope.emit(_told(scope, result))
            return result
        extras = {"config": config, "state": state}
        if _wants_runtime(scope, call.name):
            extras["runtime"] = _tool_runtime(call, state, config)
        deadline, level = _deadline(scope, state)
        context = scope.context(extras=extras, deadline=deadline, level=level)
        key = _key(call, config)
        keyed = ToolCall(name=call.name, args=call.args, id=call.id, idempotency_key=key + again) if key else call
        return await scope.call(keyed, context)

    def _allowed(self, scope: RunScope, name: str) -> bool:
        return name in scope.tools and any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)


async def _in_parallel(calls: list[Callable[[], Awaitable[ToolResult]]]) -> list[ToolResult]:
    """All results in order. LangGraph's control flow (an interrupt in a tool) is raised when all siblings are done."""
    if len(calls) == 1:
        return [await calls[0]()]
    gate = asyncio.Semaphore(MAX_PARALLEL)

    async def bounded(call: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        async with gate:
            return await call()

    outcomes = await asyncio.gather(*map(bounded, calls), return_exceptions=True)
    raised = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if raised:
        raise next((error for error in raised if isinstance(error, GraphBubbleUp)), raised[0])
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


def _parse(source: Any, key: str) -> tuple[Any, list[ToolCall]]:
    """The state and the calls in any of the accepted inputs.

    Raises:
        ToolcribError: there is no tool call in the input.
    """
    if isinstance(source, Mapping):
        if "tool" in source:
            return {}, [_invocation(source["tool"], source.get("tool_input"), source.get("id"))]
        if "name" in source and "args" in source:
            return {}, [_invocation(source["name"], source["args"], source.get("id"))]
        if source.get("__type") == "tool_call_with_context":
            call = source["tool_call"]
            return source["state"], [_invocation(call["name"], call["args"], call.get("id"))]
    if isinstance(source, list) and source and not _is_message_list(source):
        return {}, [call for item in source for call in _parse(item, key)[1]]
    messages = source if isinstance(source, list) else _messages(source, key)
    latest = next((m for m in reversed(messages or []) if isinstance(m, AIMessage)), None)
    if latest is None:
        raise ToolcribError(
            "There is no message with tool calls in the tool node's input.",
            hint=f"Give a state whose {key!r} ends with an AI message, or the tool calls themselves.",
        )
    return source, [_invocation(c["name"], c["args"], c.get("id")) for c in latest.tool_calls]


def _key(call: ToolCall, config: RunnableConfig) -> str:
    """The same for the same call when its step is run again from the same checkpoint; empty without a thread or an id.

    LangGraph derives the name of a step's task, and so the namespace, from the checkpoint the step began at.
    """
    place = config.get("configurable") or {}
    thread, step = place.get("thread_id"), place.get("checkpoint_ns")
    return f"{thread}|{step}|{call.id}" if thread and step and call.id else ""


def _messages(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)


def _is_message_list(source: list[Any]) -> bool:
    return not source or not isinstance(source[-1], Mapping)


def _invocation(name: Any, args: Any, call_id: Any) -> ToolCall:
    """One call; a bare value instead of an argument mapping is left for validation to complain about."""
    given = args if isinstance(args, Mapping) else ({} if args is None else {"input": args})
    return ToolCall(name=str(name), args=given, id=str(call_id or ""))


def _message(call: ToolCall, result: ToolResult) -> ToolMessage:
    return ToolMessage(
        content=result.text(),
        name=call.name,
        tool_call_id=call.id or result.call_id,
        status="success" if result.ok else "error",
    )


def _refused(scope: RunScope, call: ToolCall) -> ToolResult:
    error = ToolNotFound(f"There is no tool named {call.name!r}.", hint=did_you_mean(call.name, scope.tools))
    return failed(error, tool=call.name, release=scope.release.id, call_id=call.id)


def _told(scope: RunScope, result: ToolResult) -> ToolFinished:
    """The end of a call that never reached a chain, which would have told of it."""
    return ToolFinished(
        result=result, run_id=scope.run_id, thread_id=scope.thread_id, agent=scope.agent, tenant=scope.tenant
    )


def _deadline(scope: RunScope, state: Any) -> tuple[float | None, DeadlineLevel]:
    """The nearer of the run's and the iteration's deadline; the agent's node leaves the latter in the state."""
    iteration = _messages(state, "iteration_deadline")
    if isinstance(iteration, float) and (scope.deadline is None or iteration < scope.deadline):
        return iteration, "iteration"
    return scope.deadline, "run"


def _wants_runtime(scope: RunScope, name: str) -> bool:
    tool = scope.find(name)
    return tool is not None and "runtime" in tool.injects


def _tool_runtime(call: ToolCall, state: Any, config: RunnableConfig) -> ToolRuntime[Any, Any]:
    """LangGraph's `ToolRuntime` for a tool that asks for it."""
    runtime = get_runtime()
    return ToolRuntime(
        state=state,
        tool_call_id=call.id,
        config=config,
        context=runtime.context,
        store=runtime.store,
        stream_writer=runtime.stream_writer,
    )
