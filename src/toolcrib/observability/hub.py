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
    """Fans events out to hooks (called at once, guarded) and to subscribers (each with a bounded backlog)."""

    def __init__(self, hooks: tuple[Callable[[Event], None], ...] = ()) -> None:
        self._hooks = hooks
        self._subscribers: set[_Subscriber] = set()

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
                log.exception("event hook failed", extra={"event": event.name})
        for subscriber in tuple(self._subscribers):
            subscriber.put(event)

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

    def put(self, event: Event | None) -> None:
        self._backlog.append(event)
        self._arrived.set()

    async def next(self) -> Event | None:
        while not self._backlog:
            self._arrived.clear()
            await self._arrived.wait()
        return self._backlog.popleft()
