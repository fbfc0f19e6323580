"""`ToolNode`: LangGraph's tool node with live tools; one run sees the tools of one release."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

from langchain_core.messages import ToolCall as MessageCall
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.runnables.config import get_config_list, get_executor_for_config
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode as LangGraphToolNode
from langgraph.prebuilt import ToolRuntime
from langgraph.prebuilt.tool_node import AsyncToolCallWrapper, ToolCallRequest, ToolCallWrapper
from langgraph.runtime import Runtime

from toolcrib.agents.live.answers import Answer, OnError
from toolcrib.agents.live.approvals import Agreed
from toolcrib.agents.live.calls import LiveTools, Place, tool_runtime
from toolcrib.agents.live.inputs import no_calls, tool_calls_in
from toolcrib.agents.live.tool import LiveTool, is_heard
from toolcrib.agents.live.turns import MAX_PARALLEL, Turn, in_parallel, turns
from toolcrib.agents.scope import RunScope, ScopeSource
from toolcrib.core.errors import ToolcribError

RUNTIME = "__pregel_runtime"
"""Key in `config["configurable"]` under which LangGraph hands its `Runtime` to nodes."""
LANGGRAPHS: Any = inspect.signature(LangGraphToolNode).parameters["handle_tool_errors"].default
"""LangGraph's own way with errors: wrong arguments become a message, what a tool raises leaves the node."""


class NodeOptions(TypedDict, total=False):
    """The options of a `ToolNode`."""

    name: str
    tags: list[str] | None
    handle_tool_errors: OnError
    messages_key: str
    wrap_tool_call: ToolCallWrapper | None
    awrap_tool_call: AsyncToolCallWrapper | None


@dataclass
class TurnRuntime(ToolRuntime[Any, Any]):
    """LangGraph's `ToolRuntime`, and the call's place among the calls of its step."""

    turn: Turn | None = None


class ToolNode(LangGraphToolNode):
    """Stands wherever `langgraph.prebuilt.ToolNode` stands, and runs live tools too.

    Takes what LangGraph's node takes (state with messages, list of messages, tool calls, what `Send` brings), and also
    one invocation `{"name", "args", "id"}` or `{"tool", "tool_input"}`, or a list of these. Gives back tool messages in
    the form of its input. At most `max_concurrency` of the config, by default 16, run at once; what one raises leaves
    the node when all are over.

    Tools given as objects run as in LangGraph's node. Live ones run in the release that the graph's run is pinned to; a
    failing call is a message with status `error`, not an exception, and its siblings are not touched.

    Args:
        tools: LangChain tools and functions, and names or patterns of live tools, mixed; an object goes before a live
            tool of its name.
        source: where the release comes from when the graph was not started by toolcrib; see `Crib.tool_node`.
        name, tags: of the node.
        handle_tool_errors: as in LangGraph's node for objects. For live tools a text stands for each failure, a
            function that takes a `ToolError` words it, and False raises it; all else leaves the result's own words.
        messages_key: key of the state that holds the messages.
        wrap_tool_call, awrap_tool_call: as in LangGraph's node, for both kinds of tools.

    Raises:
        ToolcribError: `tools` is a single text.
    """

    def __init__(
        self,
        tools: Sequence[str | BaseTool | Callable[..., Any]] = ("*",),
        *,
        source: ScopeSource | None = None,
        name: str = "tools",
        tags: list[str] | None = None,
        handle_tool_errors: OnError = LANGGRAPHS,
        messages_key: str = "messages",
        wrap_tool_call: ToolCallWrapper | None = None,
        awrap_tool_call: AsyncToolCallWrapper | None = None,
    ) -> None:
        if isinstance(tools, str):
            raise ToolcribError(f"`tools` of a ToolNode is a list, not the text {tools!r}.", hint=f"Give [{tools!r}].")
        patterns = tuple(tool for tool in tools if isinstance(tool, str))
        objects = [tool for tool in tools if not isinstance(tool, str)]
        super().__init__(
            objects,
            name=name,
            tags=tags,
            handle_tool_errors=handle_tool_errors,
            messages_key=messages_key,
            wrap_tool_call=wrap_tool_call and self._wrapping(wrap_tool_call),
            awrap_tool_call=awrap_tool_call and self._wrapping_async(awrap_tool_call),
        )
        self._live = LiveTools(
            patterns,
            source=source,
            messages_key=messages_key,
            on_error=None if handle_tool_errors is LANGGRAPHS else handle_tool_errors,
        )
        self._is_live = bool(patterns)
        self._is_plain = self._is_live and not (objects or wrap_tool_call or awrap_tool_call)
        self._key = messages_key

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the tool calls of `input`. Live tools run on the event loop of their project, in another thread.

        Raises:
            ToolcribError: the graph runs outside of toolcrib and the node has no source; or this is that event loop.
            InputInvalid: there are no tool calls in the input.
        """
        config = ensure_config() if config is None else config
        if self._is_live:
            self._live.refuse_here(config)
        return super().invoke(tool_calls_in(input, self._key), config, **_with_runtime(config, kwargs))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the tool calls of `input`.

        Raises:
            ToolcribError: the graph runs outside of toolcrib and the node has no source.
            InputInvalid: there are no tool calls in the input.
        """
        config = ensure_config() if config is None else config
        given = tool_calls_in(input, self._key)
        if self._is_plain and not is_heard(config):
            return await self._straight(given, config)
        return await super().ainvoke(given, config, **_with_runtime(config, kwargs))

    async def _straight(self, given: Any, config: RunnableConfig) -> Any:
        """Live tools alone, and nobody who listens or wraps: without what LangGraph's node does for those."""
        calls, form = self._parse_input(given)
        state, scope = self._extract_state(given, config), await self._live.scope(config)
        step = turns(await self._live.agreed(scope, calls, config))
        places = [Place(config=config, state=state, turn=turn) for turn in step]
        work = [
            partial(_in_turn, place.turn, partial(self._answered, call, form, scope, place))
            for call, place in zip(calls, places, strict=True)
        ]
        return self._combine_tool_outputs(await in_parallel(work, limit=_limit(config)), form)

    async def _answered(self, call: MessageCall, form: Any, scope: RunScope, place: Place) -> Any:
        return self._accepted(await self._live.answer(call, scope, place), call, form)

    def _func(self, input: Any, config: RunnableConfig, runtime: Runtime[Any]) -> Any:
        calls, form = self._parse_input(input)
        calls = self._with_ids(calls)
        found = []
        if live := self._calls_live(calls):
            found = self._live.agreed_in_thread(self._live.scope_in_thread(config), live, config)
        step = turns(self._agreed(calls, found))
        runtimes = self._runtimes(list(zip(calls, step, strict=True)), input, config, runtime)

        def one(call: MessageCall, own: TurnRuntime) -> Any:
            try:
                return self._run_one(call, form, own)
            finally:
                _end(own.turn)

        with get_executor_for_config(config) as executor:
            outputs = list(executor.map(one, calls, runtimes))
        return self._combine_tool_outputs(outputs, form)

    async def _afunc(self, input: Any, config: RunnableConfig, runtime: Runtime[Any]) -> Any:
        calls, form = self._parse_input(input)
        calls = self._with_ids(calls)
        live = self._calls_live(calls)
        found = await self._live.agreed(await self._live.scope(config), live, config) if live else []
        step = turns(self._agreed(calls, found))
        runtimes = self._runtimes(list(zip(calls, step, strict=True)), input, config, runtime)
        work = [
            partial(_in_turn, own.turn, partial(self._arun_one, call, form, own))
            for call, own in zip(calls, runtimes, strict=True)
        ]
        return self._combine_tool_outputs(await in_parallel(work, limit=_limit(config)), form)

    async def _arun_one(self, call: MessageCall, input_type: Any, tool_runtime: Any) -> Any:
        only_sync = self._wrap_tool_call is not None and self._awrap_tool_call is None
        if only_sync and self._is_live and call["name"] not in self.tools_by_name:
            # a wrapper that blocks the event loop would wait for a tool that needs it
            return await asyncio.to_thread(self._run_one, call, input_type, tool_runtime)
        return await super()._arun_one(call, input_type, tool_runtime)

    def _calls_live(self, calls: list[MessageCall]) -> list[MessageCall]:
        return [call for call in calls if self._is_live and call["name"] not in self.tools_by_name]

    def _agreed(self, calls: list[MessageCall], live: list[Agreed]) -> list[Agreed | None]:
        """What may be done about each call; only those to live tools are agreed to."""
        found = iter(live)
        return [next(found) if self._is_live and call["name"] not in self.tools_by_name else None for call in calls]

    def _runtimes(
        self, calls: list[tuple[MessageCall, Turn]], source: Any, config: RunnableConfig, runtime: Runtime[Any]
    ) -> list[TurnRuntime]:
        """What LangGraph's node tells each of its calls."""
        tools, made = list(self.tools_by_name.values()), []
        for (call, turn), own in zip(calls, get_config_list(config, len(calls)), strict=True):
            told = tool_runtime(runtime, call["id"], own, self._extract_state(source, own))
            made.append(TurnRuntime(**{**vars(told), "tools": tools}, turn=turn))
        return made

    def _with_ids(self, calls: list[MessageCall]) -> list[MessageCall]:
        """LangChain's tools answer with a message only to a call with an id."""
        return [
            call if call["id"] or call["name"] not in self.tools_by_name else {**call, "id": f"call-{number}"}
            for number, call in enumerate(calls, 1)
        ]

    def _parse_input(self, input: Any) -> Any:
        try:
            return super()._parse_input(input)
        except (IndexError, ValueError) as error:
            raise no_calls(self._key) from error

    def _execute_tool_sync(self, request: ToolCallRequest, input_type: Any, config: RunnableConfig) -> Any:
        if request.tool is None and self._is_live:
            request = self._with_tool(request, self._live.scope_in_thread(config))
        if not isinstance(request.tool, LiveTool):
            return super()._execute_tool_sync(request, input_type, config)
        return self._accepted(request.tool.invoke(request.tool_call, config), request.tool_call, input_type)

    async def _execute_tool_async(self, request: ToolCallRequest, input_type: Any, config: RunnableConfig) -> Any:
        if request.tool is None and self._is_live:
            request = self._with_tool(request, await self._live.scope(config))
        if not isinstance(request.tool, LiveTool):
            return await super()._execute_tool_async(request, input_type, config)
        return self._accepted(await request.tool.ainvoke(request.tool_call, config), request.tool_call, input_type)

    def _with_tool(self, request: ToolCallRequest, scope: RunScope) -> ToolCallRequest:
        """The request with the live tool it is for; one that does not exist answers with an error."""
        runtime = request.runtime
        turn = runtime.turn if isinstance(runtime, TurnRuntime) else None
        place = Place(config=runtime.config, state=request.state, runtime=runtime, turn=turn)
        return request.override(tool=self._live.tool(request.tool_call["name"], scope, place))

    def _shown(self, request: ToolCallRequest, scope: RunScope) -> ToolCallRequest:
        """The same for wrappers, to which a tool that does not exist is None, as in LangGraph's node."""
        return self._with_tool(request, scope) if self._live.allows(scope, request.tool_call["name"]) else request

    def _wrapping(self, wrap: ToolCallWrapper) -> ToolCallWrapper:
        """The wrapper, which is shown live tools as it is shown others."""

        def wrapped(request: ToolCallRequest, execute: Any) -> Any:
            if request.tool is None and self._is_live:
                request = self._shown(request, self._live.scope_in_thread(request.runtime.config))
            return wrap(request, execute)

        return wrapped

    def _wrapping_async(self, wrap: AsyncToolCallWrapper) -> AsyncToolCallWrapper:
        async def wrapped(request: ToolCallRequest, execute: Any) -> Any:
            if request.tool is None and self._is_live:
                request = self._shown(request, await self._live.scope(request.runtime.config))
            return await wrap(request, execute)

        return wrapped

    def _accepted(self, given: Answer, call: MessageCall, form: Any) -> Any:
        """A live tool's answer, when LangGraph can act on it; else an error that says why not.

        Raises:
            ValueError: it cannot, and failures are not to be handled.
        """
        if isinstance(given, ToolMessage):
            return given
        try:
            return self._normalize_tool_response(given, call, form)
        except ValueError as error:
            if self._handle_tool_errors is False:
                raise
            text = f"The tool has run, but LangGraph cannot use what it returned: {error}"
            return ToolMessage(content=text, name=call["name"], tool_call_id=call["id"] or "", status="error")


async def _in_turn(turn: Turn | None, work: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await work()
    finally:
        _end(turn)


def _end(turn: Turn | None) -> None:
    if turn is not None:
        turn.end()


def _limit(config: RunnableConfig) -> int:
    return config.get("max_concurrency") or MAX_PARALLEL


def _with_runtime(config: RunnableConfig, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Outside of a graph there is no `Runtime`; LangGraph's node would refuse to work."""
    if RUNTIME in (config.get("configurable") or {}):
        return kwargs
    return {"runtime": Runtime(), **kwargs}
