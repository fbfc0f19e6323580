"""The artifact store on SQL."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from toolcrib.core.ports import Clock
from toolcrib.core.stores.artifacts import ArtifactPiece, no_artifact
from toolcrib.stores.artifact_texts import Bounds, chunked, chunks_of, piece_of
from toolcrib.stores.sql.database import whole
from toolcrib.stores.sql.schema import artifact_texts, artifacts

BATCH = 8
"""So many chunks are one transaction: nobody waits long for the database, however large the text is."""
SOME = 20


class SqlArtifactStore:
    """`ArtifactStore` on a SQL database, with the tables in `schema.large`."""

    def __init__(self, engine: AsyncEngine, *, bounds: Bounds, clock: Clock, new_handle: Callable[[], str]) -> None:
        self._engine = engine
        self._bounds = bounds
        self._clock = clock
        self._new_handle = new_handle

    async def put(self, pieces: Sequence[str], *, tenant: str = "") -> str | None:
        """See `ArtifactStore.put`; until it is whole nobody can read it."""
        chunks = await chunked(pieces)
        size = sum(map(len, chunks))
        if size > self._bounds.max_bytes:
            return None
        handle = self._new_handle()
        row = {
            "handle": handle,
            "tenant": tenant,
            "total_chars": sum(map(len, pieces)),
            "size_bytes": size,
            "expires_at": self._clock.now() + self._bounds.ttl_s,
        }
        try:
            for first in range(0, len(chunks), BATCH):
                row["is_whole"] = first + BATCH >= len(chunks)
                if not await self._write(row, first, chunks[first : first + BATCH]):
                    return None
        except BaseException:
            with suppress(SQLAlchemyError):  # what cannot be deleted now expires; the cancellation must not be lost
                await self._drop(handle)
            raise
        return handle

    @whole
    async def read(self, handle: str, *, tenant: str = "", offset: int = 0, limit: int = 20_000) -> ArtifactPiece:
        """See `ArtifactStore.read`."""
        text = artifact_texts.c
        async with self._engine.connect() as db:
            head = (await db.execute(select(artifacts).where(self._mine(handle, tenant)))).first()
            if head is None:
                raise no_artifact(handle)
            wanted = chunks_of(offset, limit, head.total_chars)
            inside = (text.handle == handle) & (text.number >= wanted.start) & (text.number < wanted.stop)
            chunks = (await db.scalars(select(text.data).where(inside).order_by(text.number))).all()
        if len(chunks) != len(wanted):  # it gave way just now
            raise no_artifact(handle)
        return piece_of(chunks, offset=offset, limit=limit, total_chars=head.total_chars, size_bytes=head.size_bytes)

    @whole
    async def renew(self, handle: str, *, tenant: str = "") -> bool:
        """See `ArtifactStore.renew`."""
        until = self._clock.now() + self._bounds.ttl_s
        async with self._engine.begin() as db:
            done = await db.execute(update(artifacts).where(self._mine(handle, tenant)).values(expires_at=until))
            return done.rowcount == 1

    @whole
    async def sweep(self) -> int:
        """See `ArtifactStore.sweep`."""
        over = artifacts.c.expires_at <= self._clock.now()
        count = 0
        while True:
            async with self._engine.connect() as db:
                gone = (await db.scalars(select(artifacts.c.handle).where(over).limit(SOME))).all()
            if not gone:
                return count
            async with self._engine.begin() as db:
                count += await _delete(db, gone)

    @whole
    async def _write(self, row: dict[str, Any], first: int, chunks: Sequence[bytes]) -> bool:
        """Write some chunks, the first ones with the artifact itself; False when it had to give way meanwhile."""
        handle = row["handle"]
        async with self._engine.begin() as db:
            if first == 0:
                await db.execute(insert(artifacts).values(**row))  # from here on nobody else writes: the sum holds
                await self._make_room(db, handle)
            else:
                mine = update(artifacts).where(artifacts.c.handle == handle)
                if (await db.execute(mine.values(is_whole=row["is_whole"]))).rowcount != 1:
                    return False
            rows = [{"handle": handle, "number": first + n, "data": data} for n, data in enumerate(chunks)]
            await db.execute(insert(artifact_texts), rows)
        return True

    async def _make_room(self, db: AsyncConnection, handle: str) -> None:
        """Delete the oldest others until all that are left fit."""
        excess = (await db.scalar(select(func.sum(artifacts.c.size_bytes))) or 0) - self._bounds.max_bytes
        others = select(artifacts).where(artifacts.c.handle != handle)
        oldest = others.order_by(artifacts.c.expires_at, artifacts.c.handle).limit(SOME)
        while excess > 0:
            gone = []
            for row in await db.execute(oldest):
                if excess > 0:
                    excess -= row.size_bytes
                    gone.append(row.handle)
            await _delete(db, gone)

    @whole
    async def _drop(self, handle: str) -> None:
        async with self._engine.begin() as db:
            await _delete(db, [handle])

    def _mine(self, handle: str, tenant: str) -> ColumnElement[bool]:
        """Which row is meant, if it may be read; what cannot be a handle is not put to the database."""
        known = handle if handle.isascii() else ""
        mine = (artifacts.c.handle == known) & (artifacts.c.tenant == tenant) & artifacts.c.is_whole
        return mine & (artifacts.c.expires_at > self._clock.now())


async def _delete(db: AsyncConnection, handles: Collection[str]) -> int:
    await db.execute(delete(artifact_texts).where(artifact_texts.c.handle.in_(handles)))
    return (await db.execute(delete(artifacts).where(artifacts.c.handle.in_(handles)))).rowcount
