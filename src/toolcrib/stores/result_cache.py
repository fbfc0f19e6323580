"""`ResultCache` in memory: the least recently used give way to a bound of bytes, and to a machine short of memory."""

import heapq
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from toolcrib.core.ports import CacheEntry, CacheStats, Clock
from toolcrib.core.results import ToolResult
from toolcrib.core.wire.snapshots import Snapshot

# What an entry takes besides its value: result, key, labels, places in the order of use. Measured with tracemalloc.
OVERHEAD_BYTES = 1_000
LARGEST_SHARE = 8
"""An entry may take this part of the cache at most."""
SCARCE = 0.9
LOOK_EVERY_S = 1.0
EXPIRED_PER_PUT = 16
"""One put throws away so many expired entries at most: a hundred thousand at once would stop the loop for 0.2 s."""
TURN_EVERY = 1_000

Label = tuple[str, str]


class _Kept(NamedTuple):
    """An entry as it lies in the cache; the result's own value stands only where nobody can change it."""

    result: ToolResult
    value: Snapshot
    until: float
    labels: tuple[Label, ...]
    size_bytes: int

    @property
    def second(self) -> int:
        """The whole second after which it is expired."""
        return int(self.until) + 1


class MemoryResultCache:
    """Results in memory, bounded by bytes.

    Looking an entry up costs the same however many there are, and so does keeping one: expired entries are found by the
    second in which their time is over, a few at a time; one that lies there still is not given out and gives way like
    any other.
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
        self._largest = max_bytes // LARGEST_SHARE
        self._entries = _Order(max_bytes)
        self._hits = self._misses = 0
        self._looked_at = clock.monotonic()
        self._invalidated_at = float("-inf")

    async def get(self, key: str) -> ToolResult | None:
        """See `ResultCache.get`."""
        kept = self._entries.use(key)
        if kept is not None and kept.until > self._clock.monotonic():
            try:
                result = replace(kept.result, value=kept.value.value()) if kept.value.is_pickle else kept.result
            except Exception:  # noqa: BLE001 - outer guard: the value's class went with its release
                kept = None
            else:
                self._hits += 1
                return result
        self._misses += 1
        self._entries.remove(key)
        return None

    async def put(self, entry: CacheEntry) -> None:
        """See `ResultCache.put`."""
        now = self._clock.monotonic()
        self._entries.expire(now, EXPIRED_PER_PUT)
        await self._give_way(now)
        self._entries.remove(entry.key)
        if entry.began is not None and entry.began <= self._invalidated_at:
            return
        value = Snapshot.of(entry.result.value, limit_bytes=self._largest)
        if value is None:
            return
        size = value.size_bytes + OVERHEAD_BYTES
        if size <= self._largest:
            bare = replace(entry.result, value=None) if value.is_pickle else entry.result
            self._entries.add(entry.key, _Kept(bare, value, now + entry.ttl_s, _labels(entry), size))

    async def invalidate(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """See `ResultCache.invalidate`. Other work has its turn in between."""
        now = self._invalidated_at = self._clock.monotonic()
        wanted = [(kind, name) for kind, name in (("tool", tool), ("tenant", tenant), ("tag", tag)) if name]
        count = 0
        for number, key in enumerate(self._entries.keys_of(wanted), start=1):
            kept = self._entries.remove(key)
            count += kept is not None and kept.until > now
            if not number % TURN_EVERY:
                await self._clock.sleep(0)
        return count

    def stats(self) -> CacheStats:
        """See `ResultCache.stats`."""
        entries = self._entries
        return CacheStats(
            hits=self._hits,
            misses=self._misses,
            evicted=entries.evicted,
            entries=len(entries),
            size_bytes=entries.size_bytes,
        )

    async def _give_way(self, now: float) -> None:
        """Drop the least recently used half when memory is scarce; looked at once a second at most."""
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        if self._memory_used() >= SCARCE:
            for number in range((len(self._entries) + 1) // 2):
                if self._entries:
                    self._entries.evict()
                if number % TURN_EVERY == TURN_EVERY - 1:
                    await self._clock.sleep(0)


class _Order:
    """Entries in the order of their use; whichever way one goes, its labels and its second go with it.

    Attributes:
        size_bytes: what all entries together take.
        evicted: how many had to give way.
    """

    def __init__(self, max_bytes: int) -> None:
        self.size_bytes = 0
        self.evicted = 0
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._by_label: defaultdict[Label, dict[str, None]] = defaultdict(dict)
        self._by_second: dict[int, dict[str, None]] = {}
        self._seconds: list[int] = []

    def __len__(self) -> int:
        return len(self._entries)

    def use(self, key: str) -> _Kept | None:
        """The entry, which is now the one used last."""
        kept = self._entries.get(key)
        if kept is not None:
            self._entries.move_to_end(key)
        return kept

    def add(self, key: str, kept: _Kept) -> None:
        """Put an entry in under a new key; the least recently used give way to it."""
        self._entries[key] = kept
        self.size_bytes += kept.size_bytes
        for label in kept.labels:
            self._by_label[label][key] = None
        if kept.second not in self._by_second:
            self._by_second[kept.second] = {}
            heapq.heappush(self._seconds, kept.second)
        self._by_second[kept.second][key] = None
        while self.size_bytes > self._max_bytes:
            self.evict()

    def remove(self, key: str) -> _Kept | None:
        """Take an entry out, if it is there."""
        kept = self._entries.pop(key, None)
        if kept is None:
            return None
        self.size_bytes -= kept.size_bytes
        for label in kept.labels:
            labelled = self._by_label[label]
            del labelled[key]
            if not labelled:
                del self._by_label[label]
        del self._by_second[kept.second][key]  # an empty second stays until it is over: there are few
        return kept

    def evict(self) -> None:
        """Take out the least recently used entry."""
        self.evicted += 1
        self.remove(next(iter(self._entries)))

    def expire(self, now: float, limit: int) -> None:
        """Throw away some of the entries whose second is over."""
        while self._seconds and self._seconds[0] <= now:
            due = self._by_second[self._seconds[0]]
            while due and limit:
                self.remove(next(iter(due)))
                limit -= 1
            if due:
                return
            del self._by_second[heapq.heappop(self._seconds)]

    def keys_of(self, labels: Iterable[Label]) -> list[str]:
        """The keys of the entries that have all of these labels."""
        found = sorted((self._by_label.get(label, {}) for label in labels), key=len)
        if not found:
            return list(self._entries)
        return [key for key in found[0] if all(key in other for other in found[1:])]


def _labels(entry: CacheEntry) -> tuple[Label, ...]:
    return (("tool", entry.tool), ("tenant", entry.tenant), *(("tag", tag) for tag in dict.fromkeys(entry.tags)))
