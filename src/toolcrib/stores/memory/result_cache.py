"""`ResultCache` in memory: the least recently used give way to a bound of bytes, and to a machine short of memory."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import NamedTuple

from toolcrib.core.ports import Clock
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.results import CacheEntry, CacheStats
from toolcrib.core.wire.snapshots import Snapshot

# What an entry takes besides its value: result, key, place in the order of use. Measured with tracemalloc.
OVERHEAD_BYTES = 700
LARGEST_SHARE = 8
"""An entry may take this part of the cache at most."""
SCARCE = 0.9
LOOK_EVERY_S = 1.0
EXPIRED_PER_PUT = 16
"""One put throws away so many expired entries at most: a hundred thousand at once would stop the loop for 0.2 s."""
TURN_EVERY = 1_000


class _Kept(NamedTuple):
    """An entry as it lies in the cache; its result holds its own value only where nobody can change it."""

    entry: CacheEntry
    value: Snapshot
    until: float
    size_bytes: int


class MemoryResultCache:
    """Results in memory, bounded by bytes.

    Looking an entry up costs the same however many there are, and so does keeping one. Expired entries are thrown away
    from the end of the least recently used, a few with each new one; those behind a living one are not given out and
    give way like any other.
    """

    def __init__(self, *, max_bytes: int, clock: Clock, memory_used: Callable[[], float]) -> None:
        """An empty cache.

        Args:
            max_bytes: what all entries together may take.
            clock: whose monotonic seconds the entries live by.
            memory_used: the part of the memory this process may use that is in use, 0 to 1.
        """
        self._clock = clock
        self._memory_used = memory_used
        self._max_bytes = max_bytes
        self._largest = max_bytes // LARGEST_SHARE
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._size_bytes = 0
        self._hits = self._misses = self._evicted = 0
        self._looked_at = clock.monotonic()
        self._invalidated_at = float("-inf")

    async def get(self, key: str) -> ToolResult | None:
        """See `ResultCache.get`."""
        kept = self._entries.get(key)
        if kept is None:
            self._misses += 1
            return None
        if kept.until > self._clock.monotonic():
            try:
                result = kept.entry.result
                if kept.value.is_pickle:
                    result = replace(result, value=kept.value.value())
            except Exception:  # noqa: BLE001 - outer guard: the value's class went with its release: a miss
                pass
            else:
                self._entries.move_to_end(key)
                self._hits += 1
                return result
        self._misses += 1
        self._remove(key)
        return None

    async def put(self, entry: CacheEntry) -> None:
        """See `ResultCache.put`."""
        now = self._clock.monotonic()
        self._expire(now)
        if now - self._looked_at >= LOOK_EVERY_S:
            await self._give_way(now)
        self._remove(entry.key)
        if entry.began is not None and entry.began <= self._invalidated_at:
            return
        value = Snapshot.of(entry.result.value, limit_bytes=self._largest)
        if value is None:
            return
        size = value.size_bytes + OVERHEAD_BYTES
        if size <= self._largest:
            if value.is_pickle:
                entry = entry._replace(result=replace(entry.result, value=None))
            self._entries[entry.key] = _Kept(entry, value, now + entry.ttl_s, size)
            self._size_bytes += size
            while self._size_bytes > self._max_bytes:
                self._evict()

    async def invalidate(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """See `ResultCache.invalidate`. Looks at every entry; other work has its turn in between."""
        now = self._invalidated_at = self._clock.monotonic()
        count = 0
        for number, (key, kept) in enumerate(list(self._entries.items()), start=1):
            one = kept.entry
            fits = one.tool == (tool or one.tool) and one.tenant == (tenant or one.tenant)
            if fits and (not tag or tag in one.tags) and self._entries.get(key) is kept:
                self._remove(key)
                count += kept.until > now
            if not number % TURN_EVERY:
                await self._clock.sleep(0)
        return count

    async def forget(self, digests: Collection[str]) -> int:
        """See `ResultCache.forget`. Looks at every entry, as `invalidate` does."""
        count = 0
        for number, (key, kept) in enumerate(list(self._entries.items()), start=1):
            if kept.entry.digest in digests and self._entries.get(key) is kept:
                self._remove(key)
                count += 1
            if not number % TURN_EVERY:
                await self._clock.sleep(0)
        return count

    def stats(self) -> CacheStats:
        """See `ResultCache.stats`."""
        return CacheStats(
            hits=self._hits,
            misses=self._misses,
            evicted=self._evicted,
            entries=len(self._entries),
            size_bytes=self._size_bytes,
        )

    async def _give_way(self, now: float) -> None:
        """Drop the least recently used half when memory is scarce; looked at once a second at most."""
        self._looked_at = now
        if self._memory_used() >= SCARCE:
            for number in range((len(self._entries) + 1) // 2):
                if self._entries:
                    self._evict()
                if number % TURN_EVERY == TURN_EVERY - 1:
                    await self._clock.sleep(0)

    def _remove(self, key: str) -> None:
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._size_bytes -= kept.size_bytes

    def _evict(self) -> None:
        """Take out the least recently used entry."""
        self._size_bytes -= self._entries.popitem(last=False)[1].size_bytes
        self._evicted += 1

    def _expire(self, now: float) -> None:
        """Throw away some of the expired entries at the end of the least recently used."""
        for _ in range(EXPIRED_PER_PUT):
            if not self._entries:
                return
            oldest = next(iter(self._entries))
            if self._entries[oldest].until > now:
                return
            self._remove(oldest)
