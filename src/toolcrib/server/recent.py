"""The newest events, numbered, so that a client that was cut off can go on where it stopped."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import islice

from toolcrib.core.events import Event, RunFinished, ToolFinished
from toolcrib.core.ports import IdFactory
from toolcrib.server.sse import Frame

KEPT = 1_000
EPOCH_LENGTH = 8


class RecentEvents:
    """A ring of the newest events; its `keep` is a listener of the open project.

    Ids are `<epoch>-<number>`: the epoch is another one after a restart of the server, whose numbers begin anew.

    Args:
        ids: where the epoch comes from.
        kept: how many events can be asked for again.
    """

    def __init__(self, *, ids: IdFactory, kept: int = KEPT) -> None:
        self._epoch = ids.new()[-EPOCH_LENGTH:]
        self._ring: deque[Event] = deque(maxlen=kept)
        self._count = 0
        self._news = asyncio.Event()

    def keep(self, event: Event) -> None:
        """Take in one event; must be called on the event loop."""
        self._count += 1
        self._ring.append(_light(event))
        self._news.set()
        self._news = asyncio.Event()

    def after(self, last_id: str = "") -> AsyncGenerator[Frame, None]:
        """Events after the one with this id, and all that come; from this call on when the id is empty.

        A reader that comes too late for some of them, or with an id from before a restart, gets `gap` and then all
        that are kept.
        """
        return self._follow(self._place(last_id))

    def _place(self, last_id: str) -> int | None:
        """The number of the last event the reader saw; None when there is no telling."""
        if not last_id:
            return self._count
        epoch, _, digits = last_id.rpartition("-")
        known = epoch == self._epoch and digits.isascii() and digits.isdigit() and len(digits) < EPOCH_LENGTH * 2
        seen = int(digits) if known else -1
        return seen if 0 <= seen <= self._count else None

    async def _follow(self, seen: int | None) -> AsyncGenerator[Frame, None]:
        while True:
            news = self._news
            gone = self._count - len(self._ring)
            if seen is None or seen < gone:
                yield Frame(event="gap", data={"missed": None if seen is None else gone - seen})
                seen = max(seen or 0, gone)
                continue  # the ring may have moved while the reader took the frame
            for event in list(islice(self._ring, seen - gone, None)):
                seen += 1
                yield Frame(event=event.name, data=event.to_dict(), id=f"{self._epoch}-{seen}")
            if self._news is news:
                await news.wait()


def _light(event: Event) -> Event:
    """The event without what its document leaves out: the ring must not keep large results alive."""
    match event:
        case ToolFinished():
            return replace(event, result=replace(event.result, value=None))
        case RunFinished():
            return replace(event, result=replace(event.result, output=None, trace=(), interrupts=()))
        case _:
            return event
