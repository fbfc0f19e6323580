"""Observe: tells listeners, and turns every failure into a result; nothing leaves the chain raised."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from toolcrib.core.calls import CallContext
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import ToolcribError, ToolFailed
from toolcrib.core.events import ToolFinished, ToolStarted
from toolcrib.core.policies import strategy_for
from toolcrib.core.redaction import hides, redact
from toolcrib.core.results import ErrorInfo, ToolResult, jsonable
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.failures import as_call_error, attempts_of
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
CANCELLED = ErrorInfo(code="cancelled", message="The caller went away, or its time was over.", severity="LOW")


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link:
    """The outermost link of every chain.

    LangGraph's `GraphBubbleUp` (interrupts, parent commands) and cancellation cross it untouched; of a cancelled call
    listeners hear with the error code `cancelled`.
    """
    name, digest, release_id = tool.spec.name, tool.spec.digest, release.id
    monotonic, on_error = ports.clock.monotonic, tool.spec.policy.on_error
    events, wants = ports.events, ports.events.wants
    ended = _redacted_end(release) if _may_answer_sensitive(tool) else _ended

    def failure(call: Call, error: ErrorInfo, attempts: int) -> ToolResult:
        result = ToolResult(ok=False, error=error, attempts=attempts, duration_s=monotonic() - call.began)
        arms = release.concerning(call.context.arms, agent=call.context.agent, tools=(name,))
        return replace(result, tool=name, tool_digest=digest, release=release_id, call_id=call.id, variants=arms)

    def wrap(call_next: CallNext) -> CallNext:
        async def observe(call: Call) -> ToolResult:
            who = call.context
            if wants(ToolStarted):
                events.emit(
                    ToolStarted(
                        tool=name,
                        call_id=call.id,
                        release=release_id,
                        run_id=who.run_id,
                        thread_id=who.thread_id,
                        agent=who.agent,
                        tenant=who.tenant,
                    )
                )
            try:
                result = await call_next(call)
            except asyncio.CancelledError:
                if wants(ToolFinished):
                    events.emit(ended(failure(call, CANCELLED, attempts=1), who))
                raise
            except Exception as raised:  # outer guard: a tool's exception becomes its result
                if is_bubble_up(raised):
                    raise
                error = as_call_error(raised, name)
                info = ErrorInfo.of(error, strategy=strategy_for(raised, on_error))
                result = failure(call, info, attempts=attempts_of(error))
                _log(error, raised, name)
            if wants(ToolFinished):
                events.emit(ended(result, who))
            return result

        return observe

    return wrap


def variants(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only in releases with experiments: a good result tells which variants of them its call was in.

    Where a fallback has answered, that call has told of its own already.
    """
    if not release.experiments:
        return None
    name, concerning = tool.spec.name, release.concerning

    def wrap(call_next: CallNext) -> CallNext:
        async def told(call: Call) -> ToolResult:
            result = await call_next(call)
            arms = concerning(call.context.arms, agent=call.context.agent, tools=(name,))
            return result if result.variants == arms else replace(result, variants=arms)

        return told

    return wrap


def _log(error: ToolcribError, raised: Exception, tool: str) -> None:
    """Where the tool's own code raised, for its author; our errors say where they come from."""
    if isinstance(error, ToolFailed):
        log.debug("tool raised", exc_info=raised, extra={"tool": tool, "error_code": error.code})


def _may_answer_sensitive(tool: Tool) -> bool:
    """Whether a result of the tool, or of a fallback that answers in its place, may have to be redacted."""
    return hides(tool.spec.sensitive.result) or bool(tool.spec.policy.fallback)


def _redacted_end(release: Release) -> Callable[[ToolResult, CallContext], ToolFinished]:
    """`_ended`, of results that may be sensitive: that of the tool that has answered is redacted by its own mask."""

    def ended(result: ToolResult, who: CallContext) -> ToolFinished:
        answered = release.find(result.tool, agent=who.agent, tenant=who.tenant, arms=who.arms)
        mask = answered.spec.sensitive.result if answered and result.ok else False
        shown = replace(result, value=redact(jsonable(result.value), mask)) if hides(mask) else result
        return _ended(shown, who)

    return ended


def _ended(result: ToolResult, who: CallContext) -> ToolFinished:
    return ToolFinished(result=result, run_id=who.run_id, thread_id=who.thread_id, agent=who.agent, tenant=who.tenant)
