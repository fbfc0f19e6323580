"""Observe: tells listeners, and turns every failure into a result; nothing leaves the chain raised."""

import logging
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CallFailed, ToolcribError, ToolFailed
from toolcrib.core.events import ToolFinished, ToolStarted
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts

log = logging.getLogger(__name__)


def link(tool: Tool, release: str, ports: ChainPorts) -> Link:
    """The outermost link of every chain.

    LangGraph's `GraphBubbleUp` (interrupts, parent commands) and cancellation cross it untouched: it recognises the former
    by `is_bubble_up`, because this room does not know LangGraph.
    """
    name, digest = tool.spec.name, tool.spec.digest
    monotonic, events = ports.clock.monotonic, ports.events

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
                        agent=who.agent,
                        tenant=who.tenant,
                    )
                )
            try:
                result = await call_next(call)
            except Exception as raised:  # outer guard: a tool's exception becomes its result
                if is_bubble_up(raised):
                    raise
                error = as_call_error(raised, name)
                result = ToolResult(
                    ok=False,
                    error=ErrorInfo.of(error),
                    attempts=_attempts(error),
                    duration_s=monotonic() - call.began,
                    tool=name,
                    tool_digest=digest,
                    release=release,
                    call_id=call.id,
                )
                log.info("tool call failed", extra={"tool": name, "code": error.code, "release": release})
            if events.active:
                events.emit(ToolFinished(result=result, run_id=who.run_id, agent=who.agent, tenant=who.tenant))
            return result

        return observe

    return wrap


def is_bubble_up(error: BaseException) -> bool:
    """Whether `error` is LangGraph's control flow, which is no failure: https://docs.langchain.com/oss/python/langgraph."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def as_call_error(raised: Exception, tool: str) -> ToolcribError:
    """`raised` as an error of ours; anything from the tool's own code becomes `ToolFailed`, with the cause kept."""
    if isinstance(raised, ToolcribError):
        return raised
    detail = str(raised).strip() or "no message"
    error = ToolFailed(f"Tool {tool!r} failed: {type(raised).__name__}: {detail[:2000]}")
    error.__cause__ = raised
    error.attempts = getattr(raised, "__toolcrib_attempts__", 1)
    return error


def _attempts(error: ToolcribError) -> int:
    return error.attempts if isinstance(error, CallFailed) and error.started else 0
