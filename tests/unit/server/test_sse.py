"""Frames, heartbeats and the end of a stream of server-sent events."""

import asyncio
from collections.abc import AsyncGenerator

import anyio
import pytest

from toolcrib.server.sse import Frame, event_stream

pytestmark = pytest.mark.anyio


async def two() -> AsyncGenerator[Frame, None]:
    yield Frame(event="a", data={"text": "line\nline"}, id="1")
    yield Frame(event="b", data=None)


class Silence:
    """Frames that never come, and whether their generator was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def frames(self) -> AsyncGenerator[Frame, None]:
        try:
            await anyio.sleep_forever()
            yield Frame(event="never", data=None)
        finally:
            self.closed = True


async def test_a_stream_is_its_frames_each_on_one_line_and_an_end() -> None:
    answer = event_stream(two(), asyncio.Event())
    parts = [part async for part in answer.body_iterator]
    assert parts == [
        b'event: a\ndata: {"text":"line\\nline"}\nid: 1\n\n',
        b"event: b\ndata: null\n\n",
        b"event: end\ndata: null\n\n",
    ]
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_silence_is_filled_with_comments_until_the_server_stops() -> None:
    stop, silence = asyncio.Event(), Silence()
    answer = event_stream(silence.frames(), stop, heartbeat_s=0.001)
    with anyio.fail_after(5):
        parts = aiter(answer.body_iterator)
        assert [await anext(parts), await anext(parts)] == [b": heartbeat\n\n"] * 2
        stop.set()
        assert [part async for part in parts] == [b"event: end\ndata: null\n\n"]
    assert silence.closed


async def test_a_reader_that_leaves_closes_the_frames() -> None:
    silence = Silence()
    parts = event_stream(silence.frames(), asyncio.Event(), heartbeat_s=0.001).body_iterator
    assert isinstance(parts, AsyncGenerator)
    with anyio.fail_after(5):
        await anext(parts)
        await parts.aclose()
    assert silence.closed


async def test_numbers_and_texts_that_quick_encoders_refuse_are_still_written() -> None:
    data = Frame(event="a", data={"n": 2**70, "t": "\ud800"}).encode()
    assert data == b'event: a\ndata: {"n":1180591620717411303424,"t":"\\ud800"}\n\n'


async def test_frames_that_nobody_takes_any_more_are_closed_too() -> None:
    stop, closed = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncGenerator[Frame, None]:
        try:
            while True:
                yield Frame(event="a", data=None)
        finally:
            closed.set()

    frames = endless()  # held, so that no garbage collector closes it for us
    parts = aiter(event_stream(frames, stop).body_iterator)
    await anext(parts)
    stop.set()
    await anext(parts)
    with pytest.raises(StopAsyncIteration):
        await anext(parts)
    assert closed.is_set()
