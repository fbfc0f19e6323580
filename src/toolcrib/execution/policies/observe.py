"""Observe: tells listeners, and turns every failure into a result; nothing leaves the chain raised."""

import asyncio
import logging

from toolcrib.core.calls import CallContext
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CallFailed, ToolcribError, ToolFailed
from toolcrib.core.events import ToolFinished, ToolStarted
from toolcrib.core.results import ErrorInfo, ToolResult, said
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.ports import ChainPorts

log = logging.getLogger(__name__)
CANCELLED = ErrorInfo(code="cancelled", message="The caller went away, or its time was over.", severity="LOW")


def link(tool: Tool, release: str, ports: ChainPorts) -> Link:
    """The outermost link of every chain.

    LangGraph's `GraphBubbleUp` (interrupts, parent commands) and cancellation cross it untouched; of a cancelled call
    listeners hear with the error code `cancelled`.
    """
    name, digest = tool.spec.name, tool.spec.digest
    monotonic, events = ports.clock.monotonic, ports.events

    def failure(call: Call, error: ErrorInfo, attempts: int) -> ToolResult:
        return ToolResult(
            ok=False,
            error=error,
            attempts=attempts,
            duration_s=monotonic() - call.began,
            tool=name,
            tool_digest=digest,
            release=release,
            call_id=call.id,
        )

    def wrap(call_next: CallNext) -> CallNext:
        async def observe(call: Call) -> ToolResult:
            who = call.context
            if events.active:
                events.emit(
                    ToolStarted(
                        tool=name,
                        call_id=call.id,
                        release=release,
                        run_id=who.run_id,
                        thread_id=who.thread_id,
                        agent=who.agent,
                        tenant=who.tenant,
                    )
                )
            try:
                result = await call_next(call)
            except asyncio.CancelledError:
                if events.active:
                    events.emit(_ended(failure(call, CANCELLED, attempts=1), who))
                raise
            except Exception as raised:  # outer guard: a tool's exception becomes its result
                if is_bubble_up(raised):
                    raise
                error = as_call_error(raised, name)
                result = failure(call, ErrorInfo.of(error), attempts=_attempts(error))
                log.debug("tool raised", exc_info=raised, extra={"tool": name, "error_code": error.code})
            if events.active:
                events.emit(_ended(result, who))
            return result

        return observe

    return wrap


def _ended(result: ToolResult, who: CallContext) -> ToolFinished:
    return ToolFinished(result=result, run_id=who.run_id, thread_id=who.thread_id, agent=who.agent, tenant=who.tenant)


def as_call_error(raised: Exception, tool: str) -> ToolcribError:
    """`raised` as an error of ours; anything from the tool's own code becomes `ToolFailed`, with the cause kept."""
    if isinstance(raised, ToolcribError):
        return raised
    detail = said(raised).strip() or "no message"
    error = ToolFailed(f"Tool {tool!r} failed: {type(raised).__name__}: {detail}")
    error.__cause__ = raised
    error.attempts = _attempts(raised)
    return error


def _attempts(error: Exception) -> int:
    """How often the tool ran, as the retry link noted it; without that link once, or never."""
    return error.attempts if isinstance(error, CallFailed) else getattr(error, "__toolcrib_attempts__", 1)
