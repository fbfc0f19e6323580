"""The result cache: what is kept of a call, and the port of its store."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from toolcrib.core.results import ToolResult


class CacheEntry(NamedTuple):
    """A result to keep: under which key, for how long, and by what it can be thrown away.

    Attributes:
        began: reading of `Clock.monotonic` when the work for it began; what began before an invalidation may rest on
            old data and is not kept. None when that cannot be.
        digest: of the tool's code.
    """

    key: str
    result: ToolResult
    ttl_s: float
    tool: str
    tenant: str = ""
    tags: tuple[str, ...] = ()
    began: float | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStats:
    """Counts of a result cache since it was made; `entries` and `size_bytes` are what it holds now."""

    hits: int = 0
    misses: int = 0
    evicted: int = 0
    entries: int = 0
    size_bytes: int = 0


class ResultCache(Protocol):
    """Results that may be given out again. What is done to a value that was put in or given out changes no other."""

    async def get(self, key: str) -> ToolResult | None:
        """The result, unless its time is over."""

    async def put(self, entry: CacheEntry) -> None:
        """Keep a result; one too large for the cache, or of which no copy can be made, is not kept."""

    async def invalidate(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """Throw away the entries that fit all that is given (all entries when nothing is); how many there were."""

    async def forget(self, digests: Collection[str]) -> int:
        """Throw away what tools with these digests returned, for nobody can ask for it; how many entries that were."""

    def stats(self) -> CacheStats:
        """What it did so far."""
