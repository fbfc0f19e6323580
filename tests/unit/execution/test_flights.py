"""Flights: one run for all who want the same thing, owned by those who wait for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from toolcrib.execution.flights import FlightLost, Flights

pytestmark = pytest.mark.anyio
WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class Work:
    """Work that waits to be let go, and says what became of it."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[str] = []
        self.running = asyncio.Event()
        self.go = asyncio.Event()
        self.clean = asyncio.Event()
        self.clean.set()
        self.tasks: list[asyncio.Task[object] | None] = []

    async def run(self) -> str:
        self.begun += 1
        self.tasks.append(asyncio.current_task())
        self.running.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            await self.clean.wait()
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return f"by {WHO.get()}"


Waiter = asyncio.Task[tuple[str, bool]]


def join(flights: Flights[str], work: Work, left_s: float | None = None, key: str = "k") -> Waiter:
    return asyncio.ensure_future(flights.join(key, work.run, left_s))


async def turn() -> None:
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def three_waiting() -> AsyncIterator[tuple[Flights[str], Work, list[Waiter]]]:
    flights, work = Flights[str](), Work()
    with anyio.fail_after(5):
        waiters = [join(flights, work) for _ in range(3)]
        await work.running.wait()
        assert flights.waiting("k") == 3
        yield flights, work, waiters
    assert len(flights) == 0


async def test_many_who_want_the_same_wait_for_one_run_and_one_of_them_began_it() -> None:
    async with three_waiting() as (_, work, waiters):
        work.go.set()
        assert await asyncio.gather(*waiters) == [("by nobody", True), ("by nobody", False), ("by nobody", False)]
    assert work.begun == 1


async def test_other_keys_and_later_callers_have_runs_of_their_own() -> None:
    flights, work = Flights[str](), Work()
    work.go.set()
    with anyio.fail_after(5):
        await asyncio.gather(join(flights, work), join(flights, work, key="other"))
        await flights.join("k", work.run, None)
    assert work.begun == 3


@pytest.mark.parametrize("leaving", [0, 1, 2])
async def test_whoever_is_cancelled_the_others_get_the_result(leaving: int) -> None:
    async with three_waiting() as (flights, work, waiters):
        waiters[leaving].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiters[leaving]
        assert (flights.waiting("k"), work.ended) == (2, [])
        work.go.set()
        left = [waiter for number, waiter in enumerate(waiters) if number != leaving]
        assert [value for value, _ in await asyncio.gather(*left)] == ["by nobody"] * 2


async def test_whoever_has_no_more_time_the_others_get_the_result() -> None:
    flights, work = Flights[str](), Work()
    with anyio.fail_after(5):
        first, second = join(flights, work, 0.01), join(flights, work)
        with pytest.raises(TimeoutError):
            await first
        assert work.ended == []
        work.go.set()
        assert await second == ("by nobody", False)


async def test_the_run_is_cancelled_when_the_last_one_leaves_who_waits_for_its_end() -> None:
    async with three_waiting() as (flights, work, waiters):
        work.clean.clear()
        for waiter in waiters:
            waiter.cancel()
        await turn()
        assert [waiter.done() for waiter in waiters] == [True, True, False]
        assert (len(flights), work.ended) == (0, [])
        work.clean.set()
        with pytest.raises(asyncio.CancelledError):
            await waiters[2]
        assert work.ended == ["cancelled"]


async def test_the_run_is_cancelled_when_the_last_ones_time_is_over() -> None:
    flights, work = Flights[str](), Work()
    with anyio.fail_after(5), pytest.raises(TimeoutError):
        await flights.join("k", work.run, 0.01)
    assert work.ended == ["cancelled"]


async def test_a_second_cancellation_of_the_last_one_is_handed_on_and_not_swallowed() -> None:
    flights, work = Flights[str](), Work()
    with anyio.fail_after(5):
        waiter = join(flights, work)
        await work.running.wait()
        work.clean.clear()
        waiter.cancel()
        await turn()
        assert not waiter.done()
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    assert work.ended == []
    assert [task.cancelled() for task in work.tasks if task] == [True]


async def test_who_comes_while_a_run_is_being_cancelled_begins_anew() -> None:
    flights, old, new = Flights[str](), Work(), Work()
    with anyio.fail_after(5):
        leaving = join(flights, old)
        await old.running.wait()
        old.clean.clear()
        leaving.cancel()
        await turn()
        coming = join(flights, new)
        await new.running.wait()
        old.clean.set()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert flights.waiting("k") == 1
        new.go.set()
        assert await coming == ("by nobody", True)


async def test_who_comes_in_the_moment_a_run_has_ended_begins_anew() -> None:
    flights, late, over = Flights[str](), Work(), asyncio.Event()
    late.go.set()

    async def last_words() -> str:
        over.set()  # who waits for it has its turn before the flight is forgotten
        return "early"

    async def comes_late() -> tuple[str, bool]:
        await over.wait()
        assert flights.waiting("k") == 1
        return await flights.join("k", late.run, None)

    with anyio.fail_after(5):
        told = [*await asyncio.gather(comes_late(), flights.join("k", last_words, None))]
    assert told == [("by nobody", True), ("early", True)]


async def test_a_run_cancelled_by_somebody_else_is_told_to_those_who_wait() -> None:
    async with three_waiting() as (_, work, waiters):
        (task,) = work.tasks
        assert task is not None
        task.cancel()
        results = await asyncio.gather(*waiters, return_exceptions=True)
        assert [type(result) for result in results] == [FlightLost] * 3


async def test_the_run_sees_the_context_variables_of_who_began_it_and_changes_nobodys() -> None:
    flights = Flights[str]()

    async def names_itself() -> str:
        seen = WHO.get()
        WHO.set("the run")
        return seen

    async def asks(name: str) -> tuple[str, str]:
        WHO.set(name)
        value, _ = await flights.join("k", names_itself, None)
        return value, WHO.get()

    with anyio.fail_after(5):
        assert [*await asyncio.gather(asks("first"), asks("second"))] == [("first", "first"), ("first", "second")]


async def test_a_cancelled_scope_of_one_caller_does_not_reach_the_run_of_all() -> None:
    flights, work = Flights[str](), Work()
    with anyio.fail_after(5):
        with anyio.move_on_after(5) as scope:
            async with asyncio.TaskGroup() as group:
                group.create_task(flights.join("k", work.run, None))
                await work.running.wait()
                other = join(flights, work)
                await turn()
                scope.cancel()
        assert work.ended == []
        work.go.set()
        assert await other == ("by nobody", False)
