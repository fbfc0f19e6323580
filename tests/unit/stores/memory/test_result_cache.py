"""What is the memory cache's own: giving way to the machine, throwing expired entries away a few at a time."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from toolcrib.core.results import ToolResult
from toolcrib.core.stores.results import CacheEntry
from toolcrib.stores.memory.result_cache import EXPIRED_PER_PUT, OVERHEAD_BYTES, TURN_EVERY, MemoryResultCache
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio


@dataclass
class Machine:
    """A machine whose memory is in use as much as a test says.

    Attributes:
        looks: how often it was asked.
    """

    used: float = 0.1
    looks: int = 0
    clock: FakeClock = field(default_factory=FakeClock)

    def memory_used(self) -> float:
        self.looks += 1
        return self.used

    def cache(self, max_bytes: int = 100_000_000) -> MemoryResultCache:
        return MemoryResultCache(max_bytes=max_bytes, clock=self.clock, memory_used=self.memory_used)


def entry(key: str, value: Any = "v", *, ttl_s: float = 60.0) -> CacheEntry:
    return CacheEntry(key=key, result=ToolResult(ok=True, value=value), ttl_s=ttl_s, tool="t", tags=("g",))


async def filled(machine: Machine, count: int, **how: Any) -> MemoryResultCache:
    cache = machine.cache()
    for number in range(count):
        await cache.put(entry(str(number), **how))
    return cache


async def test_the_machine_is_looked_at_once_a_second_however_many_results_come() -> None:
    machine = Machine()
    cache = await filled(machine, 100)
    assert machine.looks == 0
    machine.clock.advance(1.0)
    for number in range(100):
        await cache.put(entry(str(number)))
    assert machine.looks == 1
    machine.clock.advance(0.99)
    await cache.put(entry("a"))
    assert machine.looks == 1
    machine.clock.advance(0.01)
    await cache.put(entry("a"))
    assert machine.looks == 2


async def test_the_least_recent_half_goes_when_memory_is_scarce() -> None:
    machine = Machine()
    cache = await filled(machine, 10)
    await cache.get("0")
    machine.used = 0.9
    machine.clock.advance(1.0)
    await cache.put(entry("new"))
    assert [key for key in [*map(str, range(10)), "new"] if await cache.get(key)] == ["0", "6", "7", "8", "9", "new"]
    assert cache.stats().evicted == 5
    assert await cache.invalidate(tag="g") == 6


async def test_memory_in_use_below_the_mark_takes_nothing() -> None:
    machine = Machine(used=0.899)
    cache = await filled(machine, 10)
    machine.clock.advance(1.0)
    await cache.put(entry("new"))
    assert cache.stats().evicted == 0
    assert cache.stats().entries == 11


async def test_scarce_memory_and_an_empty_cache_are_no_failure() -> None:
    machine = Machine(used=1.0)
    cache = machine.cache()
    machine.clock.advance(1.0)
    await cache.put(entry("a"))
    assert cache.stats().entries == 1


async def test_one_put_throws_only_a_few_expired_entries_away_and_many_puts_all_of_them() -> None:
    machine = Machine()
    cache = await filled(machine, 10 * EXPIRED_PER_PUT, ttl_s=5.0)
    machine.clock.advance(7.0)
    await cache.put(entry("a"))
    assert cache.stats().entries == 9 * EXPIRED_PER_PUT + 1
    for number in range(9):
        await cache.put(entry(f"b{number}"))
    assert cache.stats().entries == 10
    assert cache.stats().evicted == 0


async def test_an_expired_entry_that_lies_there_still_is_not_given_out() -> None:
    machine = Machine()
    cache = await filled(machine, 2 * EXPIRED_PER_PUT, ttl_s=5.0)
    machine.clock.advance(7.0)
    await cache.put(entry("a"))
    assert [key for key in map(str, range(2 * EXPIRED_PER_PUT)) if await cache.get(key)] == []


async def test_other_work_has_its_turn_while_many_entries_are_thrown_away() -> None:
    machine = Machine()
    cache = await filled(machine, 3 * TURN_EVERY)
    machine.clock.sleeps.clear()
    assert await cache.invalidate(tag="g") == 3 * TURN_EVERY
    assert machine.clock.sleeps == [0.0] * 3
    machine.used = 1.0
    cache = await filled(machine, 4 * TURN_EVERY)
    machine.clock.sleeps.clear()
    machine.clock.advance(1.0)
    await cache.put(entry("a"))
    assert machine.clock.sleeps == [0.0] * 2
    assert cache.stats().entries == 2 * TURN_EVERY + 1


async def test_the_size_counts_what_an_entry_takes_besides_its_value() -> None:
    cache = await filled(Machine(), 7, value="x" * 1_000)
    assert 7 * (OVERHEAD_BYTES + 1_000) < cache.stats().size_bytes < 7 * (OVERHEAD_BYTES + 1_100)


async def test_an_entry_may_take_an_eighth_of_the_cache_and_no_more() -> None:
    cache = Machine().cache(80_000)
    await cache.put(entry("fits", "x" * (10_000 - OVERHEAD_BYTES - 100)))
    await cache.put(entry("too large", "x" * (10_000 - OVERHEAD_BYTES)))
    assert await cache.get("fits") is not None
    assert await cache.get("too large") is None


class Gone:
    """A value whose class cannot be found when it is to be made again."""

    def __reduce__(self) -> Any:
        return (_gone, ())


def _gone() -> Any:
    raise ModuleNotFoundError("_toolcrib.r_1a2b3c4d")


async def test_a_value_that_cannot_be_made_again_is_a_miss_and_leaves() -> None:
    cache = Machine().cache()
    await cache.put(entry("a", Gone()))
    assert cache.stats().entries == 1
    assert await cache.get("a") is None
    assert cache.stats().entries == 0
