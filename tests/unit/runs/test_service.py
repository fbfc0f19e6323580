"""How runs end that their callers cancel."""

import asyncio
from collections.abc import Awaitable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, cast

import anyio
import pytest

from tests.support import make_release
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import PursePorts
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.errors import ThreadBusy
from toolcrib.core.redaction import Secrets
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.accounts import Accounts
from toolcrib.runs.ports import RunPorts, RunRequest
from toolcrib.runs.service import RunService
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.stores.memory.ledger import MemoryRunLedger
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.testing import CountingIds, FakeClock, FakeRandom, RecordingEvents

pytestmark = pytest.mark.anyio


class SlowLedger(MemoryRunLedger):
    """Writes at once, but is slow to say so: as a database is that brings its transactions to their end."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    async def accept(self, record: RunRecord, *, follows: str | None = None) -> bool:
        await super().accept(record, follows=follows)
        self.written.set()
        return await asyncio.Event().wait()


def service(ledger: MemoryRunLedger, **more: Any) -> RunService:
    agent = Agent(name="clerk", spec=AgentSpec(), prompt="", tools=(), graph=None, release="r-1")
    registry = Registry()
    registry.publish(replace(make_release(), agents={"clerk": agent}), expected=0)

    def load(digest: str) -> Awaitable[Release]:
        raise AssertionError(digest)

    def is_safe(last: RunRecord, newer: Release) -> Awaitable[bool]:
        raise AssertionError(last)

    money = PursePorts(
        store=MemoryBudgetStore(clock=FakeClock()),
        book=PriceBook(),
        clock=FakeClock(),
        ids=CountingIds(),
        emit=RecordingEvents().emit,
    )
    accounts = Accounts(money, has_ended=lambda process: False)
    ports = RunPorts(
        registry=registry,
        calls=cast(Any, None),
        models=cast(Any, None),
        ledger=ledger,
        clock=FakeClock(),
        random=FakeRandom(),
        ids=CountingIds(),
        events=RecordingEvents(),
        load=load,
        is_safe=is_safe,
        secrets=Secrets({}),
        cache=MemoryResultCache(max_bytes=1 << 20, clock=FakeClock(), memory_used=lambda: 0.0),
        accounts=accounts,
        **more,
    )
    return RunService(ports, concurrency=1)


async def test_a_run_cancelled_while_it_is_accepted_does_not_stay_running() -> None:
    ledger = SlowLedger()
    run = asyncio.create_task(service(ledger).run(RunRequest(agent="clerk", question="?")))
    with anyio.fail_after(5):
        await ledger.written.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    (record,) = await ledger.runs()
    assert record.status == "cancelled"


async def test_a_run_is_under_way_until_its_end_is_written() -> None:
    class Watched(MemoryRunLedger):
        seen: tuple[int, ...] = ()

        async def finish(self, record: RunRecord) -> None:
            await super().finish(record)
            self.seen += (len(runs.active.records()),)
            assert runs.active.cut(why="too late") == [], "its graph has ended"

    ledger = Watched()
    runs = service(ledger)
    result = await runs.run(RunRequest(agent="clerk", question={}))
    assert not result.success, "the agent of these tests has no graph"
    assert (ledger.seen, runs.active.records()) == ((1,), [])


@pytest.mark.parametrize(("process", "is_busy"), [("alive", True), ("dead", False), ("here", False), ("", False)])
async def test_only_a_run_of_another_living_process_keeps_its_thread(process: str, is_busy: bool) -> None:
    ledger = MemoryRunLedger()
    runs = service(ledger, process="here", has_ended=lambda name: name == "dead")
    await ledger.accept(RunRecord(run_id="0", thread_id="t", agent="clerk", release="r", process=process))
    with pytest.raises(ThreadBusy, match="in flight") if is_busy else nullcontext():
        await runs.run(RunRequest(agent="clerk", question={}, thread_id="t"))
    assert len(await ledger.runs()) == (1 if is_busy else 2)
