"""Users' hooks: they hear of everything in order, and nothing they do touches a call."""

import asyncio
import functools
import logging
import threading
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from toolcrib.core.events import Event, ReleaseRetired
from toolcrib.observability.hooks import MAX_KINDS, HookDelivery

pytestmark = pytest.mark.anyio
WITHIN_S = 5.0


def event(number: int) -> ReleaseRetired:
    return ReleaseRetired(release=f"r-{number}")


def events(count: int) -> list[Event]:
    return [event(number) for number in range(count)]


async def close(delivery: HookDelivery) -> None:
    with anyio.fail_after(WITHIN_S):
        await delivery.close()


async def reached(mark: threading.Event) -> None:
    with anyio.fail_after(WITHIN_S):
        assert await asyncio.to_thread(mark.wait, WITHIN_S)


class Keeper:
    """An object that can be called is a hook too."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    async def __call__(self, one: Event) -> None:
        self.seen.append(one)


async def test_plain_and_asynchronous_hooks_hear_of_all_events_in_order_before_the_end() -> None:
    plain: list[Event] = []
    partly: list[Event] = []
    keeper = Keeper()

    async def keeps(into: list[Event], one: Event) -> None:
        await anyio.lowlevel.checkpoint()
        into.append(one)

    delivery = HookDelivery((plain.append, keeper, functools.partial(keeps, partly)))
    for one in events(100):
        delivery.put(one)
    await close(delivery)
    assert plain == keeper.seen == partly == events(100)
    assert (delivery.waiting, delivery.dropped, delivery.failures) == (0, 0, 0)


async def test_plain_hooks_share_one_thread_that_is_not_the_event_loops() -> None:
    where: set[threading.Thread] = set()

    def notes(one: Event) -> None:
        where.add(threading.current_thread())

    def notes_too(one: Event) -> None:
        where.add(threading.current_thread())

    delivery = HookDelivery((notes, notes_too))
    delivery.put(event(1))
    await close(delivery)
    (thread,) = where
    assert thread is not threading.current_thread()
    assert (thread.name, thread.daemon) == ("toolcrib-hooks", True)


async def test_a_hook_that_hangs_loses_the_oldest_events_and_they_are_counted() -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen: list[Event] = []

    def hangs(one: Event) -> None:
        begun.set()
        go_on.wait(WITHIN_S)
        seen.append(one)

    delivery = HookDelivery((hangs,), backlog=3)
    delivery.put(event(0))
    await reached(begun)
    for number in range(1, 8):
        delivery.put(event(number))
    assert (delivery.waiting, delivery.dropped) == (3, 4)
    go_on.set()
    await close(delivery)
    assert seen == [event(0), event(5), event(6), event(7)]


async def test_an_asynchronous_hook_that_hangs_loses_the_oldest_and_is_cancelled_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cancelled = asyncio.Event()

    async def hangs(one: Event) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    delivery = HookDelivery((hangs,), backlog=2, close_s=0.01)
    delivery.put(event(0))
    await anyio.lowlevel.checkpoint()
    for number in range(1, 5):
        delivery.put(event(number))
    assert (delivery.waiting, delivery.dropped) == (2, 2)
    with caplog.at_level(logging.WARNING, logger="toolcrib"):
        await close(delivery)
    assert cancelled.is_set()
    assert [record.__dict__["events_dropped"] for record in caplog.records] == [2]


async def test_the_end_does_not_wait_for_a_plain_hook_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen: list[Event] = []

    def hangs(one: Event) -> None:
        begun.set()
        go_on.wait(WITHIN_S)
        seen.append(one)

    delivery = HookDelivery((hangs,), close_s=0.01)
    delivery.put(event(0))
    delivery.put(event(1))
    await reached(begun)
    with caplog.at_level(logging.WARNING, logger="toolcrib"):
        await close(delivery)
    assert [record.__dict__["events_dropped"] for record in caplog.records] == [1]
    (thread,) = [one for one in threading.enumerate() if one.name == "toolcrib-hooks"]
    go_on.set()
    thread.join(WITHIN_S)
    assert seen == [event(0)]


@pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(1), asyncio.CancelledError()], ids=repr)
async def test_a_failing_plain_hook_goes_on_hides_nothing_from_others_and_is_logged_once(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Event] = []

    def breaks(one: Event) -> None:
        raise raised

    await fails_three_times((breaks, seen.append), caplog)
    assert seen == events(3)


@pytest.mark.parametrize("raised", [ValueError("no"), asyncio.CancelledError()], ids=repr)
async def test_a_failing_asynchronous_hook_goes_on_and_is_logged_once(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(one: Event) -> None:
        raise raised

    await fails_three_times((breaks,), caplog)


async def fails_three_times(hooks: tuple[Callable[[Event], object], ...], caplog: pytest.LogCaptureFixture) -> None:
    delivery = HookDelivery(hooks)  # type: ignore[arg-type]  # a hook that gives back nothing, or a coroutine
    with caplog.at_level(logging.ERROR, logger="toolcrib"):
        for one in events(3):
            delivery.put(one)
        await close(delivery)
    assert delivery.failures == 3
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.__dict__["event_name"] == "release.retired"
    assert "breaks" in record.__dict__["hook"]


async def test_each_kind_of_failure_is_logged_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(one: Event) -> None:
        raise type(f"E{one.to_dict()['release']}", (Exception,), {})

    delivery = HookDelivery((breaks,))
    with caplog.at_level(logging.ERROR, logger="toolcrib"):
        for one in events(MAX_KINDS + 20):
            delivery.put(one)
        await close(delivery)
    assert (delivery.failures, len(caplog.records)) == (MAX_KINDS + 20, MAX_KINDS)


async def test_a_plain_function_that_gives_back_a_coroutine_is_told_to_be_asynchronous(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = Keeper()
    delivery = HookDelivery((lambda one: keeper(one),))
    with caplog.at_level(logging.ERROR, logger="toolcrib"):
        delivery.put(event(1))
        await close(delivery)
    assert keeper.seen == []
    assert "async def" in caplog.text


async def test_events_after_the_end_go_nowhere() -> None:
    seen: list[Event] = []
    keeper = Keeper()
    delivery = HookDelivery((seen.append, keeper))
    await close(delivery)
    delivery.put(event(1))
    await close(delivery)
    assert (seen, keeper.seen, delivery.waiting) == ([], [], 0)


async def test_without_hooks_there_is_no_thread() -> None:
    before = threading.active_count()
    delivery = HookDelivery(())
    delivery.put(event(1))
    assert threading.active_count() == before
    await close(delivery)
