"""The limit of the process under any use: its bounds hold, no permit is lost or made, and nobody starves."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Concurrency
from toolcrib.core.results import ToolResult
from toolcrib.execution.state.admission import Admission
from toolcrib.execution.state.gate import AGING_S, HIGHEST_PRIORITY
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
TENANTS = ("a", "b", "c")
POLICIES: dict[str, dict[str, Any]] = {
    "free": {},
    "one": {"concurrency": Concurrency(limit=1, queue=3)},
    "two": {"concurrency": Concurrency(limit=2)},
    "locked": {"exclusive": "lock"},
    "both": {"exclusive": "lock", "concurrency": Concurrency(limit=2)},
    "nests": {},
    "nests_one": {"concurrency": Concurrency(limit=1)},
}
INNER = ("one", "locked")
numbers = st.integers(0, 30)
limits = st.fixed_dictionaries(
    {
        "concurrency": st.none() | st.integers(1, 4),
        "per_tenant": st.none() | st.integers(1, 3),
        "queue": st.integers(0, 6),
    }
)
steps = st.one_of(
    st.tuples(
        st.just("come"), st.sampled_from(sorted(POLICIES)), st.sampled_from(TENANTS), st.integers(-3, 3), st.booleans()
    ),
    st.tuples(st.just("end"), numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("turn")),
)


async def settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class House:
    """Tools of all kinds behind one limit; each call runs until it is let go."""

    def __init__(self, *, concurrency: int | None, per_tenant: int | None, queue: int) -> None:
        self.concurrency, self.per_tenant = concurrency, per_tenant
        self.admission = Admission(concurrency=concurrency, per_tenant=per_tenant, queue=queue)
        self.bench = Bench(admission=self.admission)
        self.inside: list[tuple[str, asyncio.Event]] = []
        self.nests = False
        self.tasks: list[asyncio.Task[ToolResult]] = []
        self.cancelled: set[asyncio.Task[ToolResult]] = set()
        tools = [make_tool(self.body(name), name=name, timeout_s=None, **kind) for name, kind in POLICIES.items()]
        self.release = self.bench.release(*tools)

    def body(self, name: str) -> Any:
        async def stay(tenant: str) -> str:
            door = asyncio.Event()
            self.inside.append((tenant, door))
            try:
                if name.startswith("nests"):
                    self.nests = True
                    await asyncio.gather(*(self.call(inner, tenant="other") for inner in INNER))
                await door.wait()
            finally:
                self.inside.remove((tenant, door))
            return name

        return stay

    async def call(self, name: str, *, tenant: str, priority: int = 0, timeout_s: float | None = None) -> ToolResult:
        context = CallContext(tenant=tenant, priority=priority, timeout_s=timeout_s)
        return await self.bench.executor.call(self.release, ToolCall(name=name, args={"tenant": tenant}), context)

    def come(self, name: str, tenant: str, priority: int) -> None:
        self.tasks.append(asyncio.create_task(self.call(name, tenant=tenant, priority=priority)))

    def end(self, number: int) -> None:
        if self.inside:
            self.inside[number % len(self.inside)][1].set()

    def cancel(self, number: int) -> None:
        if self.tasks:
            task = self.tasks[number % len(self.tasks)]
            if task.cancel():
                self.cancelled.add(task)

    def check(self) -> None:
        """The bounds, at any moment. What tools call inside is tenant `other`, and stands outside of them.

        What such a call had, its place at a tool or its lock, may go to one that has lent its permit: one more each.
        """
        state = self.admission.state
        mine = Counter(tenant for tenant, _ in self.inside if tenant != "other")
        if self.concurrency is not None:
            assert sum(mine.values()) <= state.running <= self.concurrency + self.nests * len(INNER)
        if self.per_tenant is not None:
            assert all(count <= self.per_tenant for count in mine.values())

    def check_at_rest(self) -> None:
        """Nobody waits for what is free."""
        state = self.admission.state
        assert not state.waiting or state.running >= (self.concurrency or 0)

    async def all_leave(self) -> None:
        with anyio.fail_after(5):
            while not all(task.done() for task in self.tasks):
                for _, door in self.inside:
                    door.set()
                await asyncio.sleep(0)
        await settled()
        for task in self.tasks:
            assert not task.cancelled() or task in self.cancelled
            result = None if task.cancelled() else task.result()
            assert result is None or result.ok or (result.error and result.error.code == "queue_full")
        state = self.admission.state
        assert (state.running, state.waiting, state.waiting_for_tenant) == (0, 0, 0)


@settings(deadline=None)
@given(limits, st.lists(steps, max_size=40))
async def test_the_bounds_hold_and_no_permit_is_lost_or_made(
    bounds: dict[str, Any], steps: Sequence[tuple[Any, ...]]
) -> None:
    house = House(**bounds)
    for step in steps:
        match step:
            case ("come", name, tenant, priority, at_once):
                house.come(name, tenant, priority)
                if at_once:
                    await settled()
            case ("end", number):
                house.end(number)
            case ("cancel", number):
                house.cancel(number)
            case _:
                await asyncio.sleep(0)
        house.check()
    await settled()
    house.check()
    house.check_at_rest()
    await house.all_leave()


@settings(deadline=None)
@given(
    concurrency=st.integers(1, 3),
    per_tenant=st.none() | st.integers(1, 3),
    backlog=st.integers(0, 20),
    noise=st.lists(st.tuples(st.sampled_from(TENANTS), st.integers(-200, 200)), min_size=1, max_size=5),
    pause_s=st.sampled_from([10.0, 60.0, 150.0]),
    name=st.sampled_from(["free", "one", "locked"]),
)
async def test_nobody_starves_however_much_others_call(
    *,
    concurrency: int,
    per_tenant: int | None,
    backlog: int,
    noise: Sequence[tuple[str, int]],
    pause_s: float,
    name: str,
) -> None:
    house = House(concurrency=concurrency, per_tenant=per_tenant, queue=10_000)
    for number in range(backlog):
        house.come("two" if number % 2 else "free", TENANTS[number % 3], noise[number % len(noise)][1])
    await settled()
    quiet = asyncio.create_task(house.call(name, tenant="quiet"))
    house.tasks.append(quiet)
    await settled()
    # Ahead of it go those who were there, and those who come within the time that priority can make up for.
    window_s = 2 * HIGHEST_PRIORITY * AGING_S
    most, ended = backlog + (ceil(window_s / pause_s) + 1) * len(noise) + concurrency, 0
    while not any(tenant == "quiet" for tenant, _ in house.inside):
        assert ended <= most, "others come again and again before it"
        for tenant, priority in noise:
            house.come("free", tenant, priority)
        house.bench.clock.advance(pause_s)
        house.end(0)
        ended += 1
        await settled()
    await house.all_leave()
