"""Fallback: another tool answers when this one cannot."""

from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import ArgumentsInvalid, ToolcribError, ToolError
from toolcrib.core.policies import strategy_for
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.envelope import envelope
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools that name a fallback. It is called with the same arguments, within the caller's time.

    A call that a person agreed to is covered for its own tool only: a fallback that asks for approval is not called.
    Wrong arguments, and errors the tool raises on purpose, are answers: no other tool is asked. When the fallback fails
    too, the first error is the one that counts.
    """
    other, monotonic = tool.spec.policy.fallback, ports.clock.monotonic
    if not other:
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def fallback(call: Call) -> ToolResult:
            failure: Exception | None = None
            try:
                result = await call_next(call)
                if result.error is None or not told_before(result.error):
                    return result
            except Exception as error:  # outer guard: decides by type whether another tool is asked, else raises
                if not calls_for_another(error, tool):
                    raise
                failure = error
            who = replace(call.context, approved=False)  # a person agreed to the tool, not to what stands in for it
            found = release.resolve(other, agent=who.agent, tenant=who.tenant, arms=who.arms)
            assert found is not None, "a fallback that is not there is refused when the project is loaded"
            (substitute, chain), begins = found, monotonic()
            until, level = envelope(who, came=call.began, begins=begins, own=substitute.spec.policy.timeout_s)
            key = call.idempotency_key
            answer = await chain(Call(substitute, call.args, call.id, who, call.began, until, level, 1, key))
            if answer.ok:
                return replace(answer, fallback_for=tool.spec.name)
            if failure is None:
                return result
            if isinstance(failure, ToolcribError) and answer.error is not None:
                failure.hint = f"{failure.hint} Its fallback {other!r} failed too: {answer.error.message}".strip()
            raise failure

        return fallback

    return wrap


def told_before(error: ErrorInfo) -> bool:
    """`calls_for_another` for a failure out of the cache or the journal, of which only the data is left."""
    if error.strategy:
        return error.strategy in ("fallback", "retry")
    return error.code != ToolError.code or error.retryable


def calls_for_another(error: Exception, tool: Tool) -> bool:
    """Whether the tool could not answer, as against having answered with an error; `on_error` may know better."""
    if is_bubble_up(error):
        return False
    if strategy := strategy_for(error, tool.spec.policy.on_error):
        return strategy in ("fallback", "retry")
    if isinstance(error, ArgumentsInvalid):
        return False
    return not isinstance(error, ToolError) or error.retryable
