"""Deadline: a call ends when the tool's time, or what is left of the caller's, is over; and so does each attempt."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.alarm import TimeIsOver, within
from toolcrib.execution.envelope import envelope
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link:
    """Every tool has it: a caller may bring a deadline even where the tool has none.

    Links before it that wait bound themselves by the same `Call.deadline`; attempts and the waits between them lie
    inside. So their sum never exceeds the parent's remainder.
    """
    monotonic, name = ports.clock.monotonic, tool.spec.name

    def wrap(call_next: CallNext) -> CallNext:
        async def deadline(call: Call) -> ToolResult:
            if call.deadline is None:
                return await call_next(call)
            left = call.deadline - monotonic()
            if left <= 0:
                raise DeadlineExceeded.before_start(name, call.deadline_level, max(0.0, call.deadline - call.began))
            try:
                return await within(left, call_next, call)
            except TimeIsOver as raised:
                error = DeadlineExceeded.of(name, call.deadline_level, call.deadline - call.began)
                error.attempts = getattr(raised.__cause__, "__toolcrib_attempts__", 1)
                raise error from raised

        async def deadline_of_worker(call: Call) -> ToolResult:
            return await deadline(await _with_a_worker(call, release, ports))

        return deadline_of_worker if tool.spec.policy.isolation == "process" else deadline

    return wrap


async def _with_a_worker(call: Call, release: Release, ports: ChainPorts) -> Call:
    """Wait for a worker process to be there; the tool's own time begins then, the caller's runs on."""
    name, own = call.tool.spec.name, call.tool.spec.policy.timeout_s
    until, level = envelope(call.context, came=call.began, begins=call.began, own=None)
    if until is None:
        await ports.processes.ready(release.id)
    else:
        try:
            await within(max(0.0, until - ports.clock.monotonic()), ports.processes.ready, release.id)
        except TimeIsOver as raised:
            raise DeadlineExceeded.before_start(name, level, until - call.began) from raised
    begins = ports.clock.monotonic()
    until, level = envelope(call.context, came=call.began, begins=begins, own=own)
    return call._replace(deadline=until, deadline_level=level)


def attempt(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `attempt_timeout_s`.

    Not for those in worker processes: their runner bounds each attempt itself, from the moment a worker has it.
    """
    limit, name, monotonic = tool.spec.policy.attempt_timeout_s, tool.spec.name, ports.clock.monotonic
    if limit is None or tool.spec.policy.isolation == "process":
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def bounded(call: Call) -> ToolResult:
            until = monotonic() + limit
            if call.deadline is not None and call.deadline <= until:
                return await call_next(call)
            try:
                return await within(limit, call_next, call._replace(deadline=until, deadline_level="attempt"))
            except TimeIsOver as raised:
                raise DeadlineExceeded.of(name, "attempt", limit) from raised

        return bounded

    return wrap
