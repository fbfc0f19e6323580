"""Escalate: failures that come in numbers are one step more severe, and may have a strategy of their own."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.policies import strategy_for
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.failures import as_call_error, once_more, outcome_of
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.escalation import EscalationKey
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with an escalate policy. It counts what the breaker counts: calls, not attempts.

    Outside of it lie those that act on a strategy: the journal, which stores it with the failure, and the fallback.
    """
    policy, name, digest = tool.spec.policy.escalate, tool.spec.name, tool.spec.digest
    on_error = tool.spec.policy.on_error
    if policy is None:
        return None
    escalations, monotonic = ports.escalations, ports.clock.monotonic

    def wrap(call_next: CallNext) -> CallNext:
        async def escalate(call: Call) -> ToolResult:
            try:
                return await call_next(call)
            except Exception as raised:  # outer guard: counts every failure, and raises it
                key = EscalationKey(name, digest, call.context.tenant)
                if outcome_of(raised) != "failure":
                    raise
                if not escalations.note(key, policy, monotonic(), release=release.id):
                    raise
                error = once_more(as_call_error(raised, name))  # an author may raise the same object again and again
                error.escalated, error.decided_strategy = True, policy.then or strategy_for(raised, on_error)
                raise error from raised

        return escalate

    return wrap
