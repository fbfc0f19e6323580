"""What a tool node takes beside LangGraph's own inputs: single invocations, and lists of them."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import ToolCall as MessageCall

from toolcrib.core.errors import InputInvalid


class NodeInputInvalid(InputInvalid, ValueError):
    """A tool node's input holds no tool calls; also a `ValueError`, which is what LangGraph's own node raises."""


def tool_calls_in(source: Any, messages_key: str) -> Any:
    """The input as LangGraph's tool node takes it: `{"name", "args"}` and `{"tool", "tool_input"}` become tool calls.

    A state is left alone, also one with such keys: it has messages.
    """
    if isinstance(source, Mapping) and messages_key not in source and "__type" not in source:
        call = _invocation(source)
        return source if call is None else [call]
    if isinstance(source, list) and source and all(isinstance(one, Mapping) for one in source):
        calls = [_invocation(one) for one in source]
        if all(calls):
            return calls
    return source


def no_calls(messages_key: str) -> NodeInputInvalid:
    """The input holds no tool calls."""
    return NodeInputInvalid(
        "There is no message with tool calls in the tool node's input.",
        hint=f"Give a state whose {messages_key!r} ends with an AI message, or the tool calls themselves.",
    )


def _invocation(source: Mapping[str, Any]) -> MessageCall | None:
    """One call; a bare value instead of an argument mapping is left for validation to complain about."""
    if "tool" in source:
        name, args = source["tool"], source.get("tool_input")
    elif "name" in source and "args" in source:
        name, args = source["name"], source["args"]
    else:
        return None
    given = dict(args) if isinstance(args, Mapping) else ({} if args is None else {"input": args})
    return MessageCall(name=str(name), args=given, id=str(source.get("id") or ""), type="tool_call")
