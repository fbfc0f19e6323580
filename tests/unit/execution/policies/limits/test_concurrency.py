"""The concurrency link: how many run, who shares the limit, what a call above it is told."""

import asyncio
from dataclasses import replace
from typing import Any

import anyio
import pytest

from tests.support import Bench, make_release
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import Call, CallNext
from toolcrib.core.errors import DeadlineExceeded, QueueFull
from toolcrib.core.policies import Concurrency
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.policies.limits import concurrency
from toolcrib.execution.state.gate import GateState
from toolcrib.execution.state.gates import GateKey, Gates
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
SOON = 0.01


async def quick() -> None: ...


class Floor:
    """A tool whose calls run until the test lets them go."""

    def __init__(self, bench: Bench, **policy: Any) -> None:
        self.bench = bench
        self.running: list[str] = []
        self.most = 0
        self.go = asyncio.Event()
        self.tool = make_tool(self.work, timeout_s=None, **policy)
        self.chain: CallNext = bench.chain(self.tool)

    async def work(self, who: str) -> str:
        self.running.append(who)
        self.most = max(self.most, len(self.running))
        await self.go.wait()
        self.running.remove(who)
        return who

    async def start(self, who: str, *, deadline: float | None = None, **context: Any) -> asyncio.Task[ToolResult]:
        call = Call(
            tool=self.tool,
            args={"who": who},
            id=who,
            context=CallContext(**context),
            began=self.bench.clock.monotonic(),
            deadline=deadline,
            deadline_level="tool",
        )
        task = asyncio.ensure_future(self.chain(call))
        await asyncio.sleep(0)
        return task

    async def finish(self, *tasks: asyncio.Task[ToolResult]) -> list[ToolResult]:
        self.go.set()
        with anyio.fail_after(5):
            return list(await asyncio.gather(*tasks))


def idle(bench: Bench) -> bool:
    return all((state.running, state.waiting) == (0, 0) for state in bench.gates.snapshot().values())


async def test_no_more_calls_run_than_the_limit_and_all_are_served() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=3))
    tasks = [await floor.start(str(number)) for number in range(10)]
    assert bench.gates.snapshot() == {GateKey("work"): GateState(running=3, waiting=7, limit=3)}
    results = await floor.finish(*tasks)
    assert [result.value for result in results] == [str(number) for number in range(10)]
    assert floor.most == 3
    assert idle(bench)


async def test_a_result_that_waited_says_how_long() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    first, second = await floor.start("first"), await floor.start("second")
    bench.clock.advance(2.5)
    results = await floor.finish(first, second)
    assert [result.queued_s for result in results] == [0.0, 2.5]
    assert results[1].duration_s == 2.5


async def test_the_higher_priority_goes_first() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    ended: list[str] = []
    tasks = []
    for who, priority in (("holds", 0), ("low", 0), ("high", 5)):
        tasks.append(await floor.start(who, priority=priority))
        tasks[-1].add_done_callback(lambda task: ended.append(task.result().value))
    await floor.finish(*tasks)
    assert ended == ["holds", "high", "low"]


async def test_a_low_call_that_waited_long_goes_before_a_newer_high_one() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    ended: list[str] = []
    tasks = []
    for who, priority, pause in (("holds", 0, 0.0), ("low", 0, 10.0), ("high", 5, 0.0)):
        tasks.append(await floor.start(who, priority=priority))
        tasks[-1].add_done_callback(lambda task: ended.append(task.result().value))
        bench.clock.advance(pause)
    await floor.finish(*tasks)
    assert ended == ["holds", "low", "high"]


async def test_each_tenant_has_its_own_limit_when_asked_for() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1, by="tenant"))
    tasks = [await floor.start(f"{tenant}{n}", tenant=tenant) for tenant in "ab" for n in (1, 2)]
    assert floor.running == ["a1", "b1"]
    assert set(bench.gates.snapshot()) == {GateKey("work", "a"), GateKey("work", "b")}
    await floor.finish(*tasks)


async def test_tenants_share_the_limit_of_the_tool_otherwise() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    tasks = [await floor.start(tenant, tenant=tenant) for tenant in "ab"]
    assert floor.running == ["a"]
    await floor.finish(*tasks)


async def test_two_releases_of_a_tool_share_one_limit() -> None:
    bench = Bench()
    old, new = (Floor(bench, concurrency=Concurrency(limit=2)) for _ in range(2))
    tasks = [await floor.start(str(number)) for number, floor in enumerate((old, new, new))]
    assert len(old.running) + len(new.running) == 2
    old.go.set()
    await new.finish(*tasks)
    assert idle(bench)


async def test_a_call_above_limit_and_queue_is_refused_with_the_time_to_wait() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=2, queue=1))
    warm = await floor.start("warm")
    bench.clock.advance(4.0)
    await floor.finish(warm)
    floor.go.clear()
    tasks = [await floor.start(str(number)) for number in range(3)]
    [refused] = await floor.finish(await floor.start("one too many"))
    assert refused.error is not None
    assert (refused.error.code, refused.attempts, refused.error.retryable) == ("queue_full", 0, True)
    assert refused.error.message == "2 calls of tool 'work' run and 1 wait already."
    assert refused.error.hint == "Try again in 4 s."
    assert all(result.ok for result in await floor.finish(*tasks))
    assert idle(bench)


async def test_the_refusal_says_in_seconds_when_to_come_back() -> None:
    bench = Bench()
    tool = make_tool(quick, concurrency=Concurrency(limit=1, queue=0))
    link = concurrency.link(tool, make_release(), bench.ports)
    assert link is not None

    async def innermost(call: Call) -> ToolResult:
        bench.clock.advance(4.0)
        if call.id == "outer":
            with pytest.raises(QueueFull) as refused:
                await chain(call._replace(id="inner"))
            assert refused.value.retry_after_s == 4.0
        return ToolResult(ok=True, queued_s=0.5)

    chain = link(innermost)
    call = Call(tool=tool, args={}, id="warm", context=CallContext(), began=1_000.0)
    assert await chain(call) == await chain(call._replace(id="outer")) == ToolResult(ok=True, queued_s=0.5)


@pytest.mark.parametrize("way", ["refused", "late", "cancelled"])
async def test_a_call_that_never_got_in_is_forgotten(way: str) -> None:
    bench = Bench(gates=Gates(keep=1))
    floor = Floor(bench, concurrency=Concurrency(limit=1, queue=0 if way == "refused" else 1))
    first = await floor.start("first")
    second = await floor.start("second", deadline=1_000.0 + SOON if way == "late" else None)
    if way == "cancelled":
        second.cancel()
    with anyio.fail_after(5):
        await asyncio.wait([second])
    await floor.finish(first)
    other = Floor(bench, name="other", concurrency=Concurrency())
    await other.finish(await other.start("x"))
    assert set(bench.gates.snapshot()) == {GateKey("other")}


async def test_tools_of_different_scopes_do_not_share_a_limit() -> None:
    bench = Bench()
    tool = make_tool(quick, timeout_s=None, concurrency=Concurrency(limit=1, queue=0))
    for scope in ("a", "b"):
        scoped = replace(tool, spec=replace(tool.spec, scope=scope))
        call = Call(tool=scoped, args={}, id="c", context=CallContext(), began=1_000.0)
        await bench.chain(scoped)(call)
    assert set(bench.gates.snapshot()) == {GateKey("quick", scope="a"), GateKey("quick", scope="b")}


async def test_a_tool_without_a_queue_refuses_at_once() -> None:
    floor = Floor(Bench(), concurrency=Concurrency(limit=1, queue=0))
    first = await floor.start("first")
    refused = await floor.start("second")
    assert refused.result().error
    await floor.finish(first)


async def test_the_wait_ends_with_the_calls_deadline() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    first = await floor.start("first")
    late = await floor.start("late", deadline=1_000.0 + SOON)
    with anyio.fail_after(5):
        result = await late
    assert result.error is not None
    assert (result.error.code, result.attempts) == ("deadline_exceeded", 0)
    assert result.error.message == "Tool 'work' was stopped after 0.01 s: the tool's time is over."
    assert bench.gates.snapshot()[GateKey("work")] == GateState(running=1, waiting=0, limit=1)
    await floor.finish(first)
    assert idle(bench)


async def test_waiting_counts_against_the_timeout_of_the_call() -> None:
    bench = Bench()
    go = asyncio.Event()

    async def hangs() -> None:
        await go.wait()

    release = bench.release(make_tool(hangs, concurrency=Concurrency(limit=1)))
    wish = ToolCall(name="hangs")
    first = asyncio.create_task(bench.executor.call(release, wish, CallContext()))
    await asyncio.sleep(0)
    with anyio.fail_after(5):
        late = await bench.executor.call(release, wish, CallContext(timeout_s=SOON))
        go.set()
        assert (await first).ok
    assert late.error is not None
    assert (late.error.code, late.attempts) == ("deadline_exceeded", 0)
    assert idle(bench)


async def test_a_call_whose_time_is_over_does_not_queue() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    first = await floor.start("first")
    [late] = await asyncio.gather(await floor.start("late", deadline=999.0))
    assert late.error is not None
    assert late.error.message == "Tool 'work' was stopped after 0 s: the tool's time is over."
    assert floor.running == ["first"]
    await floor.finish(first)


async def test_a_call_with_time_left_gets_its_turn_before_the_deadline() -> None:
    floor = Floor(Bench(), concurrency=Concurrency(limit=1))
    tasks = [await floor.start("first"), await floor.start("second", deadline=1_060.0)]
    assert [result.ok for result in await floor.finish(*tasks)] == [True, True]


async def test_cancelled_calls_give_back_what_they_held_and_their_place_in_the_line() -> None:
    bench = Bench()
    floor = Floor(bench, concurrency=Concurrency(limit=1))
    tasks = [await floor.start(who) for who in ("holds", "waits", "last")]
    for task in tasks[:2]:
        task.cancel()
    results = await floor.finish(tasks[2])
    assert results[0].ok
    assert [task.cancelled() for task in tasks] == [True, True, False]
    assert idle(bench)


async def test_failed_calls_give_back_their_permit() -> None:
    bench = Bench()

    async def fails() -> None:
        raise ValueError

    tool = make_tool(fails, concurrency=Concurrency(limit=1, queue=0))
    chain = bench.chain(tool)
    for _ in range(3):
        result = await chain(Call(tool=tool, args={}, id="c", context=CallContext(), began=1_000.0))
        assert result.error is not None
        assert result.error.code == "tool_failed"
    assert idle(bench)


def in_line(level: str) -> DeadlineExceeded:
    """The error of a call that waited in vain, for a lock for instance."""
    error = DeadlineExceeded("late", level=level)
    error.started = False
    return error


class Moody:
    """A tool whose next outcome and duration the test sets."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.takes_s = 1.0
        self.raises: Exception | None = None
        self.tool: Tool = make_tool(self.act, timeout_s=None, concurrency=Concurrency(limit=9, adaptive=True))
        self.chain = bench.chain(self.tool)

    async def act(self) -> None:
        self.bench.clock.advance(self.takes_s)
        if self.raises:
            raise self.raises

    async def limit(self) -> int:
        """The limit after one more call."""
        now = self.bench.clock.monotonic()
        await self.chain(Call(tool=self.tool, args={}, id="c", context=CallContext(), began=now))
        return self.bench.gates.snapshot()[GateKey("act")].limit


async def test_slow_calls_lower_an_adaptive_limit() -> None:
    moody = Moody(Bench())
    assert await moody.limit() == 4
    moody.takes_s = 3.0
    assert await moody.limit() == 3


@pytest.mark.parametrize(
    ("raised", "limit"),
    [
        (DeadlineExceeded("late", level="tool"), 3),
        (DeadlineExceeded("late", level="attempt"), 3),
        (DeadlineExceeded("late", level="run"), 4),
        (in_line("tool"), 4),
        (ValueError("early"), 4),
    ],
)
async def test_only_the_tools_own_timeouts_lower_an_adaptive_limit(raised: Exception, limit: int) -> None:
    moody = Moody(Bench())
    await moody.limit()
    moody.raises = raised
    assert await moody.limit() == limit
