"""`EventHub`: hands events to whoever listens; a slow or failing listener never slows or breaks a call."""

import asyncio
import logging
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

from toolcrib.core.events import Event

log = logging.getLogger(__name__)
BACKLOG = 10_000
Hear = Callable[[Event], object]
Also = Callable[[type[Event]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A direct hook that does not want every event.

    Attributes:
        hear: called at once with each event it wants.
        kinds: the events it always wants.
        also: whether it wants events of another kind at present; asked before each of them, so it must be quick.
    """

    hear: Hear
    kinds: frozenset[type[Event]]
    also: Also | None = None


class _Audience(NamedTuple):
    """Who hears events of one kind: whether somebody certainly does, and whom to ask otherwise."""

    hears: tuple[Hear, ...]
    certain: bool
    perhaps: tuple[Also, ...]


class EventHub:
    """Fans events out to direct hooks (called at once, guarded) and to subscribers (each with a bounded backlog).

    Direct hooks are ours and short: metrics, logs, the server's ring of events. Users' hooks stand behind
    `HookDelivery`, whose `put` is one.

    Args:
        hooks: in the order in which they hear; a bare function hears everything.
        loop: this thread's event loop, on which all of them hear; None lets them hear wherever something is emitted.

    Attributes:
        dropped: events that a slow subscriber has lost, and those that came from other threads when the loop was over.
    """

    def __init__(
        self, hooks: tuple[Hear | Listener, ...] = (), *, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._hooks = hooks
        self._loop = loop
        self._home = threading.get_ident()
        self._audiences: dict[type[Event], _Audience] = {}
        self._subscribers: set[_Subscriber] = set()
        self.dropped = 0

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody listens to events of this kind."""
        audience = self._audiences.get(kind) or self._audience(kind)
        if audience.certain or self._subscribers:
            return True
        return bool(audience.perhaps) and any(also(kind) for also in audience.perhaps)

    def emit(self, event: Event) -> None:
        """Hand on one event: at once, or from another thread as soon as the loop comes to it; never raises."""
        if self._loop is not None and threading.get_ident() != self._home:
            try:
                self._loop.call_soon_threadsafe(self.emit, event)
            except RuntimeError:  # it is closed
                self.dropped += 1
            return
        kind = type(event)
        for hook in (self._audiences.get(kind) or self._audience(kind)).hears:
            try:
                hook(event)
            except Exception:  # outer guard: a hook is not ours and may raise anything
                log.exception("event hook failed", extra={"event_name": event.name})
        if self._subscribers:
            for subscriber in tuple(self._subscribers):
                self.dropped += subscriber.put(event)

    def _audience(self, kind: type[Event]) -> _Audience:
        """Who hears events of this kind; settled when the first one comes."""
        hears: list[Hear] = []
        perhaps: list[Also] = []
        certain = False
        for hook in self._hooks:
            if not isinstance(hook, Listener):
                hears.append(hook)
                certain = True
            elif kind in hook.kinds:
                hears.append(hook.hear)
                certain = True
            elif hook.also is not None:
                hears.append(hook.hear)
                perhaps.append(hook.also)
        audience = self._audiences[kind] = _Audience(tuple(hears), certain, tuple(perhaps))
        return audience

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
