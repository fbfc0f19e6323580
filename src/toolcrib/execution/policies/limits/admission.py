"""Admission: at most so many calls of all tools run in this process, and at most so many of one tenant."""

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.policies.limits.turns import take_turn
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.admission import Place
from toolcrib.registry.release import Release

_HELD: ContextVar["Permit | None"] = ContextVar("toolcrib_permit", default=None)


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only where the process has a limit.

    What a tool calls while its own call has a permit is part of that call and needs none: else calls that wait for what
    they have called could hold all permits, and wait for each other.
    """
    admission, monotonic = ports.admission, ports.clock.monotonic
    if admission is None:
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def admitted(call: Call) -> ToolResult:
            outer = _HELD.get()
            is_inner = outer is not None and outer.is_held
            permit = Permit(() if is_inner else tuple(admission.enter(call.context.tenant)), monotonic)
            queued_s = await permit.take(call)
            _HELD.set(permit)
            try:
                result = await call_next(call)
            finally:
                _HELD.set(outer)
                permit.end()
            return replace(result, queued_s=result.queued_s + queued_s) if queued_s else result

        return admitted

    return wrap


async def aside(waiting: Coroutine[Any, Any, float]) -> float:
    """Await a call's wait for its tool or a lock; others have the process's permit meanwhile.

    It comes back without another wait. The call was let in before those who are in line now, and it has what others
    may need who have permits: to make it wait could make them wait for each other.
    """
    permit = _HELD.get()
    if permit is None:
        return await waiting
    permit.lend()
    try:
        return await waiting
    finally:
        permit.take_back()


class Permit:
    """One call's leave to run in this process; without places, as part of a call that has it.

    Attributes:
        is_held: from when the call may run until it has ended.
    """

    __slots__ = ("_monotonic", "_places", "is_held")

    def __init__(self, places: tuple[Place, ...], monotonic: Callable[[], float]) -> None:
        self._places = places
        self._monotonic = monotonic
        self.is_held = False

    async def take(self, call: Call) -> float:
        """Wait until the call may run; how many seconds it took.

        Raises:
            QueueFull, DeadlineExceeded: see `take_turn`; then nothing is held.
        """
        queued_s, monotonic, came = 0.0, self._monotonic, self._monotonic()
        try:
            for place in self._places:
                bulkhead = place.bulkhead
                if not bulkhead.gate.take():
                    queued_s += await take_turn(call, bulkhead, monotonic, running=place.running, since=came)
                place.since = monotonic()
        except BaseException:
            self.end()
            raise
        self.is_held = True
        return queued_s

    def lend(self) -> None:
        """Let others have it."""
        for place in self._places:
            if place.is_lent:
                place.bulkhead.gate.lend()

    def take_back(self) -> None:
        """Have it again, at once."""
        for place in self._places:
            if place.is_lent:
                place.bulkhead.gate.take_back()

    def end(self) -> None:
        """The call has ended, whether it ran or not."""
        self.is_held = False
        now = self._monotonic()
        for place in self._places:
            place.end(now)
