"""Validate: the arguments must fit the tool's schema before anything else is spent on the call."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link:
    """Every tool validates; `ArgumentsInvalid` tells the model each mistake.

    To a worker process the arguments go as they came, and are made into the tool's types there: a model or a type of
    the project's own cannot cross.
    """
    check = tool.validate
    crosses = tool.spec.policy.isolation == "process"

    def wrap(call_next: CallNext) -> CallNext:
        async def look(call: Call) -> ToolResult:
            check(call.args)
            return await call_next(call)

        async def validate(call: Call) -> ToolResult:
            return await call_next(Call(call.tool, check(call.args), *call[2:]))

        return look if crosses else validate

    return wrap
