"""Cache: answers a repeated call from the result cache; concurrent misses of one key run the tool once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CallFailed, DeadlineExceeded, ToolcribError
from toolcrib.core.policies import Cache
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.stores.results import CacheEntry, ResultCache
from toolcrib.core.tools import Tool
from toolcrib.core.wire.graph_values import is_for_graph
from toolcrib.core.wire.snapshots import Snapshot
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.call_keys import call_keys
from toolcrib.execution.excess import is_whole
from toolcrib.execution.failures import as_call_error, attempts_of, once_more
from toolcrib.execution.flights import Flights
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landed:
    """What a run brings for those who wait for it: its result with copies of the value, or its error.

    Attributes:
        copies: the value for the others; None when no copy of it can be made.
    """

    result: ToolResult | None = None
    copies: Snapshot | None = None
    error: ToolcribError | None = None


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `cache`, and never for one that is given more of its caller than a `ToolContext`.

    Such a tool is refused when it is loaded. Runs are shared within a release, so that each is held by the lease of
    those who wait for it; what they leave in the cache serves all releases with the same code.
    """
    policy = tool.spec.policy.cache
    if policy is None or tool.injects - {"context"}:
        return None
    shelf, key_of = _Shelf(tool, policy, ports.cache), call_keys(tool.spec)
    name, monotonic, get, artifacts = tool.spec.name, ports.clock.monotonic, ports.cache.get, ports.artifacts

    def wrap(call_next: CallNext) -> CallNext:
        flights: Flights[_Landed] = Flights()

        async def cache(call: Call) -> ToolResult:
            key = key_of(call)
            if key is None:
                return await call_next(call)
            try:
                kept = await get(key)
            except Exception:  # outer guard: a cache that fails is a cache without entries
                log.warning("result cache failed", extra={"tool": name, "operation": "get"}, exc_info=True)
                kept = None
            if kept is not None and kept.artifact and not await is_whole(kept, artifacts, call.context.tenant):
                kept = None  # the tool can make anew what can no longer be read to its end
            if kept is not None:
                passed = monotonic() - call.began
                return replace(
                    kept, cached=True, attempts=0, duration_s=passed, queued_s=0.0, release=release.id, call_id=call.id
                )
            while not flights.begin(key):
                if landed := await _brought(call, flights, key, monotonic()):
                    return await _shared(call, call_next, landed, monotonic)
            return await _fly(call, call_next, flights, shelf, key)

        return cache

    return wrap


async def _fly(call: Call, call_next: CallNext, flights: Flights[_Landed], shelf: "_Shelf", key: str) -> ToolResult:
    """Run the call, keep its result, and hand it to those who wait."""
    landed: _Landed | None = None
    try:
        result = await call_next(call)
        if result.ok:
            await shelf.put(key, call, result)
        if flights.awaited(key):  # copied before anybody has the value to change it
            landed = _Landed(result=result, copies=None if is_for_graph(result.value) else Snapshot.of(result.value))
        return result
    except Exception as raised:  # outer guard: a run's error belongs to all who wait for it
        if _is_for_all(raised, call):
            error = as_call_error(raised, call.tool.spec.name)
            await shelf.put_failure(key, call, error)
            landed = _Landed(error=error)
        raise
    finally:
        flights.land(key, landed)


async def _brought(call: Call, flights: Flights[_Landed], key: str, now: float) -> _Landed | None:
    """What the run under way brings, if it does so before the call's own deadline."""
    name, left_s = call.tool.spec.name, None if call.deadline is None else call.deadline - now
    if left_s is not None and left_s <= 0:
        raise DeadlineExceeded.before_start(name, call.deadline_level, max(0.0, now - call.began))
    try:
        return await flights.wait(key, left_s)
    except TimeoutError as raised:
        raise DeadlineExceeded.of(name, call.deadline_level, left_s or 0.0) from raised


async def _shared(call: Call, call_next: CallNext, landed: _Landed, monotonic: Callable[[], float]) -> ToolResult:
    """What another call's run brought, made this call's own."""
    if landed.error is not None:
        raise once_more(landed.error)
    if landed.result is None or landed.copies is None:
        return await call_next(call)  # a value there is only one of is its caller's own
    passed = monotonic() - call.began
    value = landed.copies.value()
    return replace(landed.result, value=value, duration_s=passed, queued_s=0.0, call_id=call.id)


def _is_for_all(raised: Exception, call: Call) -> bool:
    """Whether others who want the same have failed with it: not by an interrupt, nor by this caller's want of time."""
    if is_bubble_up(raised):
        return False
    if isinstance(raised, DeadlineExceeded):
        return raised.level == "attempt" or (raised.level == "tool" and call.context.timeout_s is None)
    return True


class _Shelf:
    """One tool's place in the result cache. A cache that fails is a cache without entries."""

    def __init__(self, tool: Tool, policy: Cache, cache: ResultCache) -> None:
        self._name, self._digest = tool.spec.name, tool.spec.digest
        self._policy = policy
        self._cache = cache

    async def put(self, key: str, call: Call, result: ToolResult, ttl_s: float | None = None) -> None:
        """Keep a result, unless it belongs to one call.

        Another tool's answer came from a fallback: this one may answer itself the next time.
        """
        if result.tool != self._name or is_for_graph(result.value):
            return
        ttl_s = self._policy.ttl_s if ttl_s is None else ttl_s
        try:
            await self._cache.put(
                CacheEntry(
                    key, result, ttl_s, self._name, call.context.tenant, self._policy.tags, call.began, self._digest
                )
            )
        except Exception:  # outer guard: a call needs no cache
            log.warning("result cache failed", extra={"tool": self._name, "operation": "put"}, exc_info=True)

    async def put_failure(self, key: str, call: Call, error: ToolcribError) -> None:
        """Keep a failure of the tool itself, where the policy asks for it."""
        if self._policy.errors_ttl_s is not None and _is_the_tools(error):
            await self.put(key, call, self._failure(error), self._policy.errors_ttl_s)

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
