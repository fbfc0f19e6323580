"""`Executor`: finds the pinned tool's chain and sends the call through it; the only way to run a tool."""

import asyncio
from collections.abc import Sequence

from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import Call
from toolcrib.core.errors import ToolcribError, ToolNotFound
from toolcrib.core.ports import Clock, IdFactory
from toolcrib.core.results import ToolResult, failed
from toolcrib.execution.envelope import envelope
from toolcrib.execution.state.breaker import CircuitKey, Circuits
from toolcrib.registry.release import Release


class Executor:
    """Calls tools of a given release. Stateless but for its ports; safe for any number of concurrent calls."""

    def __init__(self, *, ids: IdFactory, clock: Clock, circuits: Circuits) -> None:
        self._ids = ids
        self._clock = clock
        self._circuits = circuits

    async def call(self, release: Release, call: ToolCall, context: CallContext) -> ToolResult:
        """Call one tool.

        Args:
            release: the pinned release.
            call: what is asked for.
            context: who asks, and until when.

        Returns:
            The result; an unknown tool or wrong arguments are results too, worded for a model.
        """
        call_id = call.id or self._ids.new()
        found = release.resolve(call.name, agent=context.agent, tenant=context.tenant)
        if found is None:
            return _unknown(release, call.name, call_id)
        (tool, chain), began = found, self._clock.monotonic()
        until, level = envelope(context, came=began, begins=began, own=tool.spec.policy.timeout_s)
        return await chain(Call(tool, call.args, call_id, context, began, until, level, 1, call.idempotency_key))

    def hidden(self, release: Release, context: CallContext) -> frozenset[str]:
        """Names of tools that are not worth offering to a model now: an open breaker, and no fallback."""
        if not self._circuits.any_open:
            return frozenset()
        now = self._clock.monotonic()
        return frozenset(
            name
            for name, tool in release.tools.items()
            if tool.spec.policy.breaker is not None
            and not tool.spec.policy.fallback
            and self._circuits.is_open(CircuitKey(name, tool.spec.digest, context.tenant, context.key), now)
        )

    async def call_many(
        self, release: Release, calls: Sequence[ToolCall], context: CallContext, *, max_concurrency: int = 16
    ) -> list[ToolResult]:
        """Call several tools, at most `max_concurrency` at a time.

        Results are in call order. One failure neither sinks nor cancels its siblings.

        Raises:
            ValueError: `max_concurrency` is below 1.
        """
        if max_concurrency < 1:
            raise ValueError(f"max_concurrency must be at least 1, not {max_concurrency}")
        if len(calls) <= 1:
            return [await self.call(release, call, context) for call in calls]
        gate = asyncio.Semaphore(max_concurrency)

        async def one(call: ToolCall) -> ToolResult:
            async with gate:
                return await self.call(release, call, context)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
        return [task.result() for task in tasks]


def _unknown(release: Release, name: str, call_id: str) -> ToolResult:
    try:
        release.tool(name)
    except ToolNotFound as error:
        return failed(error, tool=name, release=release.id, call_id=call_id)
    return failed(ToolcribError(f"Tool {name!r} has no chain."), tool=name, release=release.id, call_id=call_id)
