"""Retry: repeats what may be repeated, waiting with full jitter, never beyond the call's deadline."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CallFailed, ToolcribError
from toolcrib.core.policies import Retry, ToolPolicy, full_jitter, strategy_for
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with a retry policy of more than one attempt, or that retry some error by `on_error`."""
    asked = tool.spec.policy
    policy = asked.retry or (Retry(retry_on=()) if "retry" in asked.on_error.values() else None)
    if policy is None or policy.attempts == 1:
        return None
    clock, random = ports.clock, ports.random

    def wrap(call_next: CallNext) -> CallNext:
        async def retry(call: Call) -> ToolResult:
            attempt, ran = 1, 0
            while True:
                try:
                    return await call_next(call if attempt == 1 else call._replace(attempt=attempt))
                except asyncio.CancelledError as cancelled:
                    _note_attempts(cancelled, ran + 1)  # the deadline link, which cancels, tells it in its error
                    raise
                except Exception as error:  # outer guard: decides by type whether to try again, else raises
                    if is_bubble_up(error):
                        raise
                    ran += _started(error)
                    _note_attempts(error, ran)
                    if attempt >= policy.attempts or not _worth_it(error, policy, asked):
                        raise
                    wait = _wait_s(error, policy, attempt, random.uniform)
                    if call.deadline is not None and clock.monotonic() + wait >= call.deadline:
                        raise
                await clock.sleep(wait)
                attempt += 1

        return retry

    return wrap


def _worth_it(error: Exception, policy: Retry, asked: ToolPolicy) -> bool:
    """By type only: it must be safe to run the call again, and the error must be one that may pass."""
    if isinstance(error, CallFailed) and not _started(error):
        return error.retryable
    if not asked.repeatable:
        return False
    if strategy := strategy_for(error, asked.on_error):
        return strategy == "retry"
    return (isinstance(error, ToolcribError) and error.retryable) or policy.wants(error)


def _wait_s(error: Exception, policy: Retry, attempt: int, uniform: Callable[[float, float], float]) -> float:
    """Seconds to wait: what the tool asked for, or full jitter below an exponential bound."""
    asked = getattr(error, "retry_after_s", None)
    if isinstance(asked, int | float) and asked >= 0:
        return float(asked)
    return full_jitter(attempt, base_s=policy.base_s, cap_s=policy.cap_s, uniform=uniform)


def _started(error: Exception) -> bool:
    return not isinstance(error, CallFailed) or error.started


def _note_attempts(error: BaseException, attempts: int) -> None:
    """Leave on the error how often the tool ran, for the result."""
    if isinstance(error, CallFailed):
        error.attempts = attempts
    else:
        with suppress(AttributeError):  # an exception that is a frozen dataclass
            error.__toolcrib_attempts__ = attempts  # type: ignore[attr-defined]  # read by the observe and deadline links
