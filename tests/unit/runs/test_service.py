"""How runs end: by themselves, cancelled by their callers, cut, and when their end cannot be written."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace

import anyio
import pytest

from tests.unit.runs.bench import ME, Gate, Runs
from toolcrib.core.errors import StoreUnavailable, ThreadBusy
from toolcrib.core.events import RunFinished
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.runs import writing
from toolcrib.runs.ports import RunRequest
from toolcrib.stores.memory.ledger import MemoryRunLedger

pytestmark = pytest.mark.anyio
ASK = RunRequest(agent="clerk", question={})


class SlowLedger(MemoryRunLedger):
    """Writes at once, but is slow to say so: as a database is that brings its transactions to their end."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    async def accept(self, record: RunRecord, *, follows: str | None = None) -> bool:
        await super().accept(record, follows=follows)
        self.written.set()
        return await asyncio.Event().wait()


async def test_a_run_cancelled_while_it_is_accepted_does_not_stay_running() -> None:
    ledger = SlowLedger()
    runs = Runs(ledger=ledger)
    run = asyncio.create_task(runs.service.run(RunRequest(agent="clerk", question="?")))
    with anyio.fail_after(5):
        await ledger.written.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert await runs.status() == "cancelled"


async def test_a_run_is_under_way_until_its_end_is_written() -> None:
    class Watched(MemoryRunLedger):
        seen: tuple[int, ...] = ()

        async def finish(self, record: RunRecord) -> None:
            await super().finish(record)
            self.seen += (len(active.records()),)
            assert active.cut(why="too late") == [], "its graph has ended"

    ledger = Watched()
    runs = Runs(ledger=ledger)
    active = runs.service.active
    result = await runs.service.run(ASK)
    assert not result.success, "the agent of these tests has no graph"
    assert (ledger.seen, active.records()) == ((1,), [])


async def test_a_cut_leaves_a_run_alone_that_ends_by_its_time_limit_already() -> None:
    late = Gate()
    runs = Runs(graph=late.graph(), run_timeout_s=0.01)
    ends = asyncio.create_task(runs.service.run(ASK))
    with anyio.fail_after(5):
        await late.cleaning.wait()
        assert runs.service.active.cut(why="the test says so") == []
        late.cleaned.set()
        result = await ends
    assert result.error is not None
    assert result.error.code == "run_timeout"


async def test_the_end_that_is_being_written_is_told_once_although_the_caller_goes() -> None:
    class Waiting(MemoryRunLedger):
        finishing, go_on = asyncio.Event(), asyncio.Event()

        async def finish(self, record: RunRecord) -> None:
            self.finishing.set()
            await self.go_on.wait()
            await super().finish(record)

    gate, ledger = Gate(), Waiting()
    gate.open.set()
    runs = Runs(ledger=ledger, graph=gate.graph())
    run = asyncio.create_task(runs.service.run(ASK))
    with anyio.fail_after(5):
        await ledger.finishing.wait()
        run.cancel()
        await asyncio.sleep(0)
        ledger.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert await runs.status() == "success"
    assert [event.result.success for event in runs.events.of(RunFinished)] == [True]


async def test_a_caller_that_goes_is_cancelled_also_when_that_cannot_be_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Away(MemoryRunLedger):
        async def finish(self, record: RunRecord) -> None:
            raise StoreUnavailable("no disk")

    gate = Gate()
    gate.cleaned.set()
    runs = Runs(ledger=Away(), graph=gate.graph())
    run = asyncio.create_task(runs.service.run(ASK))
    with anyio.fail_after(5):
        await gate.entered.get()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert "run could not be written down" in caplog.messages
    assert [event.result.error and event.result.error.code for event in runs.events.of(RunFinished)] == ["cancelled"]


async def test_a_cut_run_is_suspended_also_when_it_has_to_be_cancelled() -> None:
    gate = Gate()
    runs = Runs(graph=gate.graph())
    run = asyncio.create_task(runs.service.run(ASK))
    with anyio.fail_after(5):
        await gate.entered.get()
        runs.service.active.cut(why="the process ends", become="suspended")
        await gate.cleaning.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert await runs.status() == "suspended"


async def test_a_closing_service_waits_for_no_run_without_limit(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "CLOSE_S", 0.01)
    gate = Gate()
    runs = Runs(graph=gate.graph())
    events = runs.service.stream(ASK)
    with anyio.fail_after(5):
        assert (await anext(events)).event == "run.started"
        await gate.entered.get()
        await runs.service.close()
        assert "work does not end in time" in caplog.messages
        gate.cleaned.set()
        assert [event.event async for event in events] == []


@pytest.mark.parametrize(("process", "is_busy"), [("alive", True), ("dead", False), (ME, False), ("", False)])
async def test_only_a_run_of_another_living_process_keeps_its_thread(process: str, is_busy: bool) -> None:
    ledger = MemoryRunLedger()
    runs = Runs(ledger=ledger)
    await ledger.accept(RunRecord(run_id="0", thread_id="t", agent="clerk", release="r", process=process))
    with pytest.raises(ThreadBusy, match="in flight") if is_busy else nullcontext():
        await runs.service.run(replace(ASK, thread_id="t"))
    assert len(await ledger.runs()) == (1 if is_busy else 2)
