"""Resources: lends the tool what it needs beside its arguments, for as long as one attempt runs."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools that need something; the innermost link, so that waiting is bounded by all deadlines.

    Whatever runs a tool elsewhere (a worker process) does there what this link does here: borrow `tool.needs`, add the
    values to the arguments, end the loan.
    """
    needs, resources = tool.needs, ports.resources
    if not needs or tool.spec.policy.isolation == "process":
        return None
    stays_here = tool.is_async or tool.spec.policy.isolation == "inline"

    def wrap(call_next: CallNext) -> CallNext:
        async def borrow(call: Call) -> ToolResult:
            loan = await resources.borrow(needs)
            try:
                run = call.tool if stays_here else loan.watch(call.tool)
                return await call_next(call._replace(tool=run, args={**call.args, **loan.values}))
            finally:
                loan.end()

        return borrow

    return wrap
