"""Loops: a model that goes in a circle, told by its calls so far in this turn."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.messages import ToolCall as MessageCall

from toolcrib.agents.messages import is_question
from toolcrib.core.agents import LoopLimits
from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import LoopDetected


def circle(messages: Sequence[BaseMessage], call: ToolCall, limits: LoopLimits) -> LoopDetected | None:
    """Why a call is not made; None for one that may be.

    The call is compared with those of the present turn, which begins at the last message of the user. A circle of
    several calls (A, B, A, B) is found as soon as one of them has come too often.

    Args:
        messages: of the thread; the last one asks for the call.
        call: the call.
        limits: how often is too often.
    """
    turn = _turn(messages)
    if len(turn) < 2:  # the rule: a first call of a turn has nothing to be compared with
        return _too_many(turn, call, limits)
    same = [result for made, result in _made(turn) if made["name"] == call.name and made["args"] == call.args]
    failed = sum(result.status == "error" for result in same)
    if failed >= limits.failing:
        return LoopDetected(
            f"This call of {call.name!r} was made {failed} times in this turn, and failed each time.",
            hint="Change its arguments, use another tool, or answer with what is known.",
        )
    unchanged = sum(result.content == same[-1].content for result in same) if same else 0
    if unchanged >= limits.unchanged:
        return LoopDetected(
            f"This call of {call.name!r} had the same result {unchanged} times in this turn.",
            hint="It will not change by asking again now: go on with it, or answer with what is known.",
        )
    return _too_many(turn, call, limits)


def _turn(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """The messages after the last one of the user."""
    began = next((index for index in reversed(range(len(messages))) if is_question(messages[index])), -1)
    return messages[began + 1 :]


def _made(turn: Sequence[BaseMessage]) -> Iterator[tuple[MessageCall, ToolMessage]]:
    """The calls of the turn that have a result, each with it, in order."""
    asked: dict[str, MessageCall] = {}
    for message in turn:
        if isinstance(message, AIMessage):
            asked.update((one["id"] or "", one) for one in message.tool_calls)
        elif isinstance(message, ToolMessage) and message.tool_call_id in asked:
            yield asked[message.tool_call_id], message


def _too_many(turn: Sequence[BaseMessage], call: ToolCall, limits: LoopLimits) -> LoopDetected | None:
    """Whether the call is one too many of its message."""
    last = turn[-1] if turn else None
    if not isinstance(last, AIMessage) or len(last.tool_calls) <= limits.fan_out:
        return None
    place = next((index for index, one in enumerate(last.tool_calls) if one["id"] == call.id), 0)
    if place < limits.fan_out:
        return None
    return LoopDetected(
        f"{len(last.tool_calls)} calls were asked for at once; the first {limits.fan_out} were made, this one was not.",
        hint="Look at their results, then ask for those that are still needed.",
    )


def messages_of(state: Any, key: str) -> Sequence[BaseMessage]:
    """The messages of a graph's state, in whichever form it has them."""
    found = state if isinstance(state, list) else None
    if found is None:
        found = state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
    return found if isinstance(found, list) else ()
