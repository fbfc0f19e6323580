"""A cached tool that counts its runs, and calling it; what the tests of the cache link share."""

import asyncio
from collections.abc import Callable
from typing import Any

import anyio

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Cache
from toolcrib.core.results import ToolResult
from toolcrib.registry.release import Release
from toolcrib.testing import make_tool

KEPT: dict[str, Any] = {"cache": Cache(ttl_s=60.0)}
ERRORS_KEPT: dict[str, Any] = {"cache": Cache(ttl_s=60.0, errors_ttl_s=10.0)}


class Counted:
    """A tool that counts its runs and waits to be let go.

    Attributes:
        outcome: what a run does with its number, after it was let go.
    """

    def __init__(self, outcome: Callable[[int], Any] = lambda run: {"run": run}, *, held: bool = False) -> None:
        self.outcome = outcome
        self.runs = 0
        self.cancelled = 0
        self.running, self.go = asyncio.Event(), asyncio.Event()
        if not held:
            self.go.set()

    def release(self, bench: Bench, **policy: Any) -> Release:
        async def look(x: Any = None) -> Any:
            self.runs += 1
            run = self.runs
            self.running.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return self.outcome(run)

        return bench.release(make_tool(look, **{**KEPT, **policy}))


async def call(bench: Bench, release: Release, x: Any = None, *, id: str = "c", **context: Any) -> ToolResult:
    with anyio.fail_after(5):
        return await bench.executor.call(release, ToolCall(name="look", args={"x": x}, id=id), CallContext(**context))


def fails(error: Exception) -> Callable[[int], Any]:
    def outcome(run: int) -> Any:
        raise error

    return outcome
