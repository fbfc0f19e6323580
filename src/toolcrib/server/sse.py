"""Server-sent events: frames, heartbeats, and an end that clients need not guess."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse

from toolcrib.server.encoding import encode

HEARTBEAT_S = 5.0
MEDIA_TYPE = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event on the wire."""

    event: str
    data: Mapping[str, Any] | None
    id: str = ""

    def encode(self) -> bytes:
        """The frame's bytes: event, data on one line, id."""
        ident = b"id: " + self.id.encode() + b"\n" if self.id else b""
        return b"event: " + self.event.encode() + b"\ndata: " + encode(self.data) + b"\n" + ident + b"\n"


class EventStream(StreamingResponse):
    """A response of server-sent events, for the routes and for OpenAPI."""

    media_type = MEDIA_TYPE


def event_stream(
    frames: AsyncGenerator[Frame, None], stop: asyncio.Event, *, heartbeat_s: float = HEARTBEAT_S
) -> EventStream:
    """The frames as a response: a comment after each `heartbeat_s` of silence, `end` at the end or when `stop` is set.

    The frames' generator is closed in every case.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return EventStream(_paced(frames, stop, heartbeat_s), headers=headers)


async def _paced(frames: AsyncGenerator[Frame, None], stop: asyncio.Event, heartbeat_s: float) -> AsyncIterator[bytes]:
    coming = asyncio.ensure_future(anext(frames, None))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            await asyncio.wait({coming, stopping}, timeout=heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                frame = coming.result()
                if frame is None:
                    break
                yield frame.encode()
                coming = asyncio.ensure_future(anext(frames, None))
            elif not stopping.done():
                yield b": heartbeat\n\n"
        yield Frame(event="end", data=None).encode()
    finally:
        stopping.cancel()
        coming.cancel()
        await asyncio.gather(coming, stopping, return_exceptions=True)
        await frames.aclose()
