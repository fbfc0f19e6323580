"""Our tools as LangChain tools, live: each call goes to the release that serves then."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from toolcrib.core.results import ToolResult
from toolcrib.core.tools import ToolSpec

CallTool = Callable[[str, dict[str, Any]], Awaitable[ToolResult]]


def as_langchain_tools(tools: Iterable[ToolSpec], call: CallTool) -> list[BaseTool]:
    """LangChain tools with the names, descriptions and schemas of `tools`; `call(name, args)` runs them."""
    return [_as_langchain_tool(tool, call) for tool in tools]


def _as_langchain_tool(spec: ToolSpec, call: CallTool) -> BaseTool:
    async def run(**args: Any) -> Any:
        result = await call(spec.name, args)
        if result.error is not None:
            raise ToolException(result.error.text())
        return result.value

    return StructuredTool(
        name=spec.name,
        description=spec.description,
        args_schema=dict(spec.args_schema),
        coroutine=run,
        handle_tool_error=True,
    )
