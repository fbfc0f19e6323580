"""Observe: tells listeners, and turns every failure into a result; nothing leaves the chain raised."""

import logging

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.events import ToolFinished, ToolStarted
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.failures import as_call_error, attempts_of
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link:
    """The outermost link of every chain.

    LangGraph's `GraphBubbleUp` (interrupts, parent commands) and cancellation cross it untouched.
    """
    name, digest, release_id = tool.spec.name, tool.spec.digest, release.id
    monotonic, events = ports.clock.monotonic, ports.events

    def wrap(call_next: CallNext) -> CallNext:
        async def observe(call: Call) -> ToolResult:
            who = call.context
            if events.active:
                events.emit(
                    ToolStarted(
                        tool=name,
                        call_id=call.id,
                        release=release_id,
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
                    attempts=attempts_of(error),
                    duration_s=monotonic() - call.began,
                    tool=name,
                    tool_digest=digest,
                    release=release_id,
                    call_id=call.id,
                )
                log.info("tool call failed", extra={"tool": name, "code": error.code, "release": release_id})
            if events.active:
                events.emit(ToolFinished(result=result, run_id=who.run_id, agent=who.agent, tenant=who.tenant))
            return result

        return observe

    return wrap
