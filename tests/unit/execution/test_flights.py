"""Flights: one runs for all who want the same thing, and whoever leaves, the others are served."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from toolcrib.execution.flights import Flights

pytestmark = pytest.mark.anyio


async def joined(flights: Flights[str], *left_s: float | None) -> list[asyncio.Task[str | None]]:
    """So many who wait."""
    waiters = [asyncio.ensure_future(flights.wait("k", each)) for each in left_s]
    await anyio.lowlevel.checkpoint()
    return waiters


def test_one_begins_and_the_next_does_not_until_it_has_landed() -> None:
    flights = Flights[str]()
    assert [flights.begin("k"), flights.begin("k"), flights.begin("other")] == [True, False, True]
    flights.land("k", "done")
    assert flights.begin("k")


@pytest.mark.parametrize("brought", ["done", None])
async def test_all_who_wait_get_what_it_brought(brought: str | None) -> None:
    flights = Flights[str]()
    flights.begin("k")
    waiters = await joined(flights, None, 5.0, None)
    assert flights.awaited("k")
    flights.land("k", brought)
    with anyio.fail_after(5):
        assert await asyncio.gather(*waiters) == [brought] * 3
    assert len(flights) == 0


async def test_those_who_leave_are_not_counted_and_harm_nobody() -> None:
    flights = Flights[str]()
    flights.begin("k")
    hasty, cancelled, patient = await joined(flights, 0.01, None, None)
    with anyio.fail_after(5):
        with pytest.raises(TimeoutError):
            await hasty
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert flights.awaited("k")
        flights.land("k", "done")
        assert await patient == "done"
