"""An event loop whose time passes only when nothing else is left to do: waits of any length, in no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from toolcrib.testing import FakeClock

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Instead of waiting it puts the clock forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits, and nothing is left that could happen")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class LoopClock(FakeClock):
    """`Clock` of the running loop, whose time it is."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> float:
        return self.at_now + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        alarm = loop.call_later(seconds, _wake, turn)
        try:
            await turn
        finally:
            alarm.cancel()


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run it on a loop of its own; a wait that could never end fails at once."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
