"""Attempt: bounds each single try of a tool that asks for it."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.alarm import TimeIsOver, within
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `attempt_timeout_s`.

    Not for those in worker processes: their runner bounds each attempt itself, from the moment a worker has it.
    """
    limit, name, monotonic = tool.spec.policy.attempt_timeout_s, tool.spec.name, ports.clock.monotonic
    if limit is None or tool.spec.policy.isolation == "process":
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def attempt(call: Call) -> ToolResult:
            until = monotonic() + limit
            if call.deadline is not None and call.deadline <= until:
                return await call_next(call)
            try:
                return await within(limit, call_next, call._replace(deadline=until, deadline_level="attempt"))
            except TimeIsOver as raised:
                raise DeadlineExceeded.of(name, "attempt", limit) from raised

        return attempt

    return wrap
