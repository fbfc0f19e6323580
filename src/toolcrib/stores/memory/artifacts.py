"""The artifact store in memory: the same behaviour as on SQL, gone with the process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from toolcrib.core.ports import Clock
from toolcrib.core.stores.artifacts import ArtifactPiece, no_artifact
from toolcrib.stores.artifact_texts import Bounds, chunked, chunks_of, piece_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """An artifact; `until` is Unix time."""

    tenant: str
    chunks: Sequence[bytes]
    total_chars: int
    size_bytes: int
    until: float


class MemoryArtifactStore:
    """`ArtifactStore` in memory."""

    def __init__(self, *, bounds: Bounds, clock: Clock, new_handle: Callable[[], str]) -> None:
        self._bounds = bounds
        self._clock = clock
        self._new_handle = new_handle
        self._kept: dict[str, _Kept] = {}  # the one whose time is over first stands first

    async def put(self, pieces: Sequence[str], *, tenant: str = "") -> str | None:
        """See `ArtifactStore.put`."""
        chunks = await chunked(pieces)
        size = sum(map(len, chunks))
        if size > self._bounds.max_bytes:
            return None
        self._give_way(size)
        handle, until = self._new_handle(), self._clock.now() + self._bounds.ttl_s
        total = sum(map(len, pieces))
        self._kept[handle] = _Kept(tenant=tenant, chunks=chunks, total_chars=total, size_bytes=size, until=until)
        return handle

    async def read(self, handle: str, *, tenant: str = "", offset: int = 0, limit: int = 20_000) -> ArtifactPiece:
        """See `ArtifactStore.read`."""
        kept = self._find(handle, tenant)
        if kept is None:
            raise no_artifact(handle)
        wanted = chunks_of(offset, limit, kept.total_chars)
        return piece_of(
            kept.chunks[wanted.start : wanted.stop],
            offset=offset,
            limit=limit,
            total_chars=kept.total_chars,
            size_bytes=kept.size_bytes,
        )

    async def renew(self, handle: str, *, tenant: str = "") -> bool:
        """See `ArtifactStore.renew`."""
        kept = self._find(handle, tenant)
        if kept is None:
            return False
        del self._kept[handle]
        self._kept[handle] = replace(kept, until=self._clock.now() + self._bounds.ttl_s)
        return True

    async def sweep(self) -> int:
        """See `ArtifactStore.sweep`."""
        now = self._clock.now()
        over = [handle for handle, kept in self._kept.items() if kept.until <= now]
        for handle in over:
            del self._kept[handle]
        return len(over)

    def _find(self, handle: str, tenant: str) -> _Kept | None:
        kept = self._kept.get(handle)
        return kept if kept and kept.tenant == tenant and kept.until > self._clock.now() else None

    def _give_way(self, size: int) -> None:
        """Make room for so many bytes."""
        held = sum(kept.size_bytes for kept in self._kept.values())
        while held + size > self._bounds.max_bytes:
            held -= self._kept.pop(next(iter(self._kept))).size_bytes
