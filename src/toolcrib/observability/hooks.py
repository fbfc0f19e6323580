"""`HookDelivery`: users' hooks hear of every event in order, beside the calls: slow or failing ones touch nobody.

Plain functions share one thread, each coroutine function has a task. Before each of them stands a bounded queue; when
it is full the oldest event is dropped and counted, so that a hook that hangs costs no call more than a moment.
"""

import asyncio
import inspect
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from toolcrib.core.events import Event

log = logging.getLogger(__name__)
BACKLOG = 10_000
CLOSE_S = 2.0
GRACE_S = 0.5
MAX_KINDS = 100
Hook = Callable[[Event], None] | Callable[[Event], Awaitable[None]]


class HookDelivery:
    """Hands events on to hooks; must be made, fed and closed on one running event loop.

    Args:
        hooks: functions that take an event, `def` (called in a thread) or `async def` (run on the event loop).
        backlog: events that may wait before a hook.
        close_s: seconds that hooks get at the end for what waits before them.
    """

    def __init__(self, hooks: tuple[Hook, ...], *, backlog: int = BACKLOG, close_s: float = CLOSE_S) -> None:
        self._close_s = close_s
        self._failures = _Failures()
        plain = tuple(hook for hook in hooks if not _is_async(hook))
        self._queues: list[_Queue] = [_ThreadQueue(plain, self._failures, backlog)] if plain else []
        self._queues += [_TaskQueue(hook, self._failures, backlog) for hook in hooks if _is_async(hook)]

    def put(self, event: Event) -> None:
        """Let every hook hear of the event, soon."""
        for queue in self._queues:
            queue.put(event)

    @property
    def waiting(self) -> int:
        """Events that wait before hooks."""
        return sum(queue.waiting for queue in self._queues)

    @property
    def dropped(self) -> int:
        """Events that were dropped because a hook was too slow."""
        return sum(queue.dropped for queue in self._queues)

    @property
    def failures(self) -> int:
        """How often a hook raised."""
        return self._failures.count

    async def close(self) -> None:
        """Give the hooks a bounded time for what waits before them, then stop; events that come later go nowhere."""
        left = sum(await asyncio.gather(*(queue.close(self._close_s) for queue in self._queues)))
        if left:
            log.warning("event hooks were too slow at the end", extra={"events_dropped": left})


class _Queue(Protocol):
    """What waits before hooks."""

    dropped: int

    @property
    def waiting(self) -> int: ...

    def put(self, event: Event) -> None: ...

    async def close(self, within_s: float) -> int:
        """Stop after what waits, at most so long; how many events were left."""


class _Failures:
    """Counts failures of hooks, and logs the first of each kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()
        self.count = 0

    def note(self, hook: Any, event: Event, error: BaseException) -> None:
        """Take note of one failure, in any thread."""
        name = getattr(hook, "__qualname__", type(hook).__name__)
        with self._lock:
            self.count += 1
            kind = (name, type(error).__qualname__)  # not the class, which would keep a retired release alive
            told = kind in self._told or len(self._told) >= MAX_KINDS
            self._told.add(kind)
        if not told:
            facts = {"hook": name, "event_name": event.name}
            log.error("event hook failed, further failures of this kind are only counted", exc_info=error, extra=facts)


class _ThreadQueue:
    """Plain hooks and the one daemon thread that calls them."""

    def __init__(self, hooks: tuple[Any, ...], failures: _Failures, limit: int) -> None:
        self._hooks = hooks
        self._failures = failures
        self._limit = limit
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self.dropped = 0
        threading.Thread(target=self._work, name="toolcrib-hooks", daemon=True).start()

    @property
    def waiting(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        with self._changed:
            if self._closing:
                return
            if len(self._events) >= self._limit:
                self._events.popleft()
                self.dropped += 1
            self._events.append(event)
            self._changed.notify()

    async def close(self, within_s: float) -> int:
        with self._changed:
            self._closing = True
            self._changed.notify()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        with self._changed:
            left = len(self._events)
            self._events.clear()
        return left

    def _work(self) -> None:
        """The thread's life."""
        while (event := self._next()) is not None:
            for hook in self._hooks:
                try:
                    _refuse_coroutine(hook(event))
                except BaseException as error:  # noqa: BLE001 - outer guard: a hook is not ours and may raise anything
                    self._failures.note(hook, event, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._ended.set)

    def _next(self) -> Event | None:
        with self._changed:
            while not self._events and not self._closing:
                self._changed.wait()
            return self._events.popleft() if self._events else None


class _TaskQueue:
    """One asynchronous hook and its task."""

    def __init__(self, hook: Any, failures: _Failures, limit: int) -> None:
        self._hook = hook
        self._failures = failures
        self._limit = limit
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._closing = False
        self.dropped = 0
        self._task = asyncio.create_task(self._work(), name="toolcrib-hook")

    @property
    def waiting(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        if self._closing:
            return
        if len(self._events) >= self._limit:
            self._events.popleft()
            self.dropped += 1
        self._events.append(event)
        self._changed.set()

    async def close(self, within_s: float) -> int:
        self._closing = True
        self._changed.set()
        await asyncio.wait([self._task], timeout=within_s)
        left = len(self._events)
        self._events.clear()
        if self._task.cancel():
            await asyncio.wait([self._task], timeout=GRACE_S)
        return left

    async def _work(self) -> None:
        """The task's life."""
        while (event := await self._next()) is not None:
            try:
                await self._hook(event)
            except asyncio.CancelledError as error:
                if self._task.cancelling():
                    raise
                self._failures.note(self._hook, event, error)  # of the hook's own making
            except Exception as error:  # noqa: BLE001 - outer guard: a hook is not ours and may raise anything
                self._failures.note(self._hook, event, error)

    async def _next(self) -> Event | None:
        while not self._events:
            if self._closing:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


def _is_async(hook: Any) -> bool:
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None))  # noqa: B004


def _refuse_coroutine(returned: Any) -> None:
    """A plain function that gives back a coroutine would run nothing, in silence."""
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError("the hook gave back a coroutine that nobody awaits: make it `async def`")
