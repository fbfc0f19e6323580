"""What a careful engineer writes by hand around a tool: kept libraries, one for each concern, nothing shared."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import tenacity
from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import TypeAdapter, validate_call


class Stack:
    """validate_call, tenacity, wait_for, a semaphore, a breaker of consecutive failures, Prometheus by labels."""

    def __init__(self, tool: Callable[..., Awaitable[Any]]) -> None:
        registry = CollectorRegistry()
        self._calls = Counter("tool_calls", "Calls.", ("tool", "outcome"), registry=registry)
        self._seconds = Histogram("tool_seconds", "Seconds.", ("tool",), registry=registry)
        self._tool = validate_call(tool)
        self._result = TypeAdapter(str)
        self._gate = asyncio.Semaphore(64)
        self._failures = 0

    async def call(self, **args: Any) -> str:
        """Call the tool."""
        if self._failures >= 10:
            raise RuntimeError("the breaker is open")
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async for attempt in tenacity.AsyncRetrying(
                stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_random_exponential(max=10)
            ):
                with attempt:
                    async with self._gate:
                        value = await asyncio.wait_for(self._tool(**args), 30)
        except Exception:
            self._failures += 1
            self._calls.labels("lookup", "error").inc()
            raise
        self._failures = 0
        self._calls.labels("lookup", "ok").inc()
        self._seconds.labels("lookup").observe(loop.time() - began)
        return self._result.validate_python(value)
