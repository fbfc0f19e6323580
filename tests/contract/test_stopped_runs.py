"""What every `RunLedger` knows of runs that were stopped, and of what threads hold on to."""

from dataclasses import replace

import pytest

from tests.contract.test_run_ledger import a_run, ended
from toolcrib.core.stores.ledger import LOST, LedgerSummary, RunLedger, RunRecord
from toolcrib.core.stores.pins import ThreadPin

pytestmark = pytest.mark.anyio


async def test_a_run_is_found_by_its_id(ledger: RunLedger) -> None:
    await ledger.accept(a_run("1"))
    assert await ledger.find("1") == a_run("1")
    assert await ledger.find("2") is None


async def test_suspended_runs_are_told_the_oldest_first_and_no_more_than_asked(ledger: RunLedger) -> None:
    for run_id, status in (("1", "suspended"), ("2", "drained"), ("3", "success"), ("4", "suspended")):
        await ended(ledger, a_run(run_id, at=float(run_id), thread_id=run_id), status)
    assert [run.run_id for run in await ledger.suspended()] == ["1", "4"]
    assert [run.run_id for run in await ledger.suspended(1)] == ["1"]
    assert await ledger.summary() == LedgerSummary(started=4, finished=1, stopped=3)


@pytest.mark.parametrize(("status", "can"), [("drained", True), ("suspended", True), ("success", False)])
async def test_only_a_stopped_run_is_taken_up_and_only_once(ledger: RunLedger, status: str, can: bool) -> None:
    end = await ended(ledger, replace(a_run("1"), error="run_stopped: x"), status)
    assert await ledger.take_up("1") is can
    assert not await ledger.take_up("1")
    assert not await ledger.take_up("none")
    running = replace(end, status="running", error="", finished_at=None)
    assert await ledger.find("1") == (running if can else end)


async def test_threads_that_are_alike_are_counted_by_what_they_hold_on_to(ledger: RunLedger) -> None:
    for number, status in enumerate(("interrupted", "interrupted", "success", "success"), start=1):
        await ended(ledger, a_run(str(number), at=float(number), thread_id=f"t{number}"), status)
    await ended(ledger, a_run("5", at=5.0, thread_id="t1"), "success")
    assert await ledger.move("4", "r-2")
    pins = sorted(await ledger.pins(), key=lambda pin: pin.since)
    alike = {"agent": "a", "moved": False, "threads": 1, "release": "r-1"}
    assert pins == [
        ThreadPin(**alike, status="interrupted", since=2.0),  # type: ignore[arg-type]  # by name
        ThreadPin(**alike | {"threads": 2}, status="success", since=3.0),  # type: ignore[arg-type]  # by name
        ThreadPin(**alike | {"release": "r-2", "moved": True}, status="success", since=4.0),  # type: ignore[arg-type]  # by name
    ]


async def test_runs_of_a_dead_process_are_suspended_and_those_of_others_go_on(ledger: RunLedger) -> None:
    for number, (process, status) in enumerate([("a", "running"), ("a", "success"), ("b", "running"), ("", "running")]):
        record = RunRecord(run_id=str(number), thread_id=str(number), agent="x", release="r", process=process)
        await ledger.accept(record)
        await ledger.finish(replace(record, status=status))
    assert await ledger.processes() == {"a", "b"}
    assert await ledger.lose("a") == 1
    assert await ledger.lose("a") == await ledger.lose("") == 0
    assert [(run.run_id, run.error) for run in await ledger.suspended()] == [("0", LOST)]
    assert await ledger.take_up("0", process="b")
    found = await ledger.find("0")
    assert found
    assert (found.status, found.process, found.error) == ("running", "b", "")
    assert await ledger.processes() == {"b"}
