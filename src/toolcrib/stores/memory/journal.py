"""The call journal in memory."""

from collections.abc import Sequence
from dataclasses import replace

from toolcrib.core.ports import JournalEntry
from toolcrib.core.results import ToolResult


class MemoryJournal:
    """`CallJournal` in memory."""

    def __init__(self) -> None:
        self._entries: dict[str, JournalEntry] = {}

    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        """See `CallJournal.begin`."""
        known = self._entries.get(entry.key)
        if known is None:
            self._entries[entry.key] = replace(entry, result=None)
        return known

    async def finish(self, key: str, result: ToolResult) -> None:
        """See `CallJournal.finish`."""
        if entry := self._entries.get(key):
            self._entries[key] = replace(entry, result=ToolResult.from_dict(result.to_dict()))

    async def leave(self, key: str) -> None:
        """See `CallJournal.leave`."""
        if entry := self._entries.get(key):
            self._entries[key] = replace(entry, process="")

    async def forget(self, key: str) -> None:
        """See `CallJournal.forget`."""
        self._entries.pop(key, None)

    async def find(self, key: str) -> JournalEntry | None:
        """See `CallJournal.find`."""
        return self._entries.get(key)

    async def in_doubt(self, limit: int = 100) -> Sequence[JournalEntry]:
        """See `CallJournal.in_doubt`."""
        open_ones = (entry for entry in self._entries.values() if entry.result is None)
        return sorted(open_ones, key=lambda entry: entry.began_at)[:limit]

    async def sweep(self, *, before: float) -> int:
        """See `CallJournal.sweep`."""
        old = [key for key, entry in self._entries.items() if entry.result is not None and entry.began_at < before]
        for key in old:
            del self._entries[key]
        return len(old)
