"""Concurrency: at most so many calls of a tool at once; further ones wait by priority and age, but not for ever."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded, QueueFull
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.adaptive import Outcome
from toolcrib.execution.state.gates import Bulkhead, GateKey
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `concurrency`. The gate is shared by all releases that serve; see `Bulkhead`."""
    policy = tool.spec.policy.concurrency
    if policy is None:
        return None
    gates, monotonic, terms = ports.gates, ports.clock.monotonic, ports.gates.terms(policy)
    shared = GateKey(tool=tool.spec.name, scope=tool.spec.scope)
    by_tenant = policy.by == "tenant"

    def wrap(call_next: CallNext) -> CallNext:
        async def concurrency(call: Call) -> ToolResult:
            key = GateKey(shared.tool, call.context.tenant, shared.scope) if by_tenant else shared
            bulkhead, queued_s = gates.enter(key, terms), 0.0
            if not bulkhead.gate.take():
                try:
                    queued_s = await _queue(call, bulkhead, monotonic)
                except BaseException:
                    bulkhead.leave(terms)
                    raise
            outcome: Outcome = "other"
            began = monotonic()
            try:
                result = await call_next(call)
                outcome = "answered"
            except DeadlineExceeded as error:
                outcome = "timed_out" if error.started and error.level in ("tool", "attempt") else "other"
                raise
            finally:
                bulkhead.finish(terms, began=began, ended=monotonic(), outcome=outcome)
            return replace(result, queued_s=result.queued_s + queued_s) if queued_s else result

        return concurrency

    return wrap


async def _queue(call: Call, bulkhead: Bulkhead, monotonic: Callable[[], float]) -> float:
    """Wait for a permit until the call's deadline; how many seconds it took.

    Raises:
        QueueFull: too many wait already.
        DeadlineExceeded: no permit came in time.
    """
    gate, name, now = bulkhead.gate, call.tool.spec.name, monotonic()
    left_s = None if call.deadline is None else call.deadline - now
    if left_s is not None and left_s <= 0:
        raise _too_late(call, 0.0)
    if gate.is_full:
        raise _full(name, bulkhead)
    scope = asyncio.timeout(left_s)
    try:
        async with scope:
            await gate.acquire(priority=call.context.priority, now=now)  # not full: nothing ran since `is_full`
    except TimeoutError as raised:  # the line itself raises none
        raise _too_late(call, left_s or 0.0) from raised
    return monotonic() - now


def _full(name: str, bulkhead: Bulkhead) -> QueueFull:
    state, wait_s = bulkhead.gate.state, bulkhead.free_in_s()
    error = QueueFull(
        f"{state.running} calls of tool {name!r} run and {state.waiting} wait already.",
        hint=f"Try again in {wait_s:.3g} s.",
    )
    error.retry_after_s = wait_s
    return error


def _too_late(call: Call, waited_s: float) -> DeadlineExceeded:
    error = DeadlineExceeded.of(call.tool.spec.name, call.deadline_level, waited_s)
    error.started, error.attempts = False, 0
    return error
