"""`Executor`: finds the pinned tool's chain and sends the call through it; the only way to run a tool."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import Call
from toolcrib.core.errors import ToolcribError, ToolNotFound
from toolcrib.core.events import ToolFinished
from toolcrib.core.ports import Clock, EventSink, IdFactory
from toolcrib.core.results import ToolResult, failed
from toolcrib.execution.envelope import envelope
from toolcrib.execution.state.breaker import CircuitKey, Circuits
from toolcrib.registry.release import Release

STARTED_AT_ONCE = 100


class Executor:
    """Calls tools of a given release. Stateless but for its ports; safe for any number of concurrent calls."""

    def __init__(self, *, ids: IdFactory, clock: Clock, events: EventSink, circuits: Circuits) -> None:
        self._ids = ids
        self._clock = clock
        self._events = events
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
        found = release.resolve(call.name, agent=context.agent, tenant=context.tenant, arms=context.arms)
        if found is None:
            return self._unknown(release, replace(call, id=call_id), context)
        (tool, chain), began = found, self._clock.monotonic()
        until, level = envelope(context, came=began, begins=began, own=tool.spec.policy.timeout_s)
        return await chain(Call(tool, call.args, call_id, context, began, until, level, 1, call.idempotency_key))

    def hidden(self, release: Release, context: CallContext) -> frozenset[str]:
        """Names of tools that are not worth offering to a model now: an open breaker, and no fallback."""
        if not self._circuits.any_open:
            return frozenset()
        now = self._clock.monotonic()
        seen = (
            release.find(name, agent=context.agent, tenant=context.tenant, arms=context.arms)
            for name in release.names(context.tenant)
        )
        return frozenset(
            spec.name
            for spec in (tool.spec for tool in seen if tool)
            if spec.policy.breaker is not None
            and not spec.policy.fallback
            and self._circuits.is_open(CircuitKey(spec.name, spec.digest, context.tenant, context.key), now)
        )

    async def call_many(
        self, release: Release, calls: Sequence[ToolCall], context: CallContext, *, max_concurrency: int = 16
    ) -> list[ToolResult]:
        """Call several tools, at most `max_concurrency` at a time.

        Results are in call order. One failure neither sinks nor cancels its siblings.

        Raises:
            ValueError: `max_concurrency` is below 1.
        """
        if len(calls) == 1 <= max_concurrency:
            return [await self.call(release, calls[0], context)]
        results: list[ToolResult | None] = [None] * len(calls)
        async with aclosing(self.as_completed(release, calls, context, max_concurrency=max_concurrency)) as finished:
            async for index, result in finished:
                results[index] = result
        return [result for result in results if result is not None]

    async def as_completed(
        self, release: Release, calls: Sequence[ToolCall], context: CallContext, *, max_concurrency: int = 16
    ) -> AsyncGenerator[tuple[int, ToolResult]]:
        """Like `call_many`, but each result comes when it is there: `(index of its call, result)`.

        Leaving the iterator (`aclosing`) cancels the calls that are not done.

        Raises:
            ValueError: `max_concurrency` is below 1.
        """
        if max_concurrency < 1:
            raise ValueError(f"max_concurrency must be at least 1, not {max_concurrency}")
        gate = asyncio.Semaphore(max_concurrency)
        finished: asyncio.Queue[int] = asyncio.Queue()

        async def one(index: int) -> ToolResult:
            try:
                async with gate:
                    return await self.call(release, calls[index], context)
            finally:
                finished.put_nowait(index)

        tasks: list[asyncio.Task[ToolResult]] = []
        try:
            for index in range(len(calls)):
                tasks.append(asyncio.create_task(one(index)))
                if index % STARTED_AT_ONCE == STARTED_AT_ONCE - 1:  # so that a large batch does not stall the loop
                    await self._clock.sleep(0)
            for _ in calls:
                index = await finished.get()
                yield index, await tasks[index]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _unknown(self, release: Release, call: ToolCall, context: CallContext) -> ToolResult:
        """No chain tells of this call, so this does."""
        error: ToolcribError = ToolcribError(f"Tool {call.name!r} has no chain.")
        try:
            release.tool(call.name, agent=context.agent, tenant=context.tenant, arms=context.arms)
        except ToolNotFound as missing:
            error = missing
        result = failed(error, tool=call.name, release=release.id, call_id=call.id)
        self._events.emit(
            ToolFinished(
                result=result,
                run_id=context.run_id,
                thread_id=context.thread_id,
                agent=context.agent,
                tenant=context.tenant,
            )
        )
        return result
