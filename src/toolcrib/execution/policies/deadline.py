"""Deadline: the call ends when the tool's time, or what is left of the caller's, is over."""

import asyncio

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.deadlines import nearest
from toolcrib.execution.ports import ChainPorts


def link(tool: Tool, release: str, ports: ChainPorts) -> Link:
    """Every tool has it: a caller may bring a deadline even where the tool has none.

    Retries and waits lie inside, so their sum never exceeds the parent's remainder.
    """
    policy, monotonic, name = tool.spec.policy, ports.clock.monotonic, tool.spec.name
    own = policy.timeout_s
    is_read = policy.retry is not None or policy.attempt_timeout_s is not None or bool(tool.injects)

    def wrap(call_next: CallNext) -> CallNext:
        async def deadline(call: Call) -> ToolResult:
            now = monotonic()
            until, level = nearest(call.context, now, own)
            if call.deadline is not None and (until is None or call.deadline < until):
                until, level = call.deadline, call.deadline_level
            if until is None:
                return await call_next(call)
            if until <= now:
                error = DeadlineExceeded.of(name, level, 0.0)
                error.started, error.attempts = False, 0
                raise error
            bounded = call._replace(deadline=until, deadline_level=level) if is_read else call
            scope = asyncio.timeout(until - now)
            try:
                async with scope:
                    return await call_next(bounded)
            except TimeoutError as raised:
                if not scope.expired():
                    raise
                error = DeadlineExceeded.of(name, level, until - now)
                error.attempts = getattr(raised.__cause__, "__toolcrib_attempts__", 1)
                raise error from raised

        return deadline

    return wrap
