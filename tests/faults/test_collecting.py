"""A collection that fails, or meets a deployment of the same files, leaves whole releases."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import Conflict, ReleaseCollected
from toolcrib.core.releases import Manifest
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.releases import SqlReleaseStore

pytestmark = pytest.mark.anyio


def manifest_of(files: dict[str, bytes]) -> Manifest:
    hashes = {path: sha256(data).hexdigest() for path, data in files.items()}
    return Manifest(digest=sha256(repr(hashes).encode()).hexdigest(), files=hashes)


async def refuse_to_forget_shapes(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.exec_driver_sql(
            "create trigger full before delete on toolcrib_shapes begin select raise(abort, 'disk full'); end"
        )


async def test_a_collection_that_fails_in_the_middle_has_taken_nothing(tmp_path: Path) -> None:
    files = {"one.py": b"one", "two.py": b"two"}
    manifest = manifest_of(files)
    async with open_sqlite(tmp_path / "toolcrib.db") as engine:
        store = SqlReleaseStore(engine)
        await store.put(manifest, files, at=1.0, state="verified", shape=Shape())
        await refuse_to_forget_shapes(engine)
        with pytest.raises(DBAPIError, match="disk full"):
            await store.collect(manifest.digest)
        assert (await store.find(manifest.digest)).state == "verified"
        assert await store.contents(manifest.digest) == files


async def test_two_processes_that_deploy_and_collect_the_same_files_leave_whole_releases(tmp_path: Path) -> None:
    older, newer = {"one.py": b"shared", "two.py": b"old"}, {"one.py": b"shared", "two.py": b"new"}
    old, new = manifest_of(older), manifest_of(newer)
    path = tmp_path / "toolcrib.db"
    async with open_sqlite(path) as one, open_sqlite(path) as two:
        deploying, collecting = SqlReleaseStore(one), SqlReleaseStore(two)
        for _ in range(15):
            await deploying.put(old, older, at=1.0, state="verified")
            await asyncio.gather(
                deploying.put(new, newer, at=2.0, state="verified"),
                collecting.collect(old.digest),
            )
            assert await deploying.contents(new.digest) == newer
            with pytest.raises(ReleaseCollected):
                await deploying.contents(old.digest)
            await collecting.collect(new.digest)
            with pytest.raises(Conflict):
                await collecting.move(new.digest, "active")
