"""The exclusive link: one call at a time over all tools that name the lock, and whom a late call waited for."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio
import pytest

from tests.support import Bench, make_release
from toolcrib.core.calls import CallContext
from toolcrib.core.chain import Call
from toolcrib.core.policies import Concurrency
from toolcrib.core.results import ToolResult
from toolcrib.execution.policies.limits import exclusive
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
SOON = 0.01


class Printer:
    """Tools that work until the test lets them go."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.running: list[str] = []
        self.go = asyncio.Event()

    async def start(
        self, name: str, call_id: str, *, deadline: float | None = None, **policy: Any
    ) -> asyncio.Task[ToolResult]:
        async def work() -> str:
            self.running.append(call_id)
            await self.go.wait()
            return call_id

        tool = make_tool(work, name=name, timeout_s=None, **policy)
        began = self.bench.clock.monotonic()
        call = Call(tool=tool, args={}, id=call_id, context=CallContext(), began=began, deadline=deadline)
        task = asyncio.ensure_future(self.bench.chain(tool)(call))
        await asyncio.sleep(0)
        return task

    async def finish(self, *tasks: asyncio.Task[ToolResult]) -> list[ToolResult]:
        self.go.set()
        with anyio.fail_after(5):
            return list(await asyncio.gather(*tasks))


async def test_of_all_tools_that_name_a_lock_one_call_runs_at_a_time() -> None:
    bench = Bench()
    printer = Printer(bench)
    tasks = [await printer.start(name, f"c-{n}", exclusive="printer") for n, name in enumerate(("scan", "print"))]
    tasks.append(await printer.start("plot", "c-2", exclusive="plotter"))
    assert printer.running == ["c-0", "c-2"]
    assert bench.locks.holders() == {"printer": "tool scan, call c-0", "plotter": "tool plot, call c-2"}
    results = await printer.finish(*tasks)
    assert [result.value for result in results] == ["c-0", "c-1", "c-2"]
    assert bench.locks.holders() == {}


async def test_waits_for_permit_and_lock_add_up() -> None:
    bench = Bench()
    printer, scanner = Printer(bench), Printer(bench)
    policy: dict[str, Any] = {"concurrency": Concurrency(limit=1), "exclusive": "printer"}
    scans = await scanner.start("scan", "c-0", exclusive="printer")
    other = await printer.start("print", "c-1", concurrency=Concurrency(limit=1))
    waits = await printer.start("print", "c-2", **policy)
    bench.clock.advance(2.0)
    await printer.finish(other)
    assert bench.locks.holders() == {"printer": "tool scan, call c-0"}
    bench.clock.advance(3.0)
    await scanner.finish(scans)
    [result] = await printer.finish(waits)
    assert result.queued_s == 5.0


async def test_a_call_that_did_not_wait_says_so() -> None:
    printer = Printer(Bench())
    [result] = await printer.finish(await printer.start("print", "c-0", exclusive="printer", deadline=1_060.0))
    assert (result.ok, result.queued_s) == (True, 0.0)


@pytest.mark.parametrize(("deadline", "waited"), [(1_000.0 + SOON, "0.01"), (999.0, "0")])
async def test_a_late_call_learns_which_lock_it_waited_for_and_who_holds_it(deadline: float, waited: str) -> None:
    bench = Bench()
    printer = Printer(bench)
    first = await printer.start("scan", "c-0", exclusive="printer")
    with anyio.fail_after(5):
        result = await (await printer.start("print", "c-1", exclusive="printer", deadline=deadline))
    assert result.error is not None
    assert (result.error.code, result.attempts, printer.running) == ("deadline_exceeded", 0, ["c-0"])
    assert result.error.message == (
        f"Tool 'print' waited {waited} s for the lock 'printer', held by tool scan, call c-0: the run's time is over."
    )
    await printer.finish(first)
    assert bench.locks.holders() == {}


async def test_a_cancelled_call_lets_go_of_the_lock() -> None:
    bench = Bench()
    printer = Printer(bench)
    tasks = [await printer.start("print", f"c-{n}", exclusive="printer") for n in range(3)]
    tasks[0].cancel()
    tasks[1].cancel()
    results = await printer.finish(tasks[2])
    assert results[0].ok
    assert bench.locks.holders() == {}


async def test_the_cost_of_taking_a_free_lock_is_no_wait_and_inner_waits_are_kept() -> None:
    bench = Bench()

    class Remote(MemoryLocks):
        async def acquire(self, name: str, *, holder: str) -> None:
            bench.clock.advance(0.0005 if name == "near" else 0.25)
            await super().acquire(name, holder=holder)

    async def innermost(call: Call) -> ToolResult:
        return ToolResult(ok=True, queued_s=0.5)

    async def nothing() -> None: ...

    for lock, queued_s in (("near", 0.5), ("far", 0.75)):
        tool = make_tool(nothing, exclusive=lock)
        link = exclusive.link(tool, make_release(), replace(bench.ports, locks=Remote()))
        assert link is not None
        result = await link(innermost)(Call(tool=tool, args={}, id="c", context=CallContext(), began=1_000.0))
        assert result.queued_s == queued_s


async def test_a_timeout_of_the_locks_own_is_not_taken_for_the_calls_deadline() -> None:
    class Unreachable:
        async def acquire(self, name: str, *, holder: str) -> None:
            raise TimeoutError("lock server")

        def release(self, name: str, *, holder: str) -> None: ...

        def holders(self) -> Mapping[str, str]:
            return {}

    printer = Printer(Bench(locks=Unreachable()))
    [result] = await printer.finish(await printer.start("print", "c-0", exclusive="printer", deadline=1_060.0))
    assert result.error is not None
    assert "lock server" in result.error.message
