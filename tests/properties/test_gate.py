"""Gates and locks under any order of arrivals, ends, cancellations and changes of the limit."""

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolcrib.execution.state.gate import AGING_S, HIGHEST_PRIORITY, Gate
from toolcrib.stores.memory.locks import MemoryLocks

pytestmark = pytest.mark.anyio
priorities = st.one_of(st.integers(-3, 3), st.integers(-300, 300))
numbers = st.integers(0, 30)
gate_steps = st.one_of(
    st.tuples(st.just("come"), priorities),
    st.tuples(st.just("end"), numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("resize"), st.integers(1, 4)),
    st.tuples(st.just("turn"), st.just(0)),
)
lock_steps = st.one_of(
    st.tuples(st.just("come"), st.sampled_from("ab")),
    st.tuples(st.just("end"), numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("turn"), st.just("")),
)


class Crowd:
    """Tasks that want in, are in, and are let go or cancelled, one by one."""

    def __init__(self) -> None:
        self.inside: list[tuple[str, asyncio.Event]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.cancelled: set[asyncio.Task[None]] = set()

    async def stay(self, where: str) -> None:
        door = asyncio.Event()
        self.inside.append((where, door))
        try:
            await door.wait()
        finally:
            self.inside.remove((where, door))

    def end(self, number: int) -> None:
        if self.inside:
            self.inside[number % len(self.inside)][1].set()

    def cancel(self, number: int) -> None:
        if self.tasks:
            task = self.tasks[number % len(self.tasks)]
            if task.cancel():
                self.cancelled.add(task)

    async def all_leave(self) -> None:
        with anyio.fail_after(5):
            while not all(task.done() for task in self.tasks):
                for _, door in self.inside:
                    door.set()
                await asyncio.sleep(0)
        for task in self.tasks:
            assert not task.cancelled() or task in self.cancelled
            assert task.cancelled() or task.exception() is None


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Crossing:
    """A gate with a crowd, each step of which must keep the limit."""

    def __init__(self, limit: int) -> None:
        self.gate = Gate(limit=limit, queue=5)
        self.crowd = Crowd()
        self.refused = 0

    async def cross(self, priority: int) -> None:
        if not await self.gate.acquire(priority=priority, now=0.0):
            self.refused += 1
            return
        try:
            await self.crowd.stay("gate")
        finally:
            self.gate.release()

    async def step(self, what: str, value: int) -> None:
        match what:
            case "come":
                self.crowd.tasks.append(asyncio.create_task(self.cross(value)))
            case "end":
                self.crowd.end(value)
            case "cancel":
                self.crowd.cancel(value)
            case "resize":
                self.gate.resize(limit=value, queue=5)
            case _:
                await asyncio.sleep(0)


@settings(deadline=None)
@given(st.integers(1, 4), st.lists(gate_steps, max_size=40))
async def test_never_more_than_the_limit_run_and_no_permit_is_lost_or_made(
    limit: int, steps: Sequence[tuple[str, int]]
) -> None:
    crossing = Crossing(limit)
    gate, crowd = crossing.gate, crossing.crowd
    for what, value in steps:
        before = gate.running
        await crossing.step(what, value)
        assert len(crowd.inside) <= gate.running <= max(gate.limit, before)
        assert 0 <= gate.waiting <= gate.queue
    await settled()
    assert len(crowd.inside) == gate.running
    assert not gate.waiting or gate.running >= gate.limit
    await crowd.all_leave()
    assert (gate.running, gate.waiting) == (0, 0)
    assert crossing.refused == 0 or len(crowd.tasks) > gate.queue


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 150.0]), priorities, st.booleans()), max_size=30))
async def test_nobody_starves_whatever_comes_later(arrivals: Sequence[tuple[float, int, bool]]) -> None:
    gate = Gate(limit=1, queue=1_000)
    assert gate.take()
    came: list[tuple[float, int]] = []
    served: list[int] = []
    now = 0.0

    async def cross(number: int) -> None:
        await gate.acquire(priority=came[number][1], now=came[number][0])
        served.append(number)

    tasks: list[asyncio.Task[None]] = []
    for pause_s, priority, one_leaves in arrivals:
        now += pause_s
        came.append((now, priority))
        tasks.append(asyncio.create_task(cross(len(tasks))))
        await settled()
        if one_leaves:
            gate.release()
            await settled()
            if gate.running == 0:
                assert gate.take()
    while len(served) < len(tasks):
        before = len(served)
        gate.release()
        await settled()
        assert len(served) == before + 1
    for place, number in enumerate(served):
        for overtaken in (one for one in served[place:] if one < number):
            (earlier, low), (later, high) = came[overtaken], came[number]
            assert high > low
            assert later - earlier <= min(high - low, 2 * HIGHEST_PRIORITY) * AGING_S


@settings(deadline=None)
@given(st.lists(lock_steps, max_size=40))
async def test_a_lock_is_never_held_twice_and_never_lost(steps: Sequence[tuple[str, Any]]) -> None:
    locks, crowd = MemoryLocks(), Crowd()

    async def hold(name: str, holder: str) -> None:
        await locks.acquire(name, holder=holder)
        try:
            await crowd.stay(name)
        finally:
            locks.release(name, holder=holder)

    for what, value in steps:
        match what:
            case "come":
                crowd.tasks.append(asyncio.create_task(hold(value, f"h-{len(crowd.tasks)}")))
            case "end":
                crowd.end(value)
            case "cancel":
                crowd.cancel(value)
            case _:
                await asyncio.sleep(0)
        names = [name for name, _ in crowd.inside]
        assert len(names) == len(set(names))
        assert set(names) <= set(locks.holders())
    await settled()
    assert set(locks.holders()) == {name for name, _ in crowd.inside}
    await crowd.all_leave()
    assert locks.holders() == {}
    assert locks._lines == {}
