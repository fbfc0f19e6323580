"""Cache: answers a repeated call from the result cache; concurrent misses of one key run the tool once."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CallFailed, DeadlineExceeded, ToolcribError
from toolcrib.core.policies import Cache
from toolcrib.core.ports import CacheEntry, Clock, ResultCache
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.snapshots import Snapshot
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.call_keys import call_key
from toolcrib.execution.failures import as_call_error, attempts_of, once_more
from toolcrib.execution.flights import FlightLost, Flights
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landed:
    """How a shared run ended: with a result, or with an error of ours, or with LangGraph's control flow.

    Attributes:
        alone: one caller waited for it, who may have the value itself.
        copies: the value for the others; None when no copy of it can be made.
    """

    result: ToolResult | None = None
    error: ToolcribError | None = None
    bubble: Exception | None = None
    alone: bool = True
    copies: Snapshot | None = None


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `cache`, and never for one that is given more of its caller than a `ToolContext`.

    Such a tool is refused when it is loaded. Runs are shared within a release, so that each is held by the lease of
    those who wait for it; what they leave in the cache serves all releases with the same code.
    """
    policy = tool.spec.policy.cache
    if policy is None or tool.injects - {"context"}:
        return None
    shelf = _Shelf(tool, policy, ports.cache)
    monotonic = ports.clock.monotonic

    def wrap(call_next: CallNext) -> CallNext:
        flights: Flights[_Landed] = Flights()

        async def cache(call: Call) -> ToolResult:
            key = call_key(call)
            if key is None:
                return await call_next(call)
            if kept := await shelf.find(key):
                passed = monotonic() - call.began
                return replace(
                    kept, cached=True, attempts=0, duration_s=passed, queued_s=0.0, release=release.id, call_id=call.id
                )

            async def fly() -> _Landed:
                landed = await _run(call, call_next, ports.clock)
                await shelf.keep(key, call, landed)
                return _for_all(landed, flights.waiting(key))

            return await _wait(call, call_next, lambda left_s: flights.join(key, fly, left_s), monotonic)

        return cache

    return wrap


async def _wait(
    call: Call,
    call_next: CallNext,
    join: Callable[[float | None], Awaitable[tuple[_Landed, bool]]],
    monotonic: Callable[[], float],
) -> ToolResult:
    """Wait for the shared run until the call's own deadline, and make what it gave this call's own."""
    now, until = monotonic(), call.deadline
    left_s = None if until is None else until - now
    if left_s is not None and left_s <= 0:
        raise DeadlineExceeded.before_start(call.tool.spec.name, call.deadline_level, max(0.0, now - call.began))
    try:
        landed, began_it = await join(left_s)
    except TimeoutError as raised:
        raise DeadlineExceeded.of(call.tool.spec.name, call.deadline_level, left_s or 0.0) from raised
    except FlightLost:
        return await call_next(call)
    if began_it:
        return _first(landed)
    if landed.error is not None:
        raise once_more(landed.error)
    if landed.result is None or not (landed.alone or landed.copies):
        return await call_next(call)  # an interrupt, or a value there is only one of, is its caller's own
    value = landed.copies.value() if landed.copies else landed.result.value
    return replace(landed.result, value=value, duration_s=monotonic() - call.began, call_id=call.id)


def _first(landed: _Landed) -> ToolResult:
    """For the caller in whose context it ran, the run ends as it would have without others."""
    if error := landed.bubble or landed.error:
        raise error
    assert landed.result is not None
    return landed.result


async def _run(call: Call, call_next: CallNext, clock: Clock) -> _Landed:
    """Run the call for whoever waits: with the tool's time limit, not with that of the caller who came first."""
    own, who = call.tool.spec.policy.timeout_s, call.context
    if who.deadline is not None or who.timeout_s is not None:
        who = replace(who, deadline=None, timeout_s=None)
    until = None if own is None else clock.monotonic() + own
    try:
        result = await call_next(call._replace(context=who, deadline=until, deadline_level="tool"))
    except Exception as raised:  # noqa: BLE001 - outer guard: a run's error belongs to several callers
        if is_bubble_up(raised):
            return _Landed(bubble=raised)
        return _Landed(error=as_call_error(raised, call.tool.spec.name))
    return _Landed(result=result)


def _for_all(landed: _Landed, waiting: int) -> _Landed:
    """With copies of the value for those who wait besides the first; made before anybody has the value to change it."""
    if waiting <= 1 or landed.result is None:
        return landed
    return replace(landed, alone=False, copies=Snapshot.of(landed.result.value))


class _Shelf:
    """One tool's place in the result cache. A cache that fails is a cache without entries."""

    def __init__(self, tool: Tool, policy: Cache, cache: ResultCache) -> None:
        self._name, self._digest = tool.spec.name, tool.spec.digest
        self._policy = policy
        self._cache = cache

    async def find(self, key: str) -> ToolResult | None:
        """What is kept under this key."""
        try:
            return await self._cache.get(key)
        except Exception:  # outer guard: a call needs no cache
            log.warning("result cache failed", extra={"tool": self._name, "operation": "get"}, exc_info=True)
            return None

    async def keep(self, key: str, call: Call, landed: _Landed) -> None:
        """Keep what the run gave, if it is worth keeping."""
        result, ttl_s = landed.result, self._policy.ttl_s
        if landed.error is not None and self._policy.errors_ttl_s is not None and _is_the_tools(landed.error):
            ttl_s = self._policy.errors_ttl_s
            result = self._failure(landed.error)
        # Another tool's answer came from a fallback: this one may answer itself the next time.
        elif result is None or not result.ok or result.tool != self._name:
            return
        entry = CacheEntry(
            key=key,
            result=result,
            ttl_s=ttl_s,
            tool=self._name,
            tenant=call.context.tenant,
            tags=self._policy.tags,
            began=call.began,
        )
        try:
            await self._cache.put(entry)
        except Exception:  # outer guard: a call needs no cache
            log.warning("result cache failed", extra={"tool": self._name, "operation": "put"}, exc_info=True)

    def _failure(self, error: ToolcribError) -> ToolResult:
        return ToolResult(
            ok=False,
            error=ErrorInfo.of(error),
            attempts=attempts_of(error),
            tool=self._name,
            tool_digest=self._digest,
        )


def _is_the_tools(error: ToolcribError) -> bool:
    """Whether the tool's code was reached and failed by itself, not for want of time."""
    return isinstance(error, CallFailed) and error.started and not isinstance(error, DeadlineExceeded)
