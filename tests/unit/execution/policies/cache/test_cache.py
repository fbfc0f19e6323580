"""Cache: what is answered from memory, for how long, and what never is."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support import Bench
from tests.unit.execution.policies.cache.counted import ERRORS_KEPT, KEPT, Counted, call, fails
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import Call
from toolcrib.core.errors import ArgumentsInvalid, CircuitOpen, ReleaseNotFound, ToolError
from toolcrib.core.events import ToolFinished
from toolcrib.core.policies import Cache, Retry
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.results import CacheEntry, CacheStats
from toolcrib.execution.policies import cache
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


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


async def test_a_caller_without_time_is_refused_before_the_tool_is_reached() -> None:
    bench, counted = Bench(), Counted()
    result = await call(bench, counted.release(bench), deadline=999.0)
    assert result.error is not None
    assert (result.error.code, result.attempts, counted.runs) == ("deadline_exceeded", 0, 0)


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


async def test_the_answer_of_another_tool_in_its_place_is_not_kept() -> None:
    bench, counted = Bench(), Counted()
    tool = counted.release(bench).tools["look"]
    wrap = cache.link(tool, bench.release(), bench.ports)
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

    async def forget(self, digests: Collection[str]) -> int:
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
    assert cache.link(tool, bench.release(), bench.ports) is not None
    assert cache.link(replace(tool, injects=frozenset({"context"})), bench.release(), bench.ports) is not None
    assert cache.link(replace(tool, injects=frozenset(injects)), bench.release(), bench.ports) is None
    assert cache.link(make_tool(look), bench.release(), bench.ports) is None
