"""The error store in memory: the same behaviour as on SQL, gone with the process."""

from collections import deque
from collections.abc import Sequence

from toolcrib.core.stores.history import KEPT, MAX_PAIRS, ErrorRecord


class MemoryErrorStore:
    """`ErrorStore` in memory."""

    def __init__(self, *, kept: int = KEPT, pairs: int = MAX_PAIRS) -> None:
        self._kept = kept
        self._pairs = pairs
        self._errors: dict[tuple[str, str], deque[ErrorRecord]] = {}  # the pair that failed last is the last

    async def add(self, records: Sequence[ErrorRecord]) -> None:
        """See `ErrorStore.add`."""
        for record in records:
            pair = record.tool, record.tenant
            mine = self._errors.pop(pair, deque[ErrorRecord](maxlen=self._kept))
            mine.append(record)
            self._errors[pair] = mine
        while len(self._errors) > self._pairs:
            del self._errors[next(iter(self._errors))]

    async def newest(self, tool: str, *, tenant: str | None = None, limit: int = KEPT) -> Sequence[ErrorRecord]:
        """See `ErrorStore.newest`."""
        pairs = [pair for pair in self._errors if pair[0] == tool and tenant in (None, pair[1])]
        found = [record for pair in pairs for record in reversed(self._errors[pair])]
        return sorted(found, key=lambda record: record.at, reverse=True)[:limit]
