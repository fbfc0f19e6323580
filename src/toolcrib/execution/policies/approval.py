"""Approval: a call that needs a person's agreement is not made without it."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import ApprovalRequired
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.approval import needs_approval
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with an approval policy. It stands behind validation: nobody is asked about a call that cannot be.

    Whoever may ask a person does so before and says so in the context: a graph by an interrupt, a direct call by
    waiting as a task.
    """
    approval, name = tool.spec.policy.approval, tool.spec.name
    if approval is None:
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def agreed(call: Call) -> ToolResult:
            if not call.context.approved and needs_approval(approval, call.args, tool=name):
                raise ApprovalRequired(f"A person has to agree to this call of {name!r} before it is made.")
            return await call_next(call)

        return agreed

    return wrap
