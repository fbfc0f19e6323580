"""Runs that were stopped and are taken up again: by themselves, and on somebody's word."""

import asyncio

import anyio
import pytest

from tests.unit.runs.bench import Gate, Runs
from toolcrib.core.errors import Conflict, StoreUnavailable
from toolcrib.registry.release import Release
from toolcrib.runs import writing
from toolcrib.runs.ports import RunRequest
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.stores.memory.ledger import MemoryRunLedger
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio


class SlowLedger(MemoryRunLedger):
    """Takes up at once, and is slow to say so."""

    def __init__(self) -> None:
        super().__init__()
        self.taken, self.told = asyncio.Event(), asyncio.Event()

    async def take_up(self, run_id: str, *, process: str = "") -> bool:
        taken = await super().take_up(run_id, process=process)
        self.taken.set()
        await self.told.wait()
        return taken


async def cut_in_its_node(runs: Runs, gate: Gate) -> str:
    """A run that was suspended in the middle of its node; its id."""
    gate.cleaned.set()
    run = asyncio.create_task(runs.service.run(RunRequest(agent="clerk", question={})))
    await gate.entered.get()
    runs.service.active.cut(why="the process ends", become="suspended")
    return (await run).run_id


async def test_a_run_whose_release_is_loaded_as_the_process_ends_is_for_the_next_one() -> None:
    gate, loading, loaded = Gate(), asyncio.Event(), asyncio.Event()

    async def load(digest: str) -> Release:
        loading.set()
        await loaded.wait()
        return runs.registry.admit(runs.release)

    runs = Runs(graph=gate.graph(), is_resident=False, load=load)
    stopped = await runs.stopped()
    with anyio.fail_after(4):
        assert await runs.service.resumer.take_up() == 1
        await loading.wait()
        closing = asyncio.create_task(runs.service.close())
        await asyncio.sleep(0)
        loaded.set()
        await closing
    assert await runs.ledger.find(stopped.run_id) == stopped


async def test_a_run_that_is_being_taken_up_as_the_process_ends_is_suspended_again() -> None:
    gate, ledger = Gate(), SlowLedger()
    runs = Runs(graph=gate.graph(), ledger=ledger)
    with anyio.fail_after(4):
        run_id = await cut_in_its_node(runs, gate)
        await runs.service.resumer.take_up()
        await ledger.taken.wait()
        closing = asyncio.create_task(runs.service.close())
        await asyncio.sleep(0)
        ledger.told.set()
        await closing
    assert (await runs.status(), gate.entered.qsize()) == ("suspended", 0)
    with pytest.raises(Conflict, match="in the next process"):
        await runs.service.resume(run_id)


async def test_a_taken_up_run_that_does_not_end_holds_no_process_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CLOSE_S", 0.01)
    gate = Gate()
    runs = Runs(graph=gate.graph())
    with anyio.fail_after(4):
        await cut_in_its_node(runs, gate)
        gate.cleaned.clear()
        await runs.service.resumer.take_up()
        await gate.entered.get()
        await runs.service.resumer.settled(0.0)
        await runs.service.close()
    assert await runs.status() == "suspended"


async def test_a_run_whose_account_cannot_be_read_stays_stopped() -> None:
    class Away(MemoryBudgetStore):
        async def processes(self) -> frozenset[str]:
            raise StoreUnavailable("no disk")

    runs = Runs(graph=Gate().graph(), budgets=Away(clock=FakeClock()))
    stopped = await runs.stopped(status="drained")
    with pytest.raises(StoreUnavailable):
        await runs.service.resume(stopped.run_id)
    assert await runs.ledger.find(stopped.run_id) == stopped


async def test_a_run_whose_caller_goes_as_it_is_taken_up_stays_stopped() -> None:
    ledger = SlowLedger()
    runs = Runs(graph=Gate().graph(), ledger=ledger)
    stopped = await runs.stopped(status="drained")
    resumed = asyncio.create_task(runs.service.resume(stopped.run_id))
    with anyio.fail_after(4):
        await ledger.taken.wait()
        resumed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await resumed
    assert await runs.ledger.find(stopped.run_id) == stopped
