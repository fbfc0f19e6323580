"""Concurrency: at most so many calls of a tool at once; further ones wait by priority and age, but not for ever."""

from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import DeadlineExceeded
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.policies.limits.admission import aside
from toolcrib.execution.policies.limits.turns import take_turn
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.adaptive import Outcome
from toolcrib.execution.state.gates import GateKey
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with `concurrency`. The gate is shared by all releases that serve; see `Bulkhead`."""
    policy = tool.spec.policy.concurrency
    if policy is None:
        return None
    gates, monotonic, terms = ports.gates, ports.clock.monotonic, ports.gates.terms(policy)
    shared = GateKey(tool=tool.spec.name, scope=tool.spec.scope)
    by_tenant, running = policy.by == "tenant", f"calls of tool {tool.spec.name!r} run"

    def wrap(call_next: CallNext) -> CallNext:
        async def concurrency(call: Call) -> ToolResult:
            key = GateKey(shared.tool, call.context.tenant, shared.scope) if by_tenant else shared
            bulkhead, queued_s = gates.enter(key, terms), 0.0
            if not bulkhead.gate.take():
                try:
                    queued_s = await aside(take_turn(call, bulkhead, monotonic, running=running))
                except BaseException:
                    bulkhead.leave(terms)
                    raise
            outcome: Outcome = "other"
            began = monotonic()
            try:
                result = await call_next(call)
                outcome = "answered"
            except DeadlineExceeded as error:
                outcome = "timed_out" if error.started and error.level in ("tool", "attempt") else "other"
                raise
            finally:
                bulkhead.finish(terms, began=began, ended=monotonic(), outcome=outcome)
            return replace(result, queued_s=result.queued_s + queued_s) if queued_s else result

        return concurrency

    return wrap
