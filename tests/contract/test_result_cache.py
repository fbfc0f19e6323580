"""What every `ResultCache` does."""

from typing import Any

import pytest

from tests.contract.conftest import CacheUnderTest
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.stores.results import CacheEntry

pytestmark = pytest.mark.anyio


def entry(
    key: str, value: Any = "v", *, tool: str = "t", tenant: str = "", tags: tuple[str, ...] = (), ttl_s: float = 60.0
) -> CacheEntry:
    result = ToolResult(ok=True, value=value, tool=tool, duration_s=0.5, call_id="c", release="r")
    return CacheEntry(key=key, result=result, ttl_s=ttl_s, tool=tool, tenant=tenant, tags=tags)


async def held(at: CacheUnderTest, *keys: str) -> list[str]:
    return [key for key in keys if await at.cache.get(key) is not None]


async def test_a_result_comes_back_whole_under_its_key_and_no_other(at: CacheUnderTest) -> None:
    kept = entry("a", {"rows": [1, (2, 3)]})
    await at.cache.put(kept)
    assert await at.cache.get("a") == kept.result
    assert await at.cache.get("b") is None


async def test_a_failure_is_a_result_too(at: CacheUnderTest) -> None:
    failure = ToolResult(ok=False, error=ErrorInfo(code="tool_error", message="No.", hint="Why?"))
    await at.cache.put(entry("a")._replace(result=failure))
    assert await at.cache.get("a") == failure


async def test_the_later_result_of_a_key_replaces_the_earlier(at: CacheUnderTest) -> None:
    await at.cache.put(entry("a", 1, tags=("old",)))
    await at.cache.put(entry("a", 2, tags=("new",)))
    result = await at.cache.get("a")
    assert result is not None
    assert result.value == 2
    assert at.cache.stats().entries == 1
    assert await at.cache.invalidate(tag="old") == 0
    assert await at.cache.invalidate(tag="new") == 1


async def test_a_result_is_given_out_until_its_time_is_over(at: CacheUnderTest) -> None:
    await at.cache.put(entry("short", ttl_s=10.0))
    await at.cache.put(entry("long", ttl_s=20.0))
    at.clock.advance(9.9)
    assert await held(at, "short", "long") == ["short", "long"]
    at.clock.advance(0.1)
    assert await held(at, "short", "long") == ["long"]
    at.clock.advance(10.0)
    assert await held(at, "short", "long") == []
    assert at.cache.stats().entries == 0


async def test_looking_at_a_result_does_not_prolong_its_time(at: CacheUnderTest) -> None:
    await at.cache.put(entry("a", ttl_s=10.0))
    for _ in range(3):
        at.clock.advance(4.0)
        last = await held(at, "a")
    assert last == []


async def test_nobody_can_change_what_the_next_one_gets(at: CacheUnderTest) -> None:
    value = {"rows": [{"n": 1}]}
    await at.cache.put(entry("a", value))
    value["rows"].clear()
    for _ in range(2):
        result = await at.cache.get("a")
        assert result is not None
        assert result.value == {"rows": [{"n": 1}]}
        result.value["rows"][0]["n"] = 2


@pytest.mark.parametrize(
    ("asked", "gone"),
    [
        ({"tool": "x"}, "ab"),
        ({"tenant": "A"}, "ac"),
        ({"tag": "hot"}, "ad"),
        ({"tool": "x", "tenant": "A"}, "a"),
        ({"tool": "x", "tag": "cold"}, "ab"),
        ({"tool": "y", "tenant": "A", "tag": "hot"}, ""),
        ({"tool": "nobody"}, ""),
        ({"tag": "x"}, ""),
        ({}, "abcd"),
    ],
)
async def test_what_fits_all_that_is_given_is_thrown_away(at: CacheUnderTest, asked: Any, gone: str) -> None:
    await at.cache.put(entry("a", tool="x", tenant="A", tags=("hot", "cold", "hot")))
    await at.cache.put(entry("b", tool="x", tenant="B", tags=("cold",)))
    await at.cache.put(entry("c", tool="y", tenant="A"))
    await at.cache.put(entry("d", tool="y", tenant="B", tags=("hot",)))
    assert await at.cache.invalidate(**asked) == len(gone)
    assert await held(at, *"abcd") == [key for key in "abcd" if key not in gone]
    assert await at.cache.invalidate(**asked) == 0


async def test_what_is_over_is_not_counted_as_thrown_away(at: CacheUnderTest) -> None:
    await at.cache.put(entry("a", ttl_s=1.0))
    await at.cache.put(entry("b", ttl_s=9.0))
    at.clock.advance(5.0)
    assert await at.cache.invalidate(tool="t") == 1


async def test_work_that_began_before_an_invalidation_is_not_kept(at: CacheUnderTest) -> None:
    began = at.clock.monotonic()
    at.clock.advance(1.0)
    await at.cache.put(entry("a"))
    await at.cache.invalidate(tool="other")
    await at.cache.put(entry("a")._replace(began=began))
    await at.cache.put(entry("b")._replace(began=began))
    await at.cache.put(entry("no-time"))
    at.clock.advance(1.0)
    await at.cache.put(entry("c")._replace(began=at.clock.monotonic()))
    assert await held(at, "a", "b", "no-time", "c") == ["no-time", "c"]


async def test_the_least_recently_used_gives_way(at: CacheUnderTest) -> None:
    each = at.max_bytes // 10
    for key in "abcdefg":
        await at.cache.put(entry(key, "x" * each, tags=("all",)))
    await at.cache.get("a")
    for key in "hijk":
        await at.cache.put(entry(key, "x" * each))
    left = await held(at, *"abcdefghijk")
    assert left[0] == "a"
    assert left[1:] == list("abcdefghijk")[-len(left) + 1 :]
    stats = at.cache.stats()
    assert stats.evicted == 11 - len(left) > 0
    assert stats.entries == len(left)
    assert stats.size_bytes <= at.max_bytes
    assert await at.cache.invalidate(tag="all") == len([key for key in left if key in "abcdefg"])


@pytest.mark.parametrize("value", ["x" * 100_000, b"x" * 100_000, ["x" * 100_000], (n for n in "ab"), lambda: 1])
async def test_what_is_too_large_or_cannot_be_copied_is_not_kept(at: CacheUnderTest, value: Any) -> None:
    await at.cache.put(entry("small"))
    await at.cache.put(entry("a", "before"))
    await at.cache.put(entry("a", value))
    assert await held(at, "small", "a") == ["small"]
    assert at.cache.stats().evicted == 0


async def test_it_counts_hits_and_misses(at: CacheUnderTest) -> None:
    await at.cache.put(entry("a", ttl_s=5.0))
    assert await held(at, "a", "a", "b") == ["a", "a"]
    at.clock.advance(6.0)
    assert await held(at, "a") == []
    stats = at.cache.stats()
    assert (stats.hits, stats.misses, stats.entries, stats.size_bytes) == (2, 2, 0, 0)
