"""Output: a result too long for a model is cut, with a note of what is missing, or of where the whole is kept."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.redaction import hides
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.artifacts import READ_ARTIFACT
from toolcrib.core.tools import Tool
from toolcrib.core.wire.graph_values import is_for_graph
from toolcrib.core.wire.texts import is_small, text_pieces
from toolcrib.execution.alarm import TimeIsOver, within
from toolcrib.execution.envelope import envelope
from toolcrib.execution.excess import ASK_FOR_LESS, LOST, how_to_read_on, noted
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
STORE_S = 30.0
"""So long writing an artifact may take, where the caller has as much time left."""


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with an output policy.

    It lies inside of cache and journal, so that they keep the short result, and outside of the tool's own time, so that
    a call that took effect does not fail because its result is large.
    """
    policy = tool.spec.policy.output
    if policy is None:
        return None
    most = policy.max_chars
    stores = tool.spec.policy.stores_output and not hides(tool.spec.sensitive.result)  # whoever reads on is shown it

    def wrap(call_next: CallNext) -> CallNext:
        async def output(call: Call) -> ToolResult:
            result = await call_next(call)
            if is_for_graph(result.value):
                return result
            pieces = await _written(result)
            total = sum(map(len, pieces))
            if total <= most:
                return result
            begin = _beginning(pieces, most)
            if not stores:
                return replace(result, value=noted(begin, total, ASK_FOR_LESS))
            handle = await _stored(pieces, call, ports)
            who = call.context
            readable = release.find(READ_ARTIFACT, agent=who.agent, tenant=who.tenant) is not None
            advice = how_to_read_on(handle, most, readable=readable) if handle else LOST
            return replace(result, value=noted(begin, total, advice), artifact=handle)

        return output

    return wrap


async def _written(result: ToolResult) -> Sequence[str]:
    """The result as text, in pieces; a large one is written in a thread, so that the event loop goes on."""
    if result.error is not None or isinstance(result.value, str) or is_small(result.value):
        return (result.text(),)
    return await asyncio.to_thread(text_pieces, result.value)


def _beginning(pieces: Sequence[str], most: int) -> str:
    begin = ""
    for piece in pieces:
        begin += piece[: most - len(begin)]
        if len(begin) == most:
            break
    return begin


async def _stored(pieces: Sequence[str], call: Call, ports: ChainPorts) -> str:
    """The handle of the text, once it is kept; empty when it cannot be kept, which is no reason to lose the result."""
    now = ports.clock.monotonic()
    until, _ = envelope(call.context, came=call.began, begins=now, own=STORE_S)
    tool, put = call.tool.spec.name, partial(ports.artifacts.put, tenant=call.context.tenant)
    try:
        handle = await within(max(0.0, (until or now) - now), put, pieces)
    except TimeIsOver:
        log.warning("result was not kept: no time left", extra={"tool": tool})
        return ""
    except Exception:  # outer guard: whatever ails the store, the tool has done its work
        log.warning("artifact store failed", extra={"tool": tool, "operation": "put"}, exc_info=True)
        return ""
    if handle is None:
        log.warning("result was not kept: larger than `artifacts.max_mb`", extra={"tool": tool})
    return handle or ""
