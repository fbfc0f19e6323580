"""What becomes of a failed call in a run: it is told to the model, ends the run, or is put before a person."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from langgraph.types import interrupt

from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import ToolAborted
from toolcrib.core.results import ErrorInfo, ToolResult


async def settled(call: ToolCall, result: ToolResult, again: Callable[[str], Awaitable[ToolResult]]) -> ToolResult:
    """The result the model gets, after what the tool's `on_error` asks of the run has been done.

    `manual` interrupts the graph with the error and the options; the answer it is resumed with decides. A decision
    `retry` calls the tool again, under a key of its own, and may lead to a further question.

    Raises:
        ToolAborted: the run ends here.
        GraphInterrupt: a person is to be asked.
    """
    for attempt in count(1):
        error = result.error
        match error.strategy if error else None:
            case "skip":
                return _skipped(result)
            case "abort":
                raise _aborted(call, error)
            case "manual":
                decision = interrupt(_question(call, error))
            case _:
                return result
        match decision:
            case "retry":
                result = await again(f"|retry {attempt}")
            case "abort":
                raise _aborted(call, error)
            case {"result": value}:
                return replace(result, ok=True, value=value, error=None)
            case _:
                return _skipped(result)
    raise AssertionError("count() does not end")


def _question(call: ToolCall, error: ErrorInfo | None) -> Mapping[str, Any]:
    told = {"code": error.code, "message": error.message, "hint": error.hint} if error else {}
    return {
        "type": "tool_error",
        "tool": call.name,
        "args": dict(call.args),
        "call_id": call.id,
        "error": told,
        "options": ["retry", "skip", "abort", {"result": "what the tool should have returned"}],
    }


def _skipped(result: ToolResult) -> ToolResult:
    if result.error is None:
        return result
    error = replace(result.error, strategy="skip", hint=f"{result.error.hint} Go on without it.".strip())
    return replace(result, error=error)


def _aborted(call: ToolCall, error: ErrorInfo | None) -> ToolAborted:
    why = error.message if error else ""
    return ToolAborted(f"Tool {call.name!r} failed, which ends this run: {why}", hint=error.hint if error else "")
