"""Our tools as LangChain tools, live: each call goes to the release that serves then; in a graph, one run to one."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from langchain_core.runnables import ensure_config
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from toolcrib.agents.running import run_control
from toolcrib.agents.scope import RunScope, ScopeSource, scope_of
from toolcrib.core.calls import ToolCall
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import ToolSpec
from toolcrib.execution.loops import from_thread, on_loop

CallTool = Callable[[str, dict[str, Any]], Awaitable[ToolResult]]


def as_langchain_tools(
    tools: Iterable[ToolSpec], call: CallTool, *, source: ScopeSource | None = None
) -> list[BaseTool]:
    """LangChain tools with the names, descriptions and schemas of `tools`.

    Args:
        tools: what they offer.
        call: runs a call that belongs to no graph run, `call(name, args)`.
        source: where a call within a graph run gets the release of that run from; without it, `call` runs it too.
    """
    return [_as_langchain_tool(tool, call, source) for tool in tools]


def _as_langchain_tool(spec: ToolSpec, call: CallTool, source: ScopeSource | None) -> BaseTool:
    loop = source.loop if source else None

    async def run(**args: Any) -> Any:
        return await on_loop(loop, partial(call_it, args))

    def run_blocking(**args: Any) -> Any:
        return from_thread(loop, partial(call_it, args))

    async def call_it(args: dict[str, Any]) -> Any:
        scope = _scope(source)
        if scope is None:
            result = await call(spec.name, args)
        else:
            context = scope.context(extras={}, deadline=scope.deadline, level="run")
            result = await scope.call(ToolCall(name=spec.name, args=args), context)
        if result.error is not None:
            raise ToolException(result.error.text())
        return result.value

    return StructuredTool(
        name=spec.name,
        description=spec.description,
        args_schema=dict(spec.args_schema),
        func=run_blocking,
        coroutine=run,
        handle_tool_error=True,
    )


def _scope(source: ScopeSource | None) -> RunScope | None:
    """The scope of the graph run that this call is a part of; None outside of one."""
    config = ensure_config()
    if source is None or run_control() is None:
        return None
    return scope_of(config) or source.scope_for(config)
