"""Fallback: another tool answers when this one cannot."""

from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import ArgumentsInvalid, ToolcribError, ToolError
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.envelope import envelope
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools that name a fallback. It is called with the same arguments, within the caller's time.

    Wrong arguments, and errors the tool raises on purpose, are answers: no other tool is asked. When the fallback fails
    too, the first error is the one that counts.
    """
    other, monotonic = tool.spec.policy.fallback, ports.clock.monotonic
    if not other:
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def fallback(call: Call) -> ToolResult:
            try:
                return await call_next(call)
            except Exception as error:  # outer guard: decides by type whether another tool is asked, else raises
                if not calls_for_another(error):
                    raise
                failure = error
            who = call.context
            found = release.resolve(other, agent=who.agent, tenant=who.tenant)
            if found is None:  # refused when the project is loaded; a release made by hand may lack it
                raise failure
            (substitute, chain), begins = found, monotonic()
            until, level = envelope(who, came=call.began, begins=begins, own=substitute.spec.policy.timeout_s)
            result = await chain(Call(substitute, call.args, call.id, who, call.began, until, level))
            if result.ok:
                return replace(result, fallback_for=tool.spec.name)
            if isinstance(failure, ToolcribError) and result.error is not None:
                failure.hint = f"{failure.hint} Its fallback {other!r} failed too: {result.error.message}".strip()
            raise failure

        return fallback

    return wrap


def calls_for_another(error: Exception) -> bool:
    """Whether the tool could not answer, as against having answered with an error."""
    if is_bubble_up(error) or isinstance(error, ArgumentsInvalid):
        return False
    return not isinstance(error, ToolError) or error.retryable
