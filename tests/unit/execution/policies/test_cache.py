"""Cache: what is answered from memory, what is shared while it runs, and what never is."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall, ToolContext
from toolcrib.core.chain import Call
from toolcrib.core.errors import ArgumentsInvalid, CircuitOpen, ReleaseNotFound, ToolError
from toolcrib.core.events import ToolFinished
from toolcrib.core.policies import Cache, Retry
from toolcrib.core.ports import CacheEntry, CacheStats
from toolcrib.core.results import ToolResult
from toolcrib.execution.policies import cache
from toolcrib.registry.release import Release
from toolcrib.runners.threads import ThreadRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
KEPT: dict[str, Any] = {"cache": Cache(ttl_s=60.0)}
ERRORS_KEPT: dict[str, Any] = {"cache": Cache(ttl_s=60.0, errors_ttl_s=10.0)}
WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class GraphBubbleUp(Exception):
    """Known by its name, as LangGraph's own."""


class Counted:
    """A tool that counts its runs and waits to be let go.

    Attributes:
        outcome: what a run does with its number, after it was let go.
    """

    def __init__(self, outcome: Callable[[int], Any] = lambda run: {"run": run}, *, held: bool = False) -> None:
        self.outcome = outcome
        self.runs = 0
        self.cancelled = 0
        self.running, self.go = asyncio.Event(), asyncio.Event()
        if not held:
            self.go.set()

    def release(self, bench: Bench, **policy: Any) -> Release:
        async def look(x: Any = None) -> Any:
            self.runs += 1
            run = self.runs
            self.running.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return self.outcome(run)

        return bench.release(make_tool(look, **{**KEPT, **policy}))


async def call(bench: Bench, release: Release, x: Any = None, *, id: str = "c", **context: Any) -> ToolResult:
    with anyio.fail_after(5):
        return await bench.executor.call(release, ToolCall(name="look", args={"x": x}, id=id), CallContext(**context))


def fails(error: Exception) -> Callable[[int], Any]:
    def outcome(run: int) -> Any:
        raise error

    return outcome


async def test_a_repeated_call_is_answered_from_the_cache_as_its_own() -> None:
    bench, counted = Bench(), Counted()
    first = await call(bench, counted.release(bench), id="one")
    bench.clock.advance(3.0)
    second = await call(bench, counted.release(bench), id="two")
    assert (first.value, first.cached, first.attempts, first.call_id) == ({"run": 1}, False, 1, "one")
    assert second == replace(first, cached=True, attempts=0, duration_s=0.0, call_id="two")
    assert counted.runs == 1
    assert [event.result for event in bench.events.of(ToolFinished)] == [first, second]


async def test_a_hit_names_the_release_that_serves_the_call() -> None:
    bench, counted = Bench(), Counted()
    first = await call(bench, counted.release(bench))
    release = bench.release(*counted.release(bench).tools.values(), content="other prompts")
    second = await call(bench, release)
    assert second.cached
    assert second.release == release.id != first.release


async def test_what_the_callers_do_to_their_values_changes_no_others() -> None:
    bench, counted = Bench(), Counted(lambda run: [run], held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    for result in await asyncio.gather(*waiting):
        assert result.value == [1]
        result.value.append("changed")
    for _ in range(2):
        hit = await call(bench, release)
        assert (hit.value, hit.cached) == ([1], True)
        hit.value.append("changed")


async def test_a_result_is_kept_as_long_as_the_policy_says() -> None:
    bench, counted = Bench(), Counted()
    release = counted.release(bench)
    for _ in range(3):
        await call(bench, release)
        bench.clock.advance(30.0)
    assert counted.runs == 2


@pytest.mark.parametrize("asked", [{"tool": "look"}, {"tenant": "a"}, {"tag": "orders"}])
async def test_an_entry_goes_by_tool_by_tenant_and_by_tag(asked: dict[str, str]) -> None:
    bench, counted = Bench(), Counted()
    release = counted.release(bench, cache=Cache(tags=("orders",)))
    await call(bench, release, tenant="a")
    bench.clock.advance(1.0)
    assert await bench.cache.invalidate(**asked) == 1
    assert not (await call(bench, release, tenant="a")).cached


async def test_a_result_that_was_under_way_when_the_cache_was_emptied_is_not_kept() -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench)
    under_way = asyncio.ensure_future(call(bench, release))
    await counted.running.wait()
    await bench.cache.invalidate(tool="look")
    counted.go.set()
    assert (await under_way).ok
    bench.clock.advance(1.0)
    assert not (await call(bench, release)).cached


@pytest.mark.parametrize("x", [object(), 2**70, [lambda: None]])
async def test_arguments_without_canonical_json_go_through(x: Any) -> None:
    bench, counted = Bench(), Counted()
    release = counted.release(bench)
    results = [await call(bench, release, x) for _ in range(2)]
    assert [result.cached for result in results] == [False, False]
    assert (counted.runs, bench.cache.stats()) == (2, CacheStats())


async def test_arguments_are_validated_before_the_cache_is_asked() -> None:
    bench, counted = Bench(), Counted()
    release = counted.release(bench)
    for _ in range(2):
        result = await bench.executor.call(release, ToolCall(name="look", args={"y": 1}), CallContext())
        assert result.error is not None
        assert result.error.code == "arguments_invalid"
    assert bench.cache.stats() == CacheStats()


async def test_concurrent_misses_run_the_tool_once_and_each_has_its_own_result() -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release, id=f"c{n}")) for n in range(5)]
    await counted.running.wait()
    bench.clock.advance(2.0)
    counted.go.set()
    results = await asyncio.gather(*waiting)
    assert counted.runs == 1
    assert [result.call_id for result in results] == ["c0", "c1", "c2", "c3", "c4"]
    assert {(result.cached, result.attempts, result.duration_s) for result in results} == {(False, 1, 2.0)}
    assert bench.cache.stats().entries == 1


@pytest.mark.parametrize("context", [{"timeout_s": 0.01}, {"deadline": 1_000.01, "deadline_level": "iteration"}])
@pytest.mark.parametrize("hasty", [0, 1])
async def test_each_waiter_has_its_own_deadline_and_the_run_none_of_theirs(hasty: int, context: Any) -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench, timeout_s=60.0)
    contexts: list[dict[str, Any]] = [{}, {}]
    contexts[hasty] = context
    waiting = [asyncio.ensure_future(call(bench, release, **each)) for each in contexts]
    late = await waiting[hasty]
    assert late.error is not None
    assert (late.error.code, late.attempts) == ("deadline_exceeded", 1)
    assert f"the {context.get('deadline_level', 'tool')}'s time" in late.error.message
    assert counted.cancelled == 0
    counted.go.set()
    assert (await waiting[1 - hasty]).value == {"run": 1}
    assert (await call(bench, release)).cached


async def test_a_caller_without_time_is_refused_before_the_tool_is_reached() -> None:
    bench, counted = Bench(), Counted()
    result = await call(bench, counted.release(bench), deadline=999.0)
    assert result.error is not None
    assert (result.error.code, result.attempts, counted.runs) == ("deadline_exceeded", 0, 0)


async def test_the_run_of_all_has_the_tools_own_time_from_its_beginning() -> None:
    bench = Bench()
    seen: list[float | None] = []

    async def look(x: Any, context: ToolContext) -> None:
        seen.append(context.timeout_s)

    for timeout_s in (None, 60.0):
        release = bench.release(make_tool(look, timeout_s=timeout_s, **KEPT))
        await call(bench, release, timeout_s, timeout_s=7.0, deadline=1_005.0)
    assert seen == [None, 60.0]


@pytest.mark.parametrize("timeouts", [{"timeout_s": 0.01}, {"timeout_s": None, "attempt_timeout_s": 0.01}])
async def test_when_the_tools_time_is_over_all_hear_of_it_and_it_is_not_kept(timeouts: Any) -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench, **ERRORS_KEPT, **timeouts)
    results = await asyncio.gather(call(bench, release), call(bench, release))
    assert {result.error.code for result in results if result.error} == {"deadline_exceeded"}
    assert (counted.runs, counted.cancelled) == (1, 1)
    assert bench.cache.stats().entries == 0


async def test_a_cancelled_caller_cancels_the_tool_only_when_nobody_else_waits() -> None:
    bench, counted = Bench(), Counted(held=True)
    release = counted.release(bench, **ERRORS_KEPT)
    first, second = [asyncio.ensure_future(call(bench, release)) for _ in range(2)]
    await counted.running.wait()
    for waiter, cancelled in ((first, 0), (second, 1)):
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert counted.cancelled == cancelled
    assert bench.cache.stats().entries == 0


async def test_the_run_sees_the_first_callers_context_variables() -> None:
    bench = Bench()

    async def look(x: Any = None) -> str:
        return WHO.get()

    release = bench.release(make_tool(look, **KEPT))

    async def asks(name: str) -> Any:
        WHO.set(name)
        return (await call(bench, release)).value

    assert [*await asyncio.gather(asks("first"), asks("second"))] == ["first", "first"]


async def test_a_tool_in_a_thread_is_shared_too() -> None:
    threads = ThreadRunner(workers=2)
    bench, runs, go = Bench(threads=threads), [], threading.Event()

    def look(x: Any = None) -> int:
        runs.append(1)
        go.wait(5)
        return len(runs)

    release = bench.release(make_tool(look, **KEPT))
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    while not runs:
        await anyio.lowlevel.checkpoint()
    go.set()
    assert [result.value for result in await asyncio.gather(*waiting)] == [1, 1, 1]
    threads.close()


async def test_a_failure_reaches_all_who_wait_and_is_not_kept_unless_asked_for() -> None:
    bench, counted = Bench(), Counted(fails(ValueError("broken")), held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    results = await asyncio.gather(*waiting)
    assert [result.error and result.error.message for result in results] == [
        "Tool 'look' failed: ValueError: broken"
    ] * 3
    assert counted.runs == 1
    assert not (await call(bench, release)).cached
    assert counted.runs == 2


async def test_each_waiter_gets_an_error_of_its_own() -> None:
    bench, counted = (
        Bench(),
        Counted(fails(ToolError("No.", hint="Why?", retryable=True, retry_after_s=2.0)), held=True),
    )
    tool = counted.release(bench).tools["look"]
    wrap = cache.link(tool, "r", bench.ports)
    assert wrap is not None

    async def run(call: Call) -> ToolResult:
        await tool.run(call.args, ToolContext(tool="look", call_id="c", release="r"))
        raise AssertionError

    chain = wrap(run)
    one = Call(tool=tool, args={}, id="c", context=CallContext(), began=1_000.0)
    waiting = [asyncio.ensure_future(chain(one)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert len({id(error.__traceback__) for error in errors if isinstance(error, ToolError)}) == 3
    for error in errors:
        assert isinstance(error, ToolError)
        told = (str(error), error.message, error.hint, error.retryable, error.retry_after_s, error.attempts)
        assert told == ("No.", "No.", "Why?", True, 2.0, 1)


async def test_a_kept_failure_is_told_again_for_its_own_time() -> None:
    bench, counted = Bench(), Counted(fails(ToolError("Closed.", hint="Tomorrow.")))
    release = counted.release(bench, **ERRORS_KEPT, retry=Retry(attempts=1))
    first = await call(bench, release, id="one")
    second = await call(bench, release, id="two")
    assert second == replace(first, cached=True, attempts=0, call_id="two")
    bench.clock.advance(10.0)
    assert not (await call(bench, release)).cached
    assert counted.runs == 2


@pytest.mark.parametrize("error", [CircuitOpen("x"), ArgumentsInvalid("x"), ReleaseNotFound("x")])
async def test_failures_that_are_not_the_tools_are_never_kept(error: Exception) -> None:
    bench, counted = Bench(), Counted(fails(error))
    release = counted.release(bench, **ERRORS_KEPT)
    for _ in range(2):
        assert not (await call(bench, release)).ok
    assert (counted.runs, bench.cache.stats().entries) == (2, 0)


async def test_an_interrupt_is_its_callers_own() -> None:
    bench = Bench()
    counted = Counted(lambda run: fails(GraphBubbleUp(f"pause {run}"))(run), held=True)
    release = counted.release(bench, **ERRORS_KEPT)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    raised = await asyncio.gather(*waiting, return_exceptions=True)
    assert sorted(str(error) for error in raised) == ["pause 1", "pause 2", "pause 3"]
    assert str(raised[0]) == "pause 1"
    assert bench.cache.stats().entries == 0


async def test_a_value_there_is_only_one_of_is_neither_shared_nor_kept() -> None:
    bench, counted = Bench(), Counted(lambda run: threading.Lock(), held=True)
    release = counted.release(bench)
    waiting = [asyncio.ensure_future(call(bench, release)) for _ in range(3)]
    await counted.running.wait()
    counted.go.set()
    values = [result.value for result in await asyncio.gather(*waiting)]
    assert len({id(value) for value in values}) == counted.runs == 3
    assert bench.cache.stats().entries == 0


async def test_the_answer_of_another_tool_in_its_place_is_not_kept() -> None:
    bench, counted = Bench(), Counted()
    tool = counted.release(bench).tools["look"]
    wrap = cache.link(tool, "r", bench.ports)
    assert wrap is not None

    async def falls_back(call: Call) -> ToolResult:
        return ToolResult(ok=True, value="instead", tool="other")

    one = Call(tool=tool, args={}, id="c", context=CallContext(), began=1_000.0)
    assert (await wrap(falls_back)(one)).value == "instead"
    assert bench.cache.stats().entries == 0


class BrokenCache:
    """A `ResultCache` that fails."""

    async def get(self, key: str) -> ToolResult | None:
        raise ConnectionError("no cache")

    async def put(self, entry: CacheEntry) -> None:
        raise ConnectionError("no cache")

    async def invalidate(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        raise ConnectionError("no cache")

    def stats(self) -> CacheStats:
        return CacheStats()


@dataclass(frozen=True, kw_only=True)
class BrokenBench(Bench):
    """A bench whose cache is away."""

    @property
    def cache(self) -> BrokenCache:
        return BrokenCache()


async def test_a_cache_that_fails_costs_no_call(caplog: pytest.LogCaptureFixture) -> None:
    bench, counted = BrokenBench(), Counted()
    release = counted.release(bench)
    for run in (1, 2):
        assert (await call(bench, release)).value == {"run": run}
    assert [record.message for record in caplog.records] == ["result cache failed"] * 4


@pytest.mark.parametrize("injects", [{"state"}, {"config"}, {"runtime"}, {"call_id"}, {"context", "state"}])
def test_a_tool_that_is_given_more_of_its_caller_has_no_such_link(injects: set[str]) -> None:
    bench = Bench()

    async def look(x: Any = None) -> None: ...

    tool = make_tool(look, **KEPT)
    assert cache.link(tool, "r", bench.ports) is not None
    assert cache.link(replace(tool, injects=frozenset({"context"})), "r", bench.ports) is not None
    assert cache.link(replace(tool, injects=frozenset(injects)), "r", bench.ports) is None
    assert cache.link(make_tool(look), "r", bench.ports) is None
