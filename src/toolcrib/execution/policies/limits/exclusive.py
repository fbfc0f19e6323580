"""Exclusive: of all calls of all tools that name the same lock, one runs at a time."""

import asyncio
from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.ports import Clock, Locks
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.policies.limits.admission import aside
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

# Taking a free lock costs up to this much where locks are kept in another process; it is no wait for anybody.
LOCK_COST_S = 0.001


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `exclusive`. A tool that calls another one of the same lock waits for itself."""
    lock, name = tool.spec.policy.exclusive, tool.spec.name
    if not lock:
        return None
    locks, clock, lends = ports.locks, ports.clock, ports.admission is not None

    def wrap(call_next: CallNext) -> CallNext:
        async def exclusive(call: Call) -> ToolResult:
            holder = f"tool {name}, call {call.id}"
            waiting = _hold(call, lock, holder, locks, clock)
            queued_s = await (aside(waiting) if lends and lock in locks.holders() else waiting)
            try:
                result = await call_next(call)
            finally:
                locks.release(lock, holder=holder)
            return replace(result, queued_s=result.queued_s + queued_s) if queued_s else result

        return exclusive

    return wrap


async def _hold(call: Call, lock: str, holder: str, locks: Locks, clock: Clock) -> float:
    """Wait for the lock until the call's deadline; how many seconds it took.

    Raises:
        DeadlineExceeded: somebody else held it all the time.
    """
    began = clock.monotonic()
    left_s = None if call.deadline is None else call.deadline - began
    if left_s is not None and left_s <= 0:
        raise _too_late(call, lock, 0.0, locks)
    scope = asyncio.timeout(left_s)
    try:
        async with scope:
            await locks.acquire(lock, holder=holder)
    except TimeoutError as raised:
        if not scope.expired():
            raise
        raise _too_late(call, lock, left_s or 0.0, locks) from raised
    waited_s = clock.monotonic() - began
    return waited_s if waited_s > LOCK_COST_S else 0.0


def _too_late(call: Call, lock: str, waited_s: float, locks: Locks) -> DeadlineExceeded:
    name, level, holder = call.tool.spec.name, call.deadline_level, locks.holders().get(lock)
    held = f", held by {holder}" if holder else ""
    error = DeadlineExceeded(
        f"Tool {name!r} waited {waited_s:.3g} s for the lock {lock!r}{held}: the {level}'s time is over.",
        hint="Try again when the other call has ended.",
        level=level,
    )
    error.started, error.attempts = False, 0
    return error
