"""`EventHub`: hands events to whoever listens; a slow or failing listener never slows or breaks a call."""

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable

from toolcrib.core.events import Event

log = logging.getLogger(__name__)
BACKLOG = 10_000


class EventHub:
    """Fans events out to direct hooks (called at once, guarded) and to subscribers (each with a bounded backlog).

    Direct hooks are ours and short: metrics, logs, the server's ring of events. Users' hooks stand behind
    `HookDelivery`, whose `put` is one.
    """

    def __init__(self, hooks: tuple[Callable[[Event], None], ...] = ()) -> None:
        self._hooks = hooks
        self._subscribers: set[_Subscriber] = set()
        self.dropped = 0

    @property
    def active(self) -> bool:
        """Whether anybody listens."""
        return bool(self._hooks or self._subscribers)

    def emit(self, event: Event) -> None:
        """Hand on one event; must be called on the event loop."""
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:  # outer guard: a hook is not ours and may raise anything
                log.exception("event hook failed", extra={"event_name": event.name})
        for subscriber in tuple(self._subscribers):
            self.dropped += subscriber.put(event)

    @property
    def waiting(self) -> int:
        """Events that subscribers have not read yet."""
        return sum(subscriber.waiting for subscriber in self._subscribers)

    def subscribe(self) -> AsyncIterator[Event]:
        """Events from now on, from the moment of this call. Who falls 10,000 behind loses the oldest."""
        subscriber = _Subscriber()
        self._subscribers.add(subscriber)
        reader = self._read(subscriber)
        weakref.finalize(reader, self._subscribers.discard, subscriber)  # a reader dropped before its first event
        return reader

    async def _read(self, subscriber: "_Subscriber") -> AsyncIterator[Event]:
        try:
            while (event := await subscriber.next()) is not None:
                yield event
        finally:
            self._subscribers.discard(subscriber)

    def close(self) -> None:
        """End all subscriptions."""
        for subscriber in tuple(self._subscribers):
            subscriber.put(None)


class _Subscriber:
    """One reader's backlog."""

    def __init__(self) -> None:
        self._backlog: deque[Event | None] = deque(maxlen=BACKLOG)
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._backlog)

    def put(self, event: Event | None) -> bool:
        """Take in one event; whether the oldest was dropped for it."""
        full = len(self._backlog) == BACKLOG
        self._backlog.append(event)
        self._arrived.set()
        return full

    async def next(self) -> Event | None:
        while not self._backlog:
            self._arrived.clear()
            await self._arrived.wait()
        return self._backlog.popleft()
