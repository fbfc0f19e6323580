"""Breakers: what opens one, what does not, and how many calls get through on the way back."""

import asyncio
from typing import Any

import anyio
import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import RunnerSaturated, ToolError
from toolcrib.core.events import BreakerChanged
from toolcrib.core.policies import Breaker
from toolcrib.core.results import ToolResult
from toolcrib.registry.release import Release
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
QUICK = Breaker(min_calls=4, failure_rate=0.5, window_s=60, open_s=30, probes=2)


class Patient:
    """A tool whose health a test decides."""

    def __init__(self, bench: Bench, **policy: Any) -> None:
        self.bench = bench
        self.raises: BaseException | None = None
        self.takes_s = 0.0
        self.ran = 0

        async def search(x: int = 0) -> int:
            self.ran += 1
            bench.clock.advance(self.takes_s)
            if self.raises:
                raise self.raises
            return x

        self.release: Release = bench.release(make_tool(search, **{"breaker": QUICK, **policy}))

    async def call(self, times: int = 1, *, tenant: str = "", **args: Any) -> ToolResult:
        """Call so often; gives the last result."""
        for _ in range(times):
            context = CallContext(tenant=tenant)
            result = await self.bench.executor.call(self.release, ToolCall(name="search", args=args), context)
        return result

    async def code(self, times: int = 1, **who: Any) -> str:
        """The error code of the last call, `ok` without one."""
        result = await self.call(times, **who)
        return result.error.code if result.error else "ok"


async def test_a_tool_that_keeps_failing_is_not_called_any_more() -> None:
    patient = Patient(Bench())
    patient.raises = ConnectionError("down")
    assert await patient.code(754) == "circuit_open"
    assert patient.ran == QUICK.min_calls


async def test_the_refusal_says_why_and_until_when_and_can_be_retried() -> None:
    bench = Bench()
    patient = Patient(bench)
    patient.raises = ConnectionError("down")
    await patient.call(4)
    bench.clock.advance(10)
    error = (await patient.call()).error
    assert error is not None
    assert error.message == "Tool 'search' is not called for another 20 s: 4 of its last 4 calls failed."
    assert error.retryable


async def test_half_of_the_calls_failing_opens_it_and_fewer_do_not() -> None:
    patient = Patient(Bench(), breaker=Breaker(min_calls=10, failure_rate=0.5))
    for failing in [True, False, False] * 20:
        patient.raises = ConnectionError("down") if failing else None
        assert await patient.code() == ("tool_failed" if failing else "ok")
    patient.bench.clock.advance(60)
    for failing in [True, False] * 40:
        patient.raises = ConnectionError("down") if failing else None
        code = await patient.code()
    assert code == "circuit_open"


async def test_failures_older_than_the_window_do_not_count() -> None:
    bench = Bench()
    patient = Patient(bench)
    patient.raises = ConnectionError("down")
    await patient.call(3)
    bench.clock.advance(QUICK.window_s)
    assert await patient.code() == "tool_failed"
    assert await patient.code() == "tool_failed"


@pytest.mark.parametrize(
    "answer",
    [ToolError("There is no such order."), RunnerSaturated("no thread is free")],
    ids=["raised on purpose", "before the start"],
)
async def test_answers_and_calls_that_never_began_are_no_failures(answer: Exception) -> None:
    patient = Patient(Bench())
    patient.raises = answer
    assert await patient.code(50) != "circuit_open"
    assert patient.ran == 50


async def test_wrong_arguments_never_reach_the_breaker() -> None:
    patient = Patient(Bench())
    assert await patient.code(20, y=1) == "arguments_invalid"
    assert await patient.code() == "ok"


async def test_slow_calls_open_it_too() -> None:
    patient = Patient(Bench(), breaker=Breaker(min_calls=4, slow_s=2, slow_rate=0.5))
    patient.takes_s = 2.0
    assert await patient.code(4) == "ok"
    error = (await patient.call()).error
    assert error is not None
    assert "4 of its last 4 calls took 2 s or longer" in error.message


async def test_each_tenant_has_its_own() -> None:
    patient = Patient(Bench())
    patient.raises = ConnectionError("down")
    await patient.call(5, tenant="a")
    patient.raises = None
    assert await patient.code(tenant="b") == "ok"
    assert await patient.code(tenant="a") == "circuit_open"


async def test_after_its_time_it_closes_when_all_probes_succeed() -> None:
    bench = Bench()
    patient = Patient(bench)
    patient.raises = ConnectionError("down")
    await patient.call(4)
    bench.clock.advance(QUICK.open_s)
    patient.raises = None
    assert [await patient.code() for _ in range(20)] == ["ok"] * 20
    assert [(event.state, event.why) for event in bench.events.of(BreakerChanged)] == [
        ("open", "4 of its last 4 calls failed"),
        ("half_open", ""),
        ("closed", ""),
    ]


async def test_a_probe_that_fails_opens_it_again_for_the_whole_time() -> None:
    bench = Bench()
    patient = Patient(bench)
    patient.raises = ConnectionError("down")
    await patient.call(4)
    bench.clock.advance(QUICK.open_s)
    assert await patient.code() == "tool_failed"
    bench.clock.advance(QUICK.open_s - 1)
    assert await patient.code() == "circuit_open"
    assert patient.ran == 5


@pytest.mark.parametrize("probes", [1, 3, 7])
async def test_half_open_lets_exactly_the_probes_through_under_concurrency(probes: int) -> None:
    bench, gate, running = Bench(), asyncio.Event(), []

    async def search(fail: bool = False) -> None:
        if fail:
            raise ConnectionError("down")
        running.append(1)
        await gate.wait()

    breaker = Breaker(min_calls=2, open_s=30, probes=probes)
    release = bench.release(make_tool(search, breaker=breaker, timeout_s=None))
    for _ in range(2):
        await bench.executor.call(release, ToolCall(name="search", args={"fail": True}), CallContext())
    bench.clock.advance(30)
    with anyio.fail_after(5):
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(bench.executor.call(release, ToolCall(name="search"), CallContext()))
                for _ in range(50)
            ]
            for _ in range(10):  # turns of the loop, enough for every refusal
                await asyncio.sleep(0)
            gate.set()
    assert len(running) == probes
    codes = [task.result().error.code for task in tasks if task.result().error]  # type: ignore[union-attr]  # filtered
    assert codes == ["circuit_open"] * (50 - probes)
    assert (await bench.executor.call(release, ToolCall(name="search"), CallContext())).ok


async def test_a_cancelled_probe_gives_its_place_back() -> None:
    bench, entered = Bench(), asyncio.Event()

    async def search(mode: str = "") -> None:
        if mode == "fail":
            raise ConnectionError("down")
        if mode == "hang":
            entered.set()
            await asyncio.Event().wait()

    release = bench.release(make_tool(search, breaker=Breaker(min_calls=1, probes=1, open_s=30)))

    async def call(mode: str = "") -> ToolResult:
        return await bench.executor.call(release, ToolCall(name="search", args={"mode": mode}), CallContext())

    await call("fail")
    bench.clock.advance(30)
    with anyio.fail_after(5):
        probe = asyncio.create_task(call("hang"))
        await entered.wait()
        assert (await call()).error is not None
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert (await call()).ok


async def test_a_late_result_of_an_earlier_state_says_nothing_of_the_present_one() -> None:
    bench, gate = Bench(), asyncio.Event()

    async def search(late: bool = False) -> None:
        if late:
            await gate.wait()
        raise ConnectionError("down")

    release = bench.release(make_tool(search, breaker=Breaker(min_calls=1, probes=1, open_s=30), timeout_s=None))

    async def call(*, late: bool) -> ToolResult:
        return await bench.executor.call(release, ToolCall(name="search", args={"late": late}), CallContext())

    with anyio.fail_after(5):
        straggler = asyncio.create_task(call(late=True))
        await asyncio.sleep(0)
        await call(late=False)
        gate.set()
        await straggler
    assert [event.state for event in bench.events.of(BreakerChanged)] == ["open"]
