"""Composing a tool's chain: one loop over a reversed list, once per release."""

from collections.abc import Iterable

from toolcrib.core.calls import ToolContext
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.ports import Runner
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.failures import cleaned
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.preset import LINKS
from toolcrib.registry.release import Release


def compose(links: Iterable[Link], innermost: CallNext) -> CallNext:
    """Wrap `innermost` in `links`, the first link outermost. `compose([], f)` is `f`."""
    chain = innermost
    for link in reversed(tuple(links)):
        chain = link(chain)
    return chain


def build_chain(tool: Tool, *, release: Release, ports: ChainPorts) -> CallNext:
    """The chain of `tool`, holding only the links it uses.

    Args:
        tool: the tool.
        release: what it is built for; its id stands in every result, so that a mixed run shows.
        ports: what the links need.
    """
    made = (make(tool, release, ports) for make in LINKS)
    return compose([link for link in made if link is not None], _innermost(tool, release.id, ports))


def _innermost(tool: Tool, release: str, ports: ChainPorts) -> CallNext:
    """The end of the chain: hand the call to its runner, with a context only for a tool that asks for one."""
    name, digest = tool.spec.name, tool.spec.digest
    runner = _runner(tool, ports)
    monotonic, wants_context, secrets = ports.clock.monotonic, bool(tool.injects), ports.secrets
    nobody = ToolContext(tool=name, call_id="", release=release)

    async def run(call: Call) -> ToolResult:
        context = _context(call, release, monotonic()) if wants_context else nobody
        try:
            value = await runner.run(call.tool, call.args, context)
        except Exception as error:  # outer guard: no secret leaves with what the tool's code raised
            if (failure := cleaned(error, secrets.without)) is error:
                raise
        else:
            return ToolResult(
                ok=True,
                value=value,
                attempts=call.attempt,
                duration_s=monotonic() - call.began,
                tool=name,
                tool_digest=digest,
                release=release,
                call_id=call.id,
            )
        raise failure  # here, where what it stands for is no part of it

    return run


def _runner(tool: Tool, ports: ChainPorts) -> Runner:
    """Where the tool's policy wants it to run; a coroutine function never needs a thread."""
    isolation = tool.spec.policy.isolation
    if isolation == "process":
        return ports.processes
    return ports.inline if tool.is_async or isolation == "inline" else ports.threads


def _context(call: Call, release: str, now: float) -> ToolContext:
    """What the tool may know of its call."""
    who = call.context
    return ToolContext(
        tool=call.tool.spec.name,
        call_id=call.id,
        release=release,
        attempt=call.attempt,
        tenant=who.tenant,
        agent=who.agent,
        run_id=who.run_id,
        thread_id=who.thread_id,
        timeout_s=None if call.deadline is None else max(0.0, call.deadline - now),
        extras=who.extras,
        progress=who.progress,
    )
