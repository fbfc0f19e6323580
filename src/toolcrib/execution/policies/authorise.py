"""Authorise: the caller must hold every scope the tool asks for."""

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import PermissionDenied
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with scopes. A caller inside this process (scopes None) may do everything."""
    wanted, name = frozenset(tool.spec.policy.scopes), tool.spec.name
    if not wanted:
        return None

    def wrap(call_next: CallNext) -> CallNext:
        async def authorise(call: Call) -> ToolResult:
            held = call.context.scopes
            if held is not None and not wanted <= held:
                missing = ", ".join(repr(scope) for scope in sorted(wanted - held))
                raise PermissionDenied(
                    f"Tool {name!r} needs the scope {missing}.", hint="The caller does not hold it; do not try again."
                )
            return await call_next(call)

        return authorise

    return wrap
