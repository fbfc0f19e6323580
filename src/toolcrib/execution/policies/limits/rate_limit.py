"""Rate limit: calls above the tool's rate wait for their turn, or are refused with the time to wait."""

import math
from collections.abc import Callable
from dataclasses import replace

from toolcrib.core.calls import CallContext
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import RateLimited
from toolcrib.core.policies import RateLimit
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with a rate limit. The rate is that of the name: old and new releases of a tool share it."""
    limit, name = tool.spec.policy.rate_limit, tool.spec.name
    if limit is None:
        return None
    rates, clock, key_of = ports.rates, ports.clock, _key_of(limit, f"{name}|{tool.spec.scope}|")

    def wrap(call_next: CallNext) -> CallNext:
        async def rate_limit(call: Call) -> ToolResult:
            patience = 0.0
            if limit.excess == "wait":
                patience = math.inf if call.deadline is None else call.deadline - clock.monotonic()
            wait = await rates.take(key_of(call.context), limit, patience_s=patience)
            if wait <= 0.0:
                return await call_next(call)
            if wait >= patience:
                raise _refusal(name, limit, wait)
            await clock.sleep(wait)
            result = await call_next(call)
            return replace(result, queued_s=result.queued_s + wait)

        return rate_limit

    return wrap


def _key_of(limit: RateLimit, prefix: str) -> Callable[[CallContext], str]:
    match limit.by:
        case "tool":
            return lambda who: prefix
        case "tenant":
            return lambda who: prefix + who.tenant
        case "key":
            return lambda who: prefix + (who.key or who.tenant)


def _refusal(name: str, limit: RateLimit, wait: float) -> RateLimited:
    error = RateLimited(
        f"Tool {name!r} is called more than {limit.calls} times in {limit.per_s:g} s.",
        hint=f"Try again in {wait:.3g} s, or answer without it.",
    )
    error.retry_after_s = wait
    return error
