"""Accepted work: it goes on to its end when the client leaves, and the server's end waits for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
GRACE_S = 2.0


class InFlight:
    """Owns the tasks of accepted work until they are done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result. Cancelling the caller does not cancel the work."""
        return await asyncio.shield(self.own(work))

    async def pump(self, items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
        """The items, read to their end also when the reader leaves; their error is raised behind the last of them."""
        queue: asyncio.Queue[T | None] = asyncio.Queue()
        left = asyncio.Event()
        reader = self.own(_read(items, queue, left))
        try:
            while (item := await queue.get()) is not None:
                yield item
            await asyncio.wait({reader})
            reader.result()
        finally:
            left.set()

    def cancel(self) -> int:
        """Stop all work now, and give back how much that is."""
        for task in self._tasks:
            task.cancel()
        return len(self._tasks)

    async def settle(self, within_s: float, *, hurry: asyncio.Event) -> None:
        """Wait until all is done, at most so long, and not when somebody is in a hurry."""
        if not self._tasks or within_s <= 0:
            return
        waits = [asyncio.ensure_future(asyncio.wait(self._tasks)), asyncio.ensure_future(hurry.wait())]
        try:
            await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def drain(self, within_s: float) -> int:
        """Wait until all is done, at most so long; then cancel the rest, and give back how much that was."""
        if self._tasks and within_s > 0:
            await asyncio.wait(self._tasks, timeout=within_s)
        cancelled = self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        return cancelled

    def own(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin the work, whoever waits for it."""
        task = asyncio.create_task(work, name="toolcrib-accepted")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # taken note of: the one who waited may have left, and the ledger has it


async def _read(items: AsyncIterator[T], queue: asyncio.Queue[T | None], left: asyncio.Event) -> None:
    """Read to the end; hand on as long as somebody takes it, and None at the end."""
    try:
        async for item in items:
            if not left.is_set():
                queue.put_nowait(item)
    finally:
        queue.put_nowait(None)
