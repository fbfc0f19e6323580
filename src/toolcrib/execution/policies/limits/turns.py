"""Turns: a call's wait at a full gate, and what it is told when it waits in vain."""

import asyncio
from collections.abc import Callable

from toolcrib.core.chain import Call
from toolcrib.core.errors import DeadlineExceeded, QueueFull
from toolcrib.execution.state.gates import Bulkhead


async def take_turn(
    call: Call, bulkhead: Bulkhead, monotonic: Callable[[], float], *, running: str, since: float | None = None
) -> float:
    """Wait for a permit until the call's deadline; how many seconds it took.

    Args:
        call: who waits, and until when.
        bulkhead: where; its gate had no permit just now.
        monotonic: the clock.
        running: what runs there, for the words of a refusal: "calls of tool 'x' run".
        since: reading of the clock from which the call ages; None is now.

    Raises:
        QueueFull: too many wait already.
        DeadlineExceeded: no permit came in time.
    """
    gate, now = bulkhead.gate, monotonic()
    left_s = None if call.deadline is None else call.deadline - now
    if left_s is not None and left_s <= 0:
        raise _too_late(call, 0.0)
    if gate.is_full:
        raise _full(bulkhead, running)
    age_from = now if since is None else since
    try:
        async with asyncio.timeout(left_s):
            await gate.acquire(priority=call.context.priority, now=age_from)  # not full: nothing ran since `is_full`
    except TimeoutError as raised:  # the line itself raises none
        raise _too_late(call, left_s or 0.0) from raised
    return monotonic() - now


def _full(bulkhead: Bulkhead, running: str) -> QueueFull:
    state, wait_s = bulkhead.gate.state, bulkhead.free_in_s()
    error = QueueFull(
        f"{state.running} {running} and {state.waiting} wait already.", hint=f"Try again in {wait_s:.3g} s."
    )
    error.retry_after_s = wait_s
    return error


def _too_late(call: Call, waited_s: float) -> DeadlineExceeded:
    return DeadlineExceeded.before_start(call.tool.spec.name, call.deadline_level, waited_s)
