"""Asynchronous work that a signal ends in order: cancelled, with everything it has open closed."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from toolcrib.core.wire.signals import take_signals

T = TypeVar("T")
PATIENCE = 2
"""Terminals and the programs in between send a signal twice; who sends a third one does not want to wait."""


class Stopped(BaseException):
    """A signal ended the work, in order. No failure: what guards against failures lets it pass."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. A signal cancels it and closes what it has open; the second changes nothing, the third leaves.

    Belongs to the main thread, which alone gets signals. A signal that is ignored, e.g. under nohup, stays so.

    Raises:
        Stopped: a signal ended it.
    """
    received: list[int] = []
    running: list[asyncio.Task[Any]] = []

    def signalled(signum: int, frame: FrameType | None) -> None:
        received.append(signum)
        if len(received) > PATIENCE:
            os._exit(128 + signum)
        if len(received) == 1:
            for task in running:
                task.get_loop().call_soon_threadsafe(task.cancel)

    async def main() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.append(task)
        if received:
            task.cancel()
        try:
            return await work
        finally:
            running.clear()

    with _taking(signalled):
        try:
            return asyncio.run(main())
        except (asyncio.CancelledError, Exception):  # outer guard: what a cancelled project raises is no failure
            if received:
                raise Stopped(received[0]) from None
            raise


@contextmanager
def _taking(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = take_signals(handler)
    try:
        yield
    finally:
        for signum, former in before.items():
            signal.signal(signum, former)
