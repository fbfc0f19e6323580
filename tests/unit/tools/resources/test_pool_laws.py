"""Laws of a pool under any interleaving of borrowing, cancelling, giving back, failing and growing old."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tools.resources.stock import Stock, one, spec
from toolcrib.core.ports import Loan

pytestmark = pytest.mark.anyio
SIZE = 2
STEPS = st.lists(st.sampled_from(["borrow", "cancel", "return", "turn", "fail", "old"]), min_size=5, max_size=40)


class Bank:
    """A pool whose instances open slowly, and the calls that use it."""

    def __init__(self) -> None:
        self.stock = Stock()
        self.fails = 0
        self.open: Counter[int] = Counter()
        self.calls: list[asyncio.Task[Loan]] = []
        self.number = 0
        self.spec = spec(self.factory, size=SIZE, max_age_s=10.0)

    async def factory(self) -> AsyncIterator[int]:
        await anyio.lowlevel.checkpoint()
        if self.fails:
            self.fails -= 1
            raise OSError("refused")
        self.number += 1
        mine = self.number
        self.open[mine] += 1
        yield mine
        self.open[mine] -= 1

    async def step(self, name: str) -> None:
        if name == "borrow":
            self.calls.append(asyncio.create_task(self.stock.pool.borrow(one(self.spec))))
        elif name == "cancel" and self.calls:
            self.calls[len(self.calls) // 2].cancel()
        elif name == "return" and self.held:
            call = self.held[0]
            self.calls.remove(call)
            call.result().end()
        elif name == "fail":
            self.fails += 1
        elif name == "old":
            self.stock.clock.advance(6.0)
        for _ in range(12 if name == "turn" else 1):  # opening takes several turns of the loop
            await anyio.lowlevel.checkpoint()

    @property
    def held(self) -> list[asyncio.Task[Loan]]:
        return [call for call in self.calls if call.done() and not call.cancelled() and not call.exception()]

    def check(self) -> None:
        lent: Counter[Any] = Counter(call.result().values["x"] for call in self.held)
        assert max(lent.values(), default=0) <= 1
        assert len(lent) <= SIZE
        assert all(self.open[number] for number in lent)


@given(STEPS)
async def test_an_instance_has_one_user_and_no_place_is_ever_lost(steps: list[str]) -> None:
    bank = Bank()
    with anyio.fail_after(5):
        for step in steps:
            await bank.step(step)
            bank.check()
        for call in bank.calls:
            if call not in bank.held:
                call.cancel()
        await asyncio.gather(*bank.calls, return_exceptions=True)
        bank.check()
        for call in bank.held:
            call.result().end()
        bank.calls.clear()
        await anyio.wait_all_tasks_blocked()
        bank.fails = 0
        again = [await bank.stock.pool.borrow(one(bank.spec)) for _ in range(SIZE)]
        assert len({loan.values["x"] for loan in again}) == SIZE
        for loan in again:
            loan.end()
        stats = bank.stock.pool.snapshot()["db"]
        assert (stats.in_use, stats.waiting) == (0, 0)
        await bank.stock.pool.close()
    assert not +bank.open
