"""Validate: the arguments must fit the tool's schema before anything else is spent on the call."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link:
    """Every tool validates; `ArgumentsInvalid` tells the model each mistake."""
    check = tool.validate

    def wrap(call_next: CallNext) -> CallNext:
        async def validate(call: Call) -> ToolResult:
            return await call_next(call._replace(args=check(call.args)))

        return validate

    return wrap
