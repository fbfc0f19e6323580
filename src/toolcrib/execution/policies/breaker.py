"""Breaker: a tool that keeps failing is not called for a while."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CircuitOpen
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.failures import outcome_of
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.breaker import Circuit, CircuitKey, Outcome
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with a breaker policy. Retries lie inside: a call counts once, however often it was tried."""
    policy, name, digest = tool.spec.policy.breaker, tool.spec.name, tool.spec.digest
    if policy is None:
        return None
    circuits, monotonic = ports.circuits, ports.clock.monotonic

    def wrap(call_next: CallNext) -> CallNext:
        async def breaker(call: Call) -> ToolResult:
            now, who = monotonic(), call.context
            circuit = circuits.of(CircuitKey(name, digest, who.tenant, who.key), policy, now)
            ticket = circuit.admit(now)
            if ticket is None:
                raise _refusal(name, circuit, now)
            outcome: Outcome = "unknown"  # also when the caller leaves: the deadline lies inside and would be an error
            try:
                result = await call_next(call)
                outcome = "success"
            except Exception as error:  # outer guard: every end of a call must be settled
                outcome = outcome_of(error)
                raise
            finally:
                circuit.settle(ticket, outcome, monotonic())
            return result

        return breaker

    return wrap


def _refusal(name: str, circuit: Circuit, now: float) -> CircuitOpen:
    after = circuit.retry_after_s(now)
    when = f"for another {after:.3g} s" if after else "until its probes have ended"
    error = CircuitOpen(
        f"Tool {name!r} is not called {when}: {circuit.why}.",
        hint="Go on without it, or use another tool.",
    )
    error.retry_after_s = after
    return error
