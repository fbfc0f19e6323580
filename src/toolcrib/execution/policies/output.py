"""Output: a result too long for a model is cut, with a note of what is missing."""

from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with an output policy."""
    policy = tool.spec.policy.output
    if policy is None:
        return None
    most = policy.max_chars

    def wrap(call_next: CallNext) -> CallNext:
        async def output(call: Call) -> ToolResult:
            result = await call_next(call)
            text = result.text()
            if len(text) <= most:
                return result
            note = f"\n[Cut: these are {most:,} of {len(text):,} characters. Ask for less to see the rest.]"
            return replace(result, value=text[:most] + note)

        return output

    return wrap
