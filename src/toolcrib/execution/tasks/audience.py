"""`Audience`: who waits for the end of tasks: callers of `wait`, callbacks, and listeners to events."""

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from toolcrib.core.events import TaskFinished, TaskWaiting
from toolcrib.core.ports import EventSink
from toolcrib.core.results import said
from toolcrib.core.tasks import TaskRecord, TaskStore

log = logging.getLogger(__name__)
CALLBACK_S = 30.0
CLOSE_S = 5.0
Callback = Callable[[TaskRecord], Awaitable[None] | None]


class Audience:
    """Tells the end of a task to those of this process who want to know. Belongs to one event loop."""

    def __init__(self, *, store: TaskStore, events: EventSink) -> None:
        self._store = store
        self._events = events
        self._ends: dict[str, asyncio.Event] = {}
        self._listeners: Counter[str] = Counter()
        self._callbacks: dict[str, list[Callback]] = {}
        self._calls: dict[asyncio.Task[None], str] = {}

    @contextmanager
    def listening(self, task_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the task ends, also when another process ends it."""
        end = self._ends.setdefault(task_id, asyncio.Event())
        self._listeners[task_id] += 1
        try:
            yield end
        finally:
            self._listeners[task_id] -= 1
            if not self._listeners[task_id]:
                del self._listeners[task_id]
                self._ends.pop(task_id, None)

    def call_back(self, task_id: str, callback: Callback) -> None:
        """Call this when the task has ended, in this process, as long as it lives."""
        self._callbacks.setdefault(task_id, []).append(callback)

    def forget(self, task_id: str) -> list[Callback]:
        """The task will not be: its callbacks, which are not called."""
        return self._callbacks.pop(task_id, [])

    def announce(self, record: TaskRecord) -> None:
        """This process brought a task to its end: say so to everybody."""
        self._events.emit(
            TaskFinished(
                task=record.id,
                tool=record.tool,
                state=record.state,
                release=record.release,
                tenant=record.tenant,
                batch=record.batch,
            )
        )
        self.tell(record)

    def announce_waiting(self, record: TaskRecord) -> None:
        """This process put a failed call before a person: say so."""
        result = record.last_result()
        self._events.emit(
            TaskWaiting(
                task=record.id,
                tool=record.tool,
                code=result.error.code if result.error else "",
                call_id=result.call_id,
                tenant=record.tenant,
            )
        )

    def tell(self, record: TaskRecord) -> None:
        """A task is known to have ended: wake those who wait, begin its callbacks, each once."""
        if end := self._ends.get(record.id):
            end.set()
        for callback in self.forget(record.id):
            call = asyncio.create_task(self._call(callback, record), name="toolcrib-task-callback")
            self._calls[call] = record.id
            call.add_done_callback(lambda done: self._calls.pop(done, None))

    async def look(self) -> None:
        """Tell of the tasks that other processes have ended."""
        if awaited := {*self._ends, *self._callbacks}:
            for record in await self._store.ended(awaited):
                self.tell(record)

    async def close(self) -> None:
        """Let the callbacks that run come to their end; those that do not, or were never called, are noted."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=CLOSE_S)
        late = dict(self._calls)
        for call in late:
            call.cancel()
        if late:
            await asyncio.wait(late, timeout=CLOSE_S)
        for task_id in [*late.values(), *self._callbacks]:
            log.warning("task callback lost", extra={"task": task_id})
            await self._store.note_callback(task_id, "the process that submitted the task was closed before")
        self._callbacks.clear()

    async def _call(self, callback: Callback, record: TaskRecord) -> None:
        try:
            async with asyncio.timeout(CALLBACK_S):
                given = callback(record)
                if inspect.isawaitable(given):
                    await given
        except Exception as error:  # outer guard: a callback is not ours and may raise anything
            log.exception("task callback failed", extra={"task": record.id, "tool": record.tool})
            await self._store.note_callback(record.id, f"{type(error).__name__}: {said(error)}")
