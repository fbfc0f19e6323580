"""The event hub: nobody who listens can slow or break what happens."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from toolcrib.core.events import BreakerChanged, Event, ReleaseRetired
from toolcrib.core.ports import EventSink
from toolcrib.observability.hub import BACKLOG, EventHub, Listener

pytestmark = pytest.mark.anyio


def event(number: int) -> ReleaseRetired:
    return ReleaseRetired(release=f"r-{number}")


async def take(reader: AsyncIterator[Event], count: int) -> list[Event]:
    with anyio.fail_after(5):
        return [await anext(reader) for _ in range(count)]


def test_a_hub_without_listeners_is_not_active_and_takes_events_all_the_same() -> None:
    hub: EventSink = EventHub()
    assert not hub.wants(ReleaseRetired)
    hub.emit(event(1))


def test_hooks_are_called_at_once_in_order() -> None:
    seen: list[tuple[str, Event]] = []
    hub = EventHub((lambda one: seen.append(("first", one)), lambda one: seen.append(("second", one))))
    assert hub.wants(ReleaseRetired)
    hub.emit(event(1))
    assert seen == [("first", event(1)), ("second", event(1))]


def test_a_listener_hears_only_what_it_wants_and_others_need_not_be_made() -> None:
    seen: list[Event] = []
    hub = EventHub((Listener(hear=seen.append, kinds=frozenset({ReleaseRetired})),))
    assert hub.wants(ReleaseRetired)
    assert not hub.wants(BreakerChanged)
    hub.emit(BreakerChanged(tool="t", state="open"))
    hub.emit(event(1))
    assert seen == [event(1)]


def test_a_listener_may_want_an_event_at_one_time_and_not_at_another() -> None:
    seen: list[Event] = []
    wished: set[type[Event]] = set()
    hub = EventHub((Listener(hear=seen.append, kinds=frozenset(), also=lambda kind: kind in wished),))
    assert not hub.wants(ReleaseRetired)
    wished.add(ReleaseRetired)
    assert hub.wants(ReleaseRetired)
    assert not hub.wants(BreakerChanged)
    hub.emit(event(1))
    assert seen == [event(1)]


async def test_a_failing_hook_is_logged_and_hides_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    def breaks(one: Event) -> None:
        raise ValueError("hook")

    hub = EventHub((breaks, seen.append))
    reader = hub.subscribe()
    with caplog.at_level(logging.ERROR, logger="toolcrib"):
        hub.emit(event(1))
    assert seen == await take(reader, 1) == [event(1)]
    (record,) = caplog.records
    assert record.message == "event hook failed"
    assert record.__dict__["event_name"] == "release.retired"
    assert record.exc_info is not None


async def test_a_subscriber_hears_of_everything_since_the_moment_it_subscribed() -> None:
    hub = EventHub()
    hub.emit(event(0))
    reader = hub.subscribe()
    assert hub.wants(ReleaseRetired)
    hub.emit(event(1))
    hub.emit(event(2))
    assert await take(reader, 2) == [event(1), event(2)]


async def test_a_waiting_subscriber_is_woken() -> None:
    hub = EventHub()
    reader = hub.subscribe()
    waiting = asyncio.ensure_future(take(reader, 2))
    await anyio.lowlevel.checkpoint()
    hub.emit(event(1))
    await anyio.lowlevel.checkpoint()
    hub.emit(event(2))
    assert await waiting == [event(1), event(2)]


async def test_every_subscriber_has_a_backlog_of_its_own() -> None:
    hub = EventHub()
    first, second = hub.subscribe(), hub.subscribe()
    hub.emit(event(1))
    hub.emit(event(2))
    assert await take(first, 2) == await take(second, 2)


async def test_who_falls_behind_loses_the_oldest_events() -> None:
    hub = EventHub()
    slow = hub.subscribe()
    for number in range(BACKLOG + 5):
        hub.emit(event(number))
    assert (hub.waiting, hub.dropped) == (BACKLOG, 5)
    assert (await take(slow, BACKLOG))[:: BACKLOG - 1] == [event(5), event(BACKLOG + 4)]


async def test_closing_ends_every_reader_after_what_it_has_not_read_yet() -> None:
    hub = EventHub()
    waiting, behind = hub.subscribe(), hub.subscribe()
    woken = asyncio.ensure_future(read_all(waiting))
    await anyio.lowlevel.checkpoint()
    hub.emit(event(1))
    hub.close()
    with anyio.fail_after(5):
        assert await woken == await read_all(behind) == [event(1)]
    assert not hub.wants(ReleaseRetired)


async def read_all(reader: AsyncIterator[Event]) -> list[Event]:
    return [one async for one in reader]


async def test_a_reader_that_closes_is_forgotten() -> None:
    hub = EventHub()
    reader = cast(AsyncGenerator[Event], hub.subscribe())
    hub.emit(event(1))
    await take(reader, 1)
    await reader.aclose()
    assert not hub.wants(ReleaseRetired)


async def test_a_reader_that_is_cancelled_is_forgotten() -> None:
    hub = EventHub()
    task = asyncio.ensure_future(read_all(hub.subscribe()))
    await anyio.lowlevel.checkpoint()
    task.cancel()
    with anyio.fail_after(5):
        await asyncio.wait([task])
    assert not hub.wants(ReleaseRetired)


async def test_a_reader_dropped_before_its_first_event_is_forgotten() -> None:
    hub = EventHub()
    reader = hub.subscribe()
    hub.emit(event(1))
    assert hub.wants(ReleaseRetired)
    del reader
    gc.collect()
    assert not hub.wants(ReleaseRetired)


async def test_a_waiting_reader_is_kept_although_nobody_else_holds_it() -> None:
    hub = EventHub()
    seen: list[Event] = []

    async def reads() -> None:
        async for one in hub.subscribe():
            seen.append(one)

    task = asyncio.ensure_future(reads())
    await anyio.lowlevel.checkpoint()
    gc.collect()
    hub.emit(event(1))
    hub.close()
    with anyio.fail_after(5):
        await task
    assert seen == [event(1)]


async def test_events_of_other_threads_are_heard_on_its_own_loop_in_their_order() -> None:
    """A graph on another event loop tells of its models from there."""
    seen: list[tuple[Event, int]] = []
    hub = EventHub((lambda one: seen.append((one, threading.get_ident())),), loop=asyncio.get_running_loop())
    reader = hub.subscribe()

    async def elsewhere() -> None:
        hub.emit(event(1))
        hub.emit(event(2))

    waiting = asyncio.ensure_future(take(reader, 3))
    await asyncio.to_thread(asyncio.run, elsewhere())
    hub.emit(event(3))
    here = threading.get_ident()
    assert await waiting == [event(1), event(2), event(3)]
    assert seen == [(event(1), here), (event(2), here), (event(3), here)]


def test_a_loop_that_is_closed_loses_the_events_of_other_threads_and_nobody_hears_of_it() -> None:
    async def made() -> EventHub:
        return EventHub((breaks,), loop=asyncio.get_running_loop())

    def breaks(one: Event) -> None:
        raise AssertionError(one)

    hub = asyncio.run(made())
    thread = threading.Thread(target=hub.emit, args=(event(1),))
    thread.start()
    thread.join()
    assert hub.dropped == 1
