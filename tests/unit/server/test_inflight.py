"""Accepted work goes on without its client, and ends before the server does."""

from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from toolcrib.server.inflight import InFlight

pytestmark = pytest.mark.anyio


async def test_the_callers_cancellation_does_not_reach_the_work() -> None:
    inflight, go, done = InFlight(), anyio.Event(), anyio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    async with anyio.create_task_group() as group:
        group.start_soon(inflight.finish, work())
        await checkpoint()
        group.cancel_scope.cancel()
    assert (len(inflight), done.is_set()) == (1, False)
    go.set()
    assert await inflight.drain(5) == 0
    assert done.is_set()


async def test_the_works_error_reaches_its_caller() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await InFlight().finish(work())


async def test_items_are_read_to_their_end_also_when_the_reader_leaves() -> None:
    inflight, go = InFlight(), anyio.Event()
    read: list[int] = []

    async def items() -> AsyncIterator[int]:
        for number in range(3):
            read.append(number)
            yield number
            await go.wait()

    pump = inflight.pump(items())
    assert await anext(pump) == 0
    await pump.aclose()
    go.set()
    assert await inflight.drain(5) == 0
    assert read == [0, 1, 2]


async def test_an_error_of_the_items_comes_behind_the_last_of_them() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise ValueError("no more")

    seen = []
    with pytest.raises(ValueError, match="no more"):
        async for item in InFlight().pump(items()):
            seen.append(item)
    assert seen == [1, 2]


async def test_work_that_takes_too_long_is_cancelled_and_counted() -> None:
    inflight, cancelled = InFlight(), anyio.Event()

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with anyio.create_task_group() as group:
        group.start_soon(inflight.finish, work())
        await checkpoint()
        group.cancel_scope.cancel()
    await checkpoint()
    assert await inflight.drain(0.001) == 1
    assert cancelled.is_set()
    assert len(inflight) == 0
