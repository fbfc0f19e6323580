"""`TaskProgress`: what a running tool tells of itself, on its way from any thread to those who ask."""

import asyncio
from contextlib import suppress

from toolcrib.core.calls import no_progress
from toolcrib.core.events import TaskProgressed
from toolcrib.core.ports import Clock, EventSink
from toolcrib.core.results import said
from toolcrib.core.tasks import TaskRecord

EVENT_EVERY_S = 0.1


class TaskProgress:
    """The `progress` of one task's `ToolContext`. The newest word is always at hand; events of it are spaced out.

    Made on the event loop. A copy that is sent to another process tells nobody.

    Attributes:
        unsaved: there was word since this was last set to False.
        over: the task has ended; an abandoned thread may go on talking, but nobody is told.
    """

    def __init__(self, record: TaskRecord, *, clock: Clock, events: EventSink) -> None:
        self._record = record
        self._clock = clock
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._newest: tuple[float, str] = (0.0, "")
        self._told_at = float("-inf")
        self._on_its_way = False
        self.unsaved = False
        self.over = False

    def __call__(self, fraction: float, message: str = "") -> None:
        """See `Progress`."""
        self._newest = min(1.0, max(0.0, float(fraction))), said(message)
        self.unsaved = True
        if not self._on_its_way:  # many words between two turns of the loop are one
            self._on_its_way = True
            with suppress(RuntimeError):  # the loop is closed: an abandoned thread still talks
                self._loop.call_soon_threadsafe(self._tell)

    def __reduce__(self) -> str | tuple[object, ...]:
        return _silent, ()

    @property
    def fraction(self) -> float:
        """How far the task is, 0 to 1."""
        return self._newest[0]

    @property
    def message(self) -> str:
        """What it is doing."""
        return self._newest[1]

    def _tell(self) -> None:
        self._on_its_way = False
        now, (fraction, message) = self._clock.monotonic(), self._newest
        too_soon = fraction < 1.0 and now - self._told_at < EVENT_EVERY_S
        if self.over or too_soon or not self._events.wants(TaskProgressed):
            return
        self._told_at = now
        task, tool, tenant = self._record.id, self._record.tool, self._record.tenant
        self._events.emit(TaskProgressed(task=task, tool=tool, progress=fraction, message=message, tenant=tenant))


def _silent() -> object:
    return no_progress
