"""The result cache under any use: its bound, its index, its walls between callers, and one run for all who wait."""

import asyncio
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Cache
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.results import CacheEntry
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.testing import FakeClock, make_tool

pytestmark = pytest.mark.anyio
MAX_BYTES = 40_000
KEYS = st.sampled_from([f"k{number}" for number in range(20)])
NAMES = st.sampled_from(["", "a", "b"])
TAGS = st.lists(NAMES.filter(bool), max_size=2).map(tuple)


def finish(work: Any) -> Any:
    """What a coroutine that waits for nothing gives; state machines are synchronous."""
    try:
        while True:
            work.send(None)
    except StopIteration as end:
        return end.value


class CacheMachine(RuleBasedStateMachine):
    """A cache beside a plain mapping: whatever the cache gives is what the mapping holds; it may only forget."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.used = FakeClock(), 0.0
        self.cache = MemoryResultCache(max_bytes=MAX_BYTES, clock=self.clock, memory_used=lambda: self.used)
        self.model: dict[str, tuple[CacheEntry, float]] = {}

    @rule(key=KEYS, tool=NAMES, tenant=NAMES, tags=TAGS, ttl=st.floats(0.5, 20.0), size=st.integers(0, 6_000))
    def put(self, *, key: str, tool: str, tenant: str, tags: tuple[str, ...], ttl: float, size: int) -> None:
        result = ToolResult(ok=True, value=["x" * size], call_id=key)
        entry = CacheEntry(key=key, result=result, ttl_s=ttl, tool=tool, tenant=tenant, tags=tags)
        finish(self.cache.put(entry))
        self.model[key] = (entry, self.clock.monotonic() + ttl)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        result = finish(self.cache.get(key))
        if result is not None:
            entry, until = self.model[key]
            assert result == entry.result
            assert self.clock.monotonic() < until
            result.value.append("changed")

    @rule(seconds=st.floats(0.1, 10.0))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(used=st.sampled_from([0.0, 0.95]))
    def machine_changes(self, used: float) -> None:
        self.used = used

    @precondition(lambda self: self.model)
    @rule(tool=NAMES, tenant=NAMES, tag=NAMES)
    def invalidate(self, tool: str, tenant: str, tag: str) -> None:
        def fits(entry: CacheEntry) -> bool:
            return tool in ("", entry.tool) and tenant in ("", entry.tenant) and (not tag or tag in entry.tags)

        meant = [key for key, (entry, _) in self.model.items() if fits(entry)]
        others = sum(self.holds(key) for key in self.model if key not in meant)
        removed = finish(self.cache.invalidate(tool=tool, tenant=tenant, tag=tag))
        assert removed <= len(meant)
        assert not any(self.holds(key) for key in meant)
        assert sum(self.holds(key) for key in self.model) == others
        for key in meant:
            del self.model[key]

    def holds(self, key: str) -> bool:
        return finish(self.cache.get(key)) is not None

    @invariant()
    def the_bound_holds(self) -> None:
        stats = self.cache.stats()
        assert 0 <= stats.size_bytes <= MAX_BYTES
        held = [result for key in self.model if (result := finish(self.cache.get(key)))]
        assert sum(len(result.value[0]) for result in held) <= stats.size_bytes
        assert len(held) <= stats.entries <= len(self.model)

    def teardown(self) -> None:
        finish(self.cache.invalidate())
        assert (self.cache.stats().entries, self.cache.stats().size_bytes) == (0, 0)


CacheMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestCacheMachine = CacheMachine.TestCase

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(width=16) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
CALLERS = st.fixed_dictionaries(
    {
        "tenant": st.sampled_from(["", "a", "b", "a,b"]),
        "scopes": st.none() | st.frozensets(st.sampled_from(["r", "w", "r,w"])),
        "digest": st.sampled_from(["d1", "d2"]),
        "name": st.sampled_from(["look", "see"]),
        "x": JSON | st.decimals(-2, 2, places=1) | st.dates() | st.frozensets(st.integers(0, 3)),
    }
)


@settings(max_examples=60)
@given(st.lists(CALLERS, min_size=2, max_size=12))
async def test_a_result_is_never_given_to_another_tenant_other_rights_other_code_or_other_arguments(
    callers: list[dict[str, Any]],
) -> None:
    bench = Bench()

    async def look(x: Any) -> None: ...

    async def call(caller: dict[str, Any]) -> Any:
        mark = repr(caller)

        async def marked(x: Any) -> str:
            return mark

        tool = make_tool(marked, name=caller["name"], cache=Cache())
        tool = replace(tool, spec=replace(tool.spec, digest=caller["digest"]))
        context = CallContext(tenant=caller["tenant"], scopes=caller["scopes"])
        wanted = ToolCall(name=caller["name"], args={"x": caller["x"]})
        return (await bench.executor.call(bench.release(tool), wanted, context)).value

    for caller in callers:
        answer = await call(caller)
        twins = [repr(one) for one in callers if same(one, caller)]
        assert answer in twins


def same(one: Any, other: Any) -> bool:
    """Equal in value and type all the way down; keys of mappings in any order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or repr(one) == repr(other)


@settings(max_examples=15)
@given(
    leaving=st.sets(st.integers(0, 499), max_size=499),
    hasty=st.sets(st.integers(0, 499), max_size=50),
    before=st.booleans(),
)
async def test_five_hundred_misses_run_the_tool_once_for_all_who_stay(
    leaving: set[int], hasty: set[int], before: bool
) -> None:
    bench, runs, running, go = Bench(), [], asyncio.Event(), asyncio.Event()

    async def look() -> list[int]:
        runs.append(1)
        running.set()
        await go.wait()
        return [len(runs)]

    release = bench.release(make_tool(look, cache=Cache(), timeout_s=None))

    async def call(number: int) -> ToolResult:
        context = CallContext(timeout_s=0.001 if number in hasty else None)
        return await bench.executor.call(release, ToolCall(name="look"), context)

    staying = set(range(500)) - leaving - hasty
    with anyio.fail_after(20):
        waiting = [asyncio.ensure_future(call(number)) for number in range(500)]
        if not before:
            await running.wait()
        for number in leaving:
            waiting[number].cancel()
        await asyncio.wait([waiting[number] for number in hasty | leaving] or [asyncio.ensure_future(running.wait())])
        go.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    values = []
    for number, result in enumerate(results):
        if number in leaving:
            assert isinstance(result, asyncio.CancelledError) or number in hasty
        else:
            assert isinstance(result, ToolResult)
            assert result.ok == (number not in hasty)
            values += [result.value] if result.ok else []
    assert len(runs) == 1 or 0 in leaving | hasty, "who runs the tool stays: once is enough"
    assert len(runs) <= 1 + len(leaving | hasty)
    assert values == [values[0]] * len(staying) if staying else not values
    assert len({id(value) for value in values}) == len(staying)
