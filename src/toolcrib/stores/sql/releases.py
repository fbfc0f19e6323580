"""The release store on SQL."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import Conflict, GenerationConflict, ReleaseNotFound
from toolcrib.core.ports import NO_MOVES, StoredRelease
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import (
    MOVES,
    Canary,
    Change,
    Channel,
    ColdChange,
    Deployment,
    Manifest,
    ReleaseState,
    Revision,
    repointed,
)
from toolcrib.stores.release_moves import was_collected
from toolcrib.stores.sql.database import add_new, whole
from toolcrib.stores.sql.schema import blobs, channels, deployments, releases, shapes

CHANNEL = "default"
CHUNK = 500
FAST = 1
"""zlib's quickest level: shapes repeat themselves, and a deployment waits for them."""


class SqlReleaseStore:
    """`ReleaseStore` on a SQL database: every method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @whole
    async def put(
        self,
        manifest: Manifest,
        contents: Mapping[str, bytes],
        *,
        at: float,
        state: ReleaseState = "staged",
        shape: Shape | None = None,
    ) -> None:
        """See `ReleaseStore.put`."""
        packed = None if shape is None else zlib.compress(shape.to_json().encode(), FAST)
        mine = releases.c.digest == manifest.digest
        async with self._engine.begin() as db:
            # A write comes first: from there on nobody else writes, and no file that is known is removed meanwhile.
            again = update(releases).where(mine, releases.c.state == "collected").values(state=state, at=at)
            came_back = (await db.execute(again)).rowcount == 1
            if packed is not None:
                await add_new(db, shapes, [{"digest": manifest.digest, "data": packed}])
            if not came_back and await db.scalar(select(releases.c.digest).where(mine)):
                return
            wanted = {digest: contents[path] for path, digest in manifest.files.items()}
            known = set((await db.scalars(select(blobs.c.digest).where(blobs.c.digest.in_(wanted)))).all())
            fresh = [{"digest": digest, "data": data} for digest, data in wanted.items() if digest not in known]
            await add_new(db, blobs, fresh)
            text = orjson.dumps(dict(manifest.files)).decode()
            await add_new(db, releases, [{"digest": manifest.digest, "manifest": text, "state": state, "at": at}])

    @whole
    async def collect(self, digest: str) -> int:
        """See `ReleaseStore.collect`."""
        async with self._engine.begin() as db:
            await _move(db, digest, "collected")
            mine = await db.scalar(select(releases.c.manifest).where(releases.c.digest == digest))
            living = await db.scalars(select(releases.c.manifest).where(releases.c.state != "collected"))
            needed = {blob for text in living for blob in orjson.loads(text).values()}
            doomed = sorted(set(orjson.loads(mine or "{}").values()) - needed)
            freed = 0
            for start in range(0, len(doomed), CHUNK):
                these = blobs.c.digest.in_(doomed[start : start + CHUNK])
                freed += await db.scalar(select(func.sum(func.length(blobs.c.data))).where(these)) or 0
                await db.execute(delete(blobs).where(these))
            await db.execute(delete(shapes).where(shapes.c.digest == digest))
        return freed

    @whole
    async def shape(self, digest: str) -> Shape | None:
        """See `ReleaseStore.shape`."""
        async with self._engine.connect() as db:
            known = (await self._one(db, digest)).manifest.digest
            data = await db.scalar(select(shapes.c.data).where(shapes.c.digest == known))
        return None if data is None else Shape.from_json(zlib.decompress(data))

    @whole
    async def contents(self, digest: str) -> Mapping[str, bytes]:
        """See `ReleaseStore.contents`."""
        async with self._engine.connect() as db:
            stored = await self._one(db, digest)
            if stored.state == "collected":
                raise was_collected(stored.manifest.release)
            files = stored.manifest.files
            query = select(blobs).where(blobs.c.digest.in_(set(files.values())))
            data = {row.digest: row.data for row in await db.execute(query)}
        return {path: data[blob] for path, blob in files.items()}

    @whole
    async def find(self, id_or_digest: str) -> StoredRelease:
        """See `ReleaseStore.find`."""
        async with self._engine.connect() as db:
            return await self._one(db, id_or_digest)

    @whole
    async def releases(self) -> Sequence[StoredRelease]:
        """See `ReleaseStore.releases`."""
        async with self._engine.connect() as db:
            rows = await db.execute(select(releases).order_by(releases.c.at.desc()))
            return [_stored(row) for row in rows]

    @whole
    async def move(self, digest: str, state: ReleaseState) -> None:
        """See `ReleaseStore.move`."""
        async with self._engine.begin() as db:
            await _move(db, digest, state)

    @whole
    async def channel(self) -> Channel:
        """See `ReleaseStore.channel`."""
        async with self._engine.connect() as db:
            return await _channel(db)

    @whole
    async def point(self, channel: Channel, *, deployment: Deployment | None = None) -> Channel:
        """See `ReleaseStore.point`."""
        async with self._engine.begin() as db:
            before = await _channel(db)
            await _write_channel(db, channel)
            for digest, state in repointed(before, channel).items():
                await _move(db, digest, state)
            if deployment is not None:
                await _append(db, deployment)
            return channel

    @whole
    async def saw_tree(self, digest: str) -> None:
        """See `ReleaseStore.saw_tree`."""
        async with self._engine.begin() as db:
            await _see_tree(db, digest)

    @whole
    async def record(
        self, deployment: Deployment, *, seen_tree: str = "", moves: Mapping[str, ReleaseState] = NO_MOVES
    ) -> None:
        """See `ReleaseStore.record`."""
        async with self._engine.begin() as db:
            for digest, state in moves.items():
                await _move(db, digest, state)
            if seen_tree:
                await _see_tree(db, seen_tree)
            await _append(db, deployment)

    @whole
    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """See `ReleaseStore.history`."""
        query = select(deployments.c.record).order_by(deployments.c.id.desc()).limit(limit)
        async with self._engine.connect() as db:
            return [_deployment(orjson.loads(text)) for text in (await db.scalars(query)).all()]

    async def _one(self, db: AsyncConnection, id_or_digest: str) -> StoredRelease:
        start = id_or_digest.removeprefix("r-").lower()
        hexadecimal = bool(start) and all(char in "0123456789abcdef" for char in start)
        query = select(releases).where(releases.c.digest.startswith(start)).limit(2)
        rows = list(await db.execute(query)) if hexadecimal else []
        if len(rows) != 1:
            found = "more than one release begins with" if rows else "the store has no release"
            raise ReleaseNotFound(
                f"{found[0].upper()}{found[1:]} {id_or_digest!r}.", hint="`toolcrib releases` lists what there is."
            )
        return _stored(rows[0])


async def _append(db: AsyncConnection, deployment: Deployment) -> None:
    text = orjson.dumps(deployment.to_dict()).decode()
    await db.execute(insert(deployments).values(at=deployment.at, record=text))


async def _see_tree(db: AsyncConnection, digest: str) -> None:
    await db.execute(update(channels).where(channels.c.name == CHANNEL).values(seen_tree=digest))


async def _channel(db: AsyncConnection) -> Channel:
    row = (await db.execute(select(channels).where(channels.c.name == CHANNEL))).first()
    if row is None:
        return Channel()
    canary = orjson.loads(row.canary) if row.canary else None
    return Channel(
        generation=row.generation,
        digest=row.digest,
        canary=Canary(**canary | {"tenants": tuple(canary["tenants"])}) if canary else None,
        held=orjson.loads(row.held) if row.held else {},
        seen_tree=row.seen_tree,
    )


async def _write_channel(db: AsyncConnection, channel: Channel) -> None:
    """Compare-and-set on the generation.

    Raises:
        GenerationConflict: it is no longer the one before.
    """
    expected = channel.generation - 1
    values = {
        "generation": channel.generation,
        "digest": channel.digest,
        "canary": orjson.dumps(channel.canary).decode() if channel.canary else "",
        "held": orjson.dumps(dict(channel.held)).decode() if channel.held else "",
        "seen_tree": channel.seen_tree,
    }
    query = update(channels).where(channels.c.name == CHANNEL, channels.c.generation == expected).values(**values)
    if (await db.execute(query)).rowcount == 1:
        return
    try:
        if expected == 0:
            await db.execute(insert(channels).values(name=CHANNEL, **values))
            return
    except IntegrityError as error:
        raise _conflict(expected) from error
    raise _conflict(expected)


def _conflict(expected: int) -> GenerationConflict:
    return GenerationConflict(
        f"The channel's generation is no longer {expected}.",
        hint="Another deployment came first: look at it, then decide.",
    )


async def _move(db: AsyncConnection, digest: str, state: ReleaseState) -> None:
    before = await db.scalar(select(releases.c.state).where(releases.c.digest == digest))
    if before is None:
        raise ReleaseNotFound(f"The store has no release {digest[:8]!r}.")
    if before == state:
        return
    if state not in MOVES[before]:
        raise Conflict(f"A release that is {before} cannot become {state}.")
    query = update(releases).where(releases.c.digest == digest, releases.c.state == before).values(state=state)
    if (await db.execute(query)).rowcount != 1:
        raise Conflict(f"The release {digest[:8]!r} is no longer {before}.")


def _stored(row: Any) -> StoredRelease:
    manifest = Manifest(digest=row.digest, files=orjson.loads(row.manifest))
    return StoredRelease(manifest=manifest, state=row.state, at=row.at)


def _deployment(data: dict[str, Any]) -> Deployment:
    reasons = tuple(Reason.from_dict(reason) for reason in data.pop("reasons"))
    diff = tuple(Change(**change) for change in data.pop("diff"))
    accepted = tuple(Reason.from_dict(reason) for reason in data.pop("accepted", ()))
    cold = tuple(ColdChange.from_dict(change) for change in data.pop("restart_needed", ()))
    git = Revision(**told) if (told := data.pop("git", None)) else None
    return Deployment(**data, reasons=reasons, diff=diff, accepted=accepted, restart_needed=cold, git=git)
