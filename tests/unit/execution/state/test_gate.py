"""The gate: who runs, who waits, who is next, and what becomes of a permit whose taker was cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from toolcrib.execution.state.gate import AGING_S, Gate, GateState

pytestmark = pytest.mark.anyio


class Line:
    """Calls that wait at a gate, and the order in which they were let in."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.served: list[str] = []

    async def join(self, name: str, *, priority: int = 0, now: float = 0.0) -> asyncio.Task[None]:
        async def wait() -> None:
            assert await self.gate.acquire(priority=priority, now=now)
            self.served.append(name)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        return task


def taken(limit: int = 1, queue: int = 100) -> Gate:
    """A gate with all its permits given out."""
    gate = Gate(limit=limit, queue=queue)
    for _ in range(limit):
        assert gate.take()
    return gate


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_permits_are_given_out_up_to_the_limit_and_come_back() -> None:
    gate = Gate(limit=2, queue=0)
    assert [gate.take() for _ in range(3)] == [True, True, False]
    assert gate.state == GateState(running=2, waiting=0, limit=2)
    gate.release()
    assert gate.take()
    assert gate.running == 2


async def test_a_free_permit_is_taken_without_a_switch_of_tasks() -> None:
    gate = Gate(limit=1, queue=1)
    others_ran: list[bool] = []
    asyncio.get_running_loop().call_soon(others_ran.append, True)
    assert await gate.acquire(priority=0, now=0.0)
    assert others_ran == []


async def test_a_full_line_takes_nobody_more() -> None:
    gate = taken(limit=1, queue=1)
    assert not gate.is_full
    waiter = await Line(gate).join("first")
    assert gate.is_full
    assert not await gate.acquire(priority=100, now=0.0)
    assert gate.state == GateState(running=1, waiting=1, limit=1)
    gate.release()
    with anyio.fail_after(5):
        await waiter
    assert not gate.is_full


async def test_equals_go_in_order_of_arrival_and_the_higher_priority_before_them() -> None:
    gate = taken()
    line = Line(gate)
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)):
        await line.join(name, priority=priority)
    for _ in range(5):
        gate.release()
        await turns()
    assert line.served == ["b", "d", "a", "c", "e"]


async def test_waiting_counts_like_priority() -> None:
    gate = taken()
    line = Line(gate)
    await line.join("old", now=0.0)
    await line.join("important but late", priority=3, now=3.5 * AGING_S)
    await line.join("important", priority=3, now=2.5 * AGING_S)
    for _ in range(3):
        gate.release()
        await turns()
    assert line.served == ["important", "old", "important but late"]


async def test_priorities_beyond_the_bounds_count_as_the_bounds() -> None:
    gate = taken()
    line = Line(gate)
    await line.join("patient", priority=-(10**400), now=0.0)
    await line.join("late", priority=10**400, now=200.5 * AGING_S)
    await line.join("loud", priority=10**400, now=199.5 * AGING_S)
    for _ in range(3):
        gate.release()
        await turns()
    assert line.served == ["loud", "patient", "late"]


async def test_a_newcomer_cannot_snatch_the_permit_of_one_who_was_woken() -> None:
    gate = taken()
    line = Line(gate)
    waiter = await line.join("first")
    gate.release()
    assert not gate.take()
    with anyio.fail_after(5):
        await waiter
    assert gate.state == GateState(running=1, waiting=0, limit=1)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    gate = taken()
    line = Line(gate)
    gone, stays = await line.join("gone", priority=1), await line.join("stays")
    gone.cancel()
    await turns()
    assert gate.state == GateState(running=1, waiting=1, limit=1)
    gate.release()
    with anyio.fail_after(5):
        await stays
    gate.release()
    assert line.served == ["stays"]
    assert gate.state == GateState(running=0, waiting=0, limit=1)


@pytest.mark.parametrize("cancel_first", [False, True])
async def test_a_waiter_cancelled_in_the_moment_it_is_woken_passes_the_permit_on(cancel_first: bool) -> None:
    gate = taken()
    line = Line(gate)
    unlucky, following = await line.join("unlucky"), await line.join("following")
    moves: list[Callable[[], object]] = [gate.release, unlucky.cancel]
    for move in reversed(moves) if cancel_first else moves:
        move()
    with anyio.fail_after(5):
        await following
    assert line.served == ["following"]
    assert gate.state == GateState(running=1, waiting=0, limit=1)


async def test_a_waiter_cancelled_when_woken_as_the_last_frees_the_permit() -> None:
    gate = taken()
    unlucky = await Line(gate).join("unlucky")
    gate.release()
    unlucky.cancel()
    await turns()
    assert gate.state == GateState(running=0, waiting=0, limit=1)


async def test_a_higher_limit_lets_waiters_in_at_once() -> None:
    gate = taken(limit=1)
    line = Line(gate)
    for name in "abc":
        await line.join(name)
    gate.resize(limit=3, queue=100)
    await turns()
    assert line.served == ["a", "b"]
    assert gate.state == GateState(running=3, waiting=1, limit=3)


async def test_a_lower_limit_holds_as_soon_as_enough_calls_have_ended() -> None:
    gate = taken(limit=3)
    line = Line(gate)
    await line.join("a")
    gate.resize(limit=1, queue=100)
    gate.release()
    gate.release()
    await turns()
    assert (line.served, gate.running) == ([], 1)
    gate.release()
    await turns()
    assert (line.served, gate.running) == (["a"], 1)


async def test_who_waits_keeps_his_place_in_a_shorter_line() -> None:
    gate = taken(queue=2)
    line = Line(gate)
    waiters: list[Awaitable[None]] = [await line.join("a"), await line.join("b")]
    gate.resize(limit=1, queue=0)
    assert gate.waiting == 2
    gate.release()
    gate.release()
    with anyio.fail_after(5):
        await asyncio.gather(*waiters)
    assert line.served == ["a", "b"]


async def test_the_order_outlives_many_cancelled_waits() -> None:
    gate = taken()
    line = Line(gate)
    tasks = {number * 37 % 100: await line.join(str(number * 37 % 100), now=number * 37 % 100) for number in range(100)}
    for number, task in tasks.items():
        if number % 5 != 1:
            task.cancel()
    await turns()
    for _ in range(20):
        gate.release()
        await turns()
    assert line.served == [str(number) for number in range(1, 100, 5)]


async def test_a_storm_of_cancelled_waits_does_not_fill_the_memory() -> None:
    gate = taken(queue=10)
    line = Line(gate)
    for _ in range(500):
        (await line.join("gone")).cancel()
        await turns(2)
    assert gate.waiting == 0
    assert len(gate._line) < 50
