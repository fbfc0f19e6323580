"""The ring of the newest events, and the stream of them."""

import json
from itertools import count

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.unit.server.conftest import Door
from toolcrib.core.events import Event, ReleaseRetired, RunFinished, ToolFinished
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.server.recent import RecentEvents
from toolcrib.server.sse import Frame
from toolcrib.testing import CountingIds

pytestmark = pytest.mark.anyio


def retired(number: int) -> Event:
    return ReleaseRetired(release=f"r-{number}")


async def take(recent: RecentEvents, last_id: str, many: int) -> list[Frame]:
    reader = recent.after(last_id)
    with anyio.fail_after(5):
        frames = [await anext(reader) for _ in range(many)]
    await reader.aclose()
    return frames


def releases(frames: list[Frame]) -> list[str]:
    return [frame.data["release"] for frame in frames if frame.data]


async def test_a_reader_sees_what_happens_from_its_call_on() -> None:
    recent = RecentEvents(ids=CountingIds())
    recent.keep(retired(1))
    reader = recent.after()
    recent.keep(retired(2))
    with anyio.fail_after(5):
        frame = await anext(reader)
    assert (frame.event, releases([frame])) == ("release.retired", ["r-2"])
    await reader.aclose()


async def test_a_reader_that_waits_is_woken() -> None:
    recent = RecentEvents(ids=CountingIds())
    got: list[Frame] = []

    async def read() -> None:
        async for frame in recent.after():
            got.append(frame)
            if len(got) == 3:
                return

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await checkpoint()
            for number in range(3):
                recent.keep(retired(number))
                await checkpoint()
    assert releases(got) == ["r-0", "r-1", "r-2"]


async def test_a_reader_goes_on_behind_the_last_event_it_saw() -> None:
    recent = RecentEvents(ids=CountingIds())
    reader = recent.after()
    for number in range(5):
        recent.keep(retired(number))
    first = await anext(reader)
    await reader.aclose()
    assert releases(await take(recent, first.id, 4)) == ["r-1", "r-2", "r-3", "r-4"]


async def test_who_comes_too_late_is_told_how_many_are_lost() -> None:
    recent = RecentEvents(ids=CountingIds(), kept=3)
    reader = recent.after()
    recent.keep(retired(0))
    first = await anext(reader)
    await reader.aclose()
    for number in range(1, 10):
        recent.keep(retired(number))
    gap, *rest = await take(recent, first.id, 4)
    assert (gap.event, gap.data) == ("gap", {"missed": 6})
    assert releases(rest) == ["r-7", "r-8", "r-9"]


async def test_a_slow_reader_loses_the_oldest_and_nobody_waits_for_it() -> None:
    recent = RecentEvents(ids=CountingIds(), kept=3)
    reader = recent.after()
    recent.keep(retired(0))
    await anext(reader)
    for number in range(1, 10):
        recent.keep(retired(number))
    with anyio.fail_after(5):
        frames = [await anext(reader) for _ in range(4)]
    assert frames[0].data == {"missed": 6}
    assert releases(frames[1:]) == ["r-7", "r-8", "r-9"]
    await reader.aclose()


@pytest.mark.parametrize("last_id", ["other123-2", "7", "nonsense", "-", "\u00b2", "9" * 5000])
async def test_an_id_from_before_a_restart_gets_all_that_is_kept(last_id: str) -> None:
    recent = RecentEvents(ids=CountingIds())
    for number in range(2):
        recent.keep(retired(number))
    gap, *rest = await take(recent, last_id, 3)
    assert (gap.event, gap.data) == ("gap", {"missed": None})
    assert releases(rest) == ["r-0", "r-1"]


async def test_the_ring_keeps_no_results_alive() -> None:
    recent = RecentEvents(ids=CountingIds())
    tool, run = ToolResult(ok=True, value="large"), RunResult(output="large", success=True, trace=({"a": 1},))
    events: list[Event] = [ToolFinished(result=tool), RunFinished(result=run, agent="a")]
    reader = recent.after()
    for event in events:
        recent.keep(event)
    for event in events:
        assert (await anext(reader)).data == event.to_dict()
    await reader.aclose()
    assert "large" not in repr(vars(recent))


async def test_the_route_replays_and_ends_when_the_server_stops(door: Door) -> None:
    """Over plain ASGI: a client library would wait for the end of the body."""
    body = bytearray()
    asked = count()

    async def receive() -> dict[str, object]:
        if next(asked):
            await anyio.sleep_forever()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        part = message.get("body", b"")
        assert isinstance(part, bytes)
        body.extend(part)
        if b"tool.finished" in body:
            door.stop.set()

    await door.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}})
    headers = [(b"host", b"localhost"), (b"last-event-id", b"before-1")]
    path = "/v1/events"
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    with anyio.fail_after(5):
        await door.app(scope | {"headers": headers}, receive, send)  # type: ignore[arg-type]  # plain ASGI messages
    frames = bytes(body).decode().split("\n\n")
    names = [frame.partition("\n")[0].removeprefix("event: ") for frame in frames if frame]
    assert names == ["gap", "deployment.finished", "tool.started", "tool.finished", "end"]
    finished = json.loads(frames[3].splitlines()[1].removeprefix("data: "))
    assert (finished["ok"], "value" in finished) == (True, False)
    assert frames[3].splitlines()[2].startswith("id: ")
