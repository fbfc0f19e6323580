"""What a graph gets for a call: a tool message, or what the tool itself returns to LangGraph."""

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from langchain_core.messages import ToolMessage
from langgraph.prebuilt.tool_node import msg_content_output
from langgraph.types import Command

from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import ToolError
from toolcrib.core.results import ErrorInfo, ToolResult

Answer = ToolMessage | Command[Any] | list[ToolMessage | Command[Any]]
OnError = bool | str | Callable[..., str] | type[Exception] | tuple[type[Exception], ...]


def answer(call: ToolCall, result: ToolResult, on_error: OnError | None) -> Answer:
    """What the graph gets for this result.

    Args:
        call: what was asked.
        result: what came of it.
        on_error: LangGraph's `handle_tool_errors`. For live tools a text stands for each failure, a function that takes
            a `ToolError` words it, and False raises it; everything else leaves the result's own words.

    Raises:
        ToolError: the call failed, and failures are not to be handled.
    """
    call_id = call.id or result.call_id
    if result.error is not None:
        text = _words(result.error, on_error)
        return ToolMessage(content=text, name=call.name, tool_call_id=call_id, status="error")
    if is_for_graph(result.value):
        value: Answer = result.value
        return value
    return ToolMessage(content=_content(result), name=call.name, tool_call_id=call_id)


def is_for_graph(value: Any) -> bool:
    """Whether a tool returned what LangGraph itself is to act on: commands and messages, one or several."""
    several = value if isinstance(value, list) else [value]
    return bool(several) and all(isinstance(one, Command | ToolMessage) for one in several)


def _content(result: ToolResult) -> Any:
    """Content blocks (text, images) as such; everything else as text."""
    if isinstance(result.value, list) and result.value:
        blocks = msg_content_output(result.value)
        if isinstance(blocks, list):
            return blocks
    return result.text()


def _words(info: ErrorInfo, on_error: OnError | None) -> str:
    error = ToolError(info.message, hint=info.hint, retryable=info.retryable, retry_after_s=info.retry_after_s)
    if on_error is False:
        raise error
    if isinstance(on_error, str):
        return on_error
    if callable(on_error) and not isinstance(on_error, type) and _takes(on_error, error):
        return on_error(error)
    return info.text()


def _takes(words: Callable[..., str], error: Exception) -> bool:
    """Whether the function says that it words errors of this type; one that says nothing words all."""
    hints = [hint for name, hint in get_type_hints(words).items() if name != "return"]
    if not hints:
        return True
    kinds = tuple(kind for kind in (get_args(hints[0]) or (hints[0],)) if isinstance(kind, type))
    return isinstance(error, kinds)
