"""Deadline: the call ends when the tool's time, or what is left of the caller's, is over."""

import asyncio
from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts


def link(tool: Tool, release: str, ports: ChainPorts) -> Link:
    """Every tool has it: a caller may bring a deadline even where the tool has none.

    Retries and waits lie inside, so their sum never exceeds the parent's remainder.
    """
    own, monotonic, name = tool.spec.policy.timeout_s, ports.clock.monotonic, tool.spec.name

    def wrap(call_next: CallNext) -> CallNext:
        async def deadline(call: Call) -> ToolResult:
            now = monotonic()
            bounded = _bounded(call, now, own)
            if bounded.deadline is None:
                return await call_next(bounded)
            left = bounded.deadline - now
            if left <= 0:
                error = expired(name, bounded, 0.0)
                error.started = False
                raise error
            scope = asyncio.timeout(left)
            try:
                async with scope:
                    return await call_next(bounded)
            except TimeoutError as raised:
                if not scope.expired():
                    raise
                raise expired(name, bounded, left) from raised

        return deadline

    return wrap


def expired(tool: str, call: Call, after_s: float) -> DeadlineExceeded:
    """The error of a call whose time is over; it names the level that ran out."""
    return DeadlineExceeded(
        f"Tool {tool!r} was stopped after {after_s:.3g} s: the {call.deadline_level}'s time is over.",
        hint="Ask for less in one call, or raise the limit."
        if call.deadline_level in ("tool", "attempt")
        else "The time of the whole turn is used up: answer with what is known.",
        level=call.deadline_level,
    )


def _bounded(call: Call, now: float, own: float | None) -> Call:
    """The call with the nearest of its three limits: the caller's deadline, the caller's timeout, the tool's own."""
    deadline, level = call.context.deadline, call.context.deadline_level
    for limit in (call.context.timeout_s, own):
        if limit is not None and (deadline is None or now + limit < deadline):
            deadline, level = now + limit, "tool"
    return replace(call, deadline=deadline, deadline_level=level)
