"""Threads: synchronous tools run in a bounded pool of daemon threads; a thread cannot be killed, so it is counted.

When a call is cancelled or times out, its thread goes on by itself (Python cannot stop it). It is *abandoned*: it keeps
its place until the tool's code returns. While all places are taken by working calls a new one waits, as long as its
deadline allows; when all are taken by abandoned ones it is refused at once with `RunnerSaturated`.
"""

import asyncio
import contextvars
import inspect
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Any

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import RunnerSaturated
from toolcrib.core.tools import Tool
from toolcrib.runners.pool import PoolStats
from toolcrib.runners.raised import speakable

_Job = Callable[["_Mailbox"], bool]


class ThreadRunner:
    """A pool of at most `workers` threads, started on demand; context variables are carried into them.

    Args:
        workers: how many.
        min_workers: so many, once started, stay.
        idle_s: further ones end, by `trim`, after so many seconds without work.
    """

    def __init__(self, *, workers: int, min_workers: int = 0, idle_s: float = 30.0) -> None:
        self._workers = workers
        self._least = min(min_workers, workers)
        self._idle_s = idle_s
        self._started = self._ended = self._busy = self._waiting = 0
        self._idle: deque[_Mailbox] = deque()  # the last used last
        self._free = asyncio.Semaphore(workers)
        self._abandoned = 0
        self._closed = False

    @property
    def stats(self) -> PoolStats:
        """How the pool does now."""
        return PoolStats(
            size=self._started - self._ended,
            busy=self._busy,
            waiting=self._waiting,
            started=self._started,
            ended=self._ended,
        )

    @property
    def abandoned(self) -> int:
        """Threads still busy with calls nobody waits for any more."""
        return self._abandoned

    async def run(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> Any:
        """Run the tool in a worker thread.

        Raises:
            RunnerSaturated: every worker is held by an abandoned call.
        """
        if self._abandoned >= self._workers:
            raise RunnerSaturated(
                f"All {self._workers} worker threads are held by calls that outlived their time.",
                hint="Make the slow tools `async`, or raise `threads.workers` in toolcrib.yaml.",
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        self._busy += 1
        errand = _Errand(self._settled)
        carried = contextvars.copy_context()

        def job(mailbox: _Mailbox) -> bool:
            value, error = None, None
            try:
                value = carried.run(tool.run, args, context)
            except BaseException as raised:  # noqa: BLE001 - outer guard: handed to the caller through the future
                error = speakable(raised)
            rests = self._rest(mailbox)  # before the caller hears of it, who may have the next job at once
            errand.report(value, error)
            return rests

        self._submit(job)
        try:
            return await _finished(await errand)
        except asyncio.CancelledError:
            self._abandoned += errand.abandon()
            raise

    def trim(self, now: float) -> None:
        """End threads that have rested too long, those that rested longest first; to be called now and then.

        Args:
            now: reading of a monotonic clock; a thread's rest counts from the first time it is seen resting here.
        """
        for mailbox in tuple(self._idle):
            mailbox.seen_resting = now if mailbox.seen_resting is None else mailbox.seen_resting
        while self._idle and self._started - self._ended > self._least:
            seen = self._idle[0].seen_resting
            if seen is None or now - seen < self._idle_s:
                return
            self._end(self._idle.popleft())

    def _settled(self, errand: "_Errand") -> None:
        self._busy -= 1
        self._free.release()
        self._abandoned -= errand.abandoned

    def close(self) -> None:
        """Let the idle threads end; busy ones end after their tool returns, or with the process."""
        self._closed = True
        while self._idle:
            self._end(self._idle.pop())

    def _end(self, mailbox: "_Mailbox") -> None:
        self._ended += 1
        mailbox.post(None)

    def _submit(self, job: _Job) -> None:
        if self._idle:
            mailbox = self._idle.pop()
            mailbox.seen_resting = None
            mailbox.post(job)
            return
        mailbox = _Mailbox()
        mailbox.post(job)
        self._started += 1
        threading.Thread(target=_work, args=(mailbox,), name=f"toolcrib-tool-{self._started}", daemon=True).start()

    def _rest(self, mailbox: "_Mailbox") -> bool:
        """Called by a thread that has finished a job: wait for more work, unless the pool is closed."""
        if self._closed:
            return False
        self._idle.append(mailbox)
        return True


class _Errand:
    """One call from its caller to a thread and back; made, awaited by one task, and settled on the event loop.

    It is to a task what a future is (`asyncio.isfuture`), but wakes it in the very callback that the thread has sent:
    a future would have the loop go round once more, which is a tenth of what a call in a thread costs.
    """

    def __init__(self, settled: Callable[["_Errand"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._settled = settled
        self._wake: Callable[[Any], object] | None = None
        self._context: contextvars.Context | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._done = self._cancelled = False
        self._asyncio_future_blocking = False
        self.abandoned = False

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._done:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    def report(self, value: Any, error: BaseException | None) -> None:
        """Called in the thread when the tool's code has ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, value, error)

    def abandon(self) -> bool:
        """The caller goes away; whether the thread is still busy with its call."""
        self.abandoned = self._cancelled or not self._done
        return self.abandoned

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop whose tasks may await it; asked by tasks."""
        return self._loop

    def add_done_callback(self, wake: Callable[[Any], object], *, context: contextvars.Context | None = None) -> None:
        """Called by the task that awaits it."""
        self._wake, self._context = wake, context

    def cancel(self, msg: Any = None) -> bool:
        """Called when the task that awaits it is cancelled; the thread goes on."""
        if self._done:
            return False
        self._done = self._cancelled = True
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._loop.call_soon(self._resume)
        return True

    def result(self) -> Any:
        """What the tool returned, or the error it raised; asked by the task that wakes up."""
        if self._error is not None:
            raise self._error
        return self._value

    def _settle(self, value: Any, error: BaseException | None) -> None:
        self._settled(self)
        if self._done:
            return
        self._value, self._error, self._done = value, error, True
        self._resume()

    def _resume(self) -> None:
        if self._wake is not None:
            (self._context or contextvars.copy_context()).run(self._wake, self)


class _Mailbox:
    """One job for one thread, without a queue's cost: a lock that is open when there is mail.

    Attributes:
        seen_resting: when its thread was first seen without work since its last job.
    """

    __slots__ = ("_job", "_mail", "seen_resting")

    def __init__(self) -> None:
        self.seen_resting: float | None = None
        self._mail = threading.Lock()
        self._mail.acquire()
        self._job: _Job | None = None

    def post(self, job: _Job | None) -> None:
        """Put a job in; None ends the thread."""
        self._job = job
        self._mail.release()

    def take(self) -> _Job | None:
        """Wait for the job."""
        self._mail.acquire()
        job, self._job = self._job, None
        return job


def _work(mailbox: _Mailbox) -> None:
    """A worker thread's life: one job after the other, until there is none or the pool is closed."""
    while (job := mailbox.take()) is not None and job(mailbox):
        del job


async def _finished(value: Any) -> Any:
    """The result; what a plain wrapper around a coroutine function gives back is awaited here, on the event loop."""
    return await value if inspect.isawaitable(value) else value
