"""The admission link: how many calls run in the process, how many of one tenant, and who needs no permit."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Cache, Concurrency
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.policies.limits import admission
from toolcrib.execution.state.admission import Admission, AdmissionState
from toolcrib.registry.release import Release
from toolcrib.runners.threads import ThreadRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
SOON = 0.01


def bench_of(concurrency: int | None = 1, per_tenant: int | None = None, queue: int = 100, **ports: Any) -> Bench:
    return Bench(admission=Admission(concurrency=concurrency, per_tenant=per_tenant, queue=queue), **ports)


class Floor:
    """Tools whose calls run until the test lets them go, each by its name."""

    def __init__(self, bench: Bench, *names: str, **policy: Any) -> None:
        self.bench = bench
        self.running: list[str] = []
        self.doors: dict[str, asyncio.Event] = {}
        self.release: Release = bench.release(*(self.tool(name, **policy) for name in names or ("work",)))

    def tool(self, name: str, **policy: Any) -> Tool:
        async def work(who: str) -> str:
            self.running.append(who)
            try:
                await self.doors.setdefault(who, asyncio.Event()).wait()
            finally:
                self.running.remove(who)
            return who

        return make_tool(work, **{"name": name, "timeout_s": None, **policy})

    async def start(self, who: str, tool: str = "work", **context: Any) -> asyncio.Task[ToolResult]:
        call = ToolCall(name=tool, args={"who": who})
        task = asyncio.ensure_future(self.bench.executor.call(self.release, call, CallContext(**context)))
        await turns()
        return task

    async def let_go(self, *whos: str) -> None:
        for who in whos:
            self.doors.setdefault(who, asyncio.Event()).set()
        await turns()

    @property
    def state(self) -> tuple[int, int, int]:
        assert self.bench.admission is not None
        state = self.bench.admission.state
        return state.running, state.waiting, state.waiting_for_tenant


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def ends(*tasks: asyncio.Task[ToolResult]) -> list[ToolResult]:
    with anyio.fail_after(5):
        return list(await asyncio.gather(*tasks))


def test_a_process_without_a_limit_has_no_link() -> None:
    bench = Bench()
    tool = make_tool(turns)
    assert admission.link(tool, bench.release(tool), bench.ports) is None


async def test_no_more_calls_than_the_limit_run_whatever_their_tools() -> None:
    floor = Floor(bench_of(2), "a", "b")
    tasks = [await floor.start(f"{tool}{n}", tool) for n in range(2) for tool in "ab"]
    assert (floor.running, floor.state) == (["a0", "b0"], (2, 2, 0))
    assert floor.bench.admission is not None
    assert floor.bench.admission.state == AdmissionState(running=2, waiting=2, waiting_for_tenant=0, limit=2)
    await floor.let_go("b0")
    assert floor.running == ["a0", "a1"]
    await floor.let_go("a0", "a1", "b1")
    assert [result.ok for result in await ends(*tasks)] == [True] * 4
    assert floor.state == (0, 0, 0)


async def test_the_higher_priority_goes_first_and_a_result_says_how_long_it_waited() -> None:
    floor = Floor(bench_of(1))
    tasks = [await floor.start("holds"), await floor.start("low"), await floor.start("high", priority=5)]
    floor.bench.clock.advance(2.0)
    await floor.let_go("holds")
    assert floor.running == ["high"]
    await floor.let_go("high", "low")
    assert [result.queued_s for result in await ends(*tasks)] == [0.0, 2.0, 2.0]


async def test_a_call_that_waited_long_goes_before_a_newer_one_of_higher_priority() -> None:
    floor = Floor(bench_of(1))
    tasks = [await floor.start("holds"), await floor.start("low")]
    floor.bench.clock.advance(10.0)
    tasks.append(await floor.start("high", priority=5))
    await floor.let_go("holds")
    assert floor.running == ["low"]
    await floor.let_go("low", "high")
    await ends(*tasks)


async def test_one_tenant_cannot_take_all() -> None:
    floor = Floor(bench_of(4, per_tenant=2))
    tasks = [await floor.start(f"noisy{n}", tenant="noisy") for n in range(50)]
    tasks += [await floor.start("quiet", tenant="quiet"), await floor.start("own")]
    assert floor.running == ["noisy0", "noisy1", "quiet", "own"]
    assert floor.state == (4, 0, 48)
    await floor.let_go("quiet", "own")
    assert floor.running == ["noisy0", "noisy1"], "what is free for others stays free"
    await floor.let_go(*(f"noisy{n}" for n in range(50)))
    assert all(result.ok for result in await ends(*tasks))
    assert floor.state == (0, 0, 0)


async def test_a_limit_for_tenants_alone_needs_none_for_all() -> None:
    floor = Floor(bench_of(None, per_tenant=1))
    tasks = [await floor.start(f"{tenant}{n}", tenant=tenant) for n in range(2) for tenant in "abc"]
    assert (floor.running, floor.state) == (["a0", "b0", "c0"], (3, 0, 3))
    assert floor.bench.admission is not None
    assert floor.bench.admission.state.limit is None
    await floor.let_go(*(f"{tenant}{n}" for n in range(2) for tenant in "abc"))
    await ends(*tasks)


async def test_a_noisy_tenant_fills_its_own_line_and_no_other() -> None:
    floor = Floor(bench_of(2, per_tenant=1, queue=3))
    tasks = [await floor.start(f"n{n}", tenant="noisy") for n in range(4)]
    [refused] = await ends(await floor.start("one too many", tenant="noisy"))
    assert refused.error is not None
    assert (refused.error.code, refused.attempts, refused.error.retryable) == ("queue_full", 0, True)
    assert refused.error.message == "1 calls of this tenant run and 3 wait already."
    assert refused.error.retry_after_s == 4.0
    tasks.append(await floor.start("quiet", tenant="quiet"))
    assert floor.running == ["n0", "quiet"]
    await floor.let_go("n0", "n1", "n2", "n3", "quiet")
    assert all(result.ok for result in await ends(*tasks))


async def test_a_call_above_limit_and_queue_is_refused_with_the_time_to_wait() -> None:
    floor = Floor(bench_of(1, queue=1))
    warm = await floor.start("warm")
    floor.bench.clock.advance(4.0)
    await floor.let_go("warm")
    tasks = [warm, await floor.start("runs"), await floor.start("waits")]
    [refused] = await ends(await floor.start("one too many"))
    assert refused.error is not None
    assert refused.error.message == "1 calls run in this process and 1 wait already."
    assert (refused.error.retry_after_s, refused.error.hint) == (8.0, "Try again in 8 s.")
    await floor.let_go("runs", "waits")
    assert all(result.ok for result in await ends(*tasks))


async def test_the_wait_ends_with_the_calls_deadline_and_leaves_nothing() -> None:
    floor = Floor(bench_of(1, per_tenant=1))
    first = await floor.start("first", tenant="a")
    for tenant in "ab":
        [late] = await ends(await floor.start("late", tenant=tenant, timeout_s=SOON))
        assert late.error is not None
        assert (late.error.code, late.attempts) == ("deadline_exceeded", 0)
    assert floor.state == (1, 0, 0)
    await floor.let_go("first")
    again = [await floor.start("again", tenant="b"), await floor.start("and a", tenant="a")]
    assert floor.running == ["again"]
    await floor.let_go("again", "and a")
    assert all(result.ok for result in await ends(first, *again))
    assert floor.state == (0, 0, 0)


async def test_cancelled_and_failing_calls_give_back_what_they_held() -> None:
    bench = bench_of(1, per_tenant=1)

    async def fails() -> None:
        raise ValueError

    floor = Floor(bench)
    release = bench.release(make_tool(fails))
    tasks = [await floor.start(who, tenant="t") for who in ("holds", "waits", "last")]
    tasks.append(await floor.start("other"))
    for task in (tasks[0], tasks[1]):
        task.cancel()
    await turns()
    assert (floor.running, floor.state) == (["other"], (1, 1, 0))
    await floor.let_go("other", "last")
    assert [result.ok for result in await ends(*tasks[2:])] == [True, True]
    for _ in range(3):
        assert (await bench.executor.call(release, ToolCall(name="fails"), CallContext())).attempts == 1
    assert floor.state == (0, 0, 0)


async def test_answers_from_the_cache_and_refusals_need_no_permit() -> None:
    bench = bench_of(1, queue=0)

    async def look(x: int) -> int:
        return x

    floor = Floor(bench)
    release = bench.release(make_tool(look, cache=Cache(), scopes=("read",)))

    async def call(context: CallContext, **args: Any) -> ToolResult:
        return await bench.executor.call(release, ToolCall(name="look", args=args), context)

    assert (await call(CallContext(), x=1)).ok
    first = await floor.start("first")
    assert (await call(CallContext(), x=1)).cached
    codes = [
        (await call(CallContext(scopes=frozenset()), x=1)).error,
        (await call(CallContext(), y=1)).error,
        (await call(CallContext(), x=2)).error,
    ]
    assert [error.code if error else "" for error in codes] == ["permission_denied", "arguments_invalid", "queue_full"]
    await floor.let_go("first")
    await ends(first)


async def test_who_waits_for_the_process_holds_no_place_at_its_tool() -> None:
    bench = bench_of(1)
    floor = Floor(bench, "limited", "free", concurrency=Concurrency(limit=1))
    holds = await floor.start("holds", "free")
    waits = await floor.start("waits", "limited")
    assert {key.tool: state.running for key, state in bench.gates.snapshot().items()} == {"free": 1}
    await floor.let_go("holds", "waits")
    await ends(holds, waits)


@pytest.mark.parametrize("policy", [{"concurrency": Concurrency(limit=1)}, {"exclusive": "till"}])
async def test_who_waits_for_its_tool_or_a_lock_lends_its_permit_to_others(policy: dict[str, Any]) -> None:
    bench = bench_of(2)
    slow, other = Floor(bench, "slow", **policy), Floor(bench, "other")
    tasks = [await slow.start(f"s{n}", "slow") for n in range(20)]
    assert (slow.running, slow.state) == (["s0"], (1, 0, 0))
    tasks += [await other.start(f"o{n}", "other") for n in range(3)]
    assert (other.running, slow.state) == (["o0"], (2, 2, 0))
    await slow.let_go("s0")
    assert (slow.running, other.running) == (["s1"], ["o0"]), "let in before those in line now"
    assert slow.state == (2, 2, 0)
    await other.let_go("o0")
    assert (slow.running, other.running) == (["s1"], ["o1"])
    await slow.let_go(*(f"s{n}" for n in range(20)))
    await other.let_go("o1", "o2")
    assert all(result.ok for result in await ends(*tasks))
    assert slow.state == (0, 0, 0)


async def test_a_call_that_gives_up_its_wait_for_the_tool_leaves_no_permit_behind() -> None:
    bench = bench_of(1)
    floor = Floor(bench, concurrency=Concurrency(limit=1, queue=2))
    tasks = [await floor.start("runs"), await floor.start("cancelled"), await floor.start("late", timeout_s=SOON)]
    tasks[1].cancel()
    assert (await ends(tasks[2]))[0].attempts == 0
    await turns()
    assert floor.state == (1, 0, 0)
    await floor.let_go("runs")
    await ends(tasks[0])
    assert floor.state == (0, 0, 0)


class Nested:
    """A tool that calls another one from inside its call."""

    def __init__(self, bench: Bench, call: Callable[[str], Any], **policy: Any) -> None:
        async def inner(who: str) -> str:
            return f"inner of {who}"

        async def outer(who: str) -> Any:
            return await call(who)

        self.bench = bench
        self.release = bench.release(make_tool(inner, **policy), make_tool(outer))

    async def call(self, name: str, who: str, **context: Any) -> ToolResult:
        call = ToolCall(name=name, args={"who": who})
        return await self.bench.executor.call(self.release, call, CallContext(**context))


async def test_what_a_tool_calls_is_part_of_its_call_and_waits_for_nobody() -> None:
    bench = bench_of(2, per_tenant=2, queue=100)

    async def call(who: str) -> str:
        results = await asyncio.gather(*(nested.call("inner", who, tenant="t") for _ in range(3)))
        return str({result.value for result in results})

    nested = Nested(bench, call)
    with anyio.fail_after(5):
        results = await asyncio.gather(*(nested.call("outer", str(n), tenant="t") for n in range(10)))
    assert [result.value for result in results] == [f"{{'inner of {n}'}}" for n in range(10)]
    assert bench.admission is not None
    assert bench.admission.state.running == 0


async def test_an_inner_call_and_one_that_lent_its_permit_do_not_wait_for_each_other() -> None:
    bench, go = bench_of(1), asyncio.Event()

    async def inner(who: str) -> str:
        if who == "first":
            await go.wait()
        return who

    async def outer(who: str) -> Any:
        return (await call("inner", "nested")).value

    release = bench.release(make_tool(inner, concurrency=1), make_tool(outer))

    async def call(name: str, who: str) -> ToolResult:
        return await bench.executor.call(release, ToolCall(name=name, args={"who": who}), CallContext())

    tasks = []
    for name, who in (("inner", "first"), ("inner", "lends"), ("outer", "")):
        tasks.append(asyncio.ensure_future(call(name, who)))
        await turns()
    go.set()
    assert [result.value for result in await ends(*tasks)] == ["first", "lends", "nested"]


async def test_a_tool_in_a_thread_calls_another_one_without_a_permit_too() -> None:
    loop, runner = asyncio.get_running_loop(), ThreadRunner(workers=2)
    bench = bench_of(1, queue=0, threads=runner)

    async def inner() -> str:
        return "inner"

    def outer() -> Any:
        call = bench.executor.call(release, ToolCall(name="inner"), CallContext())
        return asyncio.run_coroutine_threadsafe(call, loop).result(5).value

    release = bench.release(make_tool(inner), make_tool(outer))
    try:
        with anyio.fail_after(5):
            result = await bench.executor.call(release, ToolCall(name="outer"), CallContext())
        assert result.value == "inner"
    finally:
        runner.close()


async def test_work_that_a_call_left_behind_needs_a_permit_again() -> None:
    bench = bench_of(1, queue=0)
    left: list[contextvars.Context] = []

    async def leaves(who: str) -> None:
        left.append(contextvars.copy_context())

    floor = Floor(bench)
    nested = Nested(bench, leaves)
    await nested.call("outer", "x")
    first = await floor.start("first")
    with anyio.fail_after(5):
        late = await asyncio.create_task(nested.call("inner", "x"), context=left[0])
    assert late.error is not None
    assert late.error.code == "queue_full"
    await floor.let_go("first")
    await ends(first)
