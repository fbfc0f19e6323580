"""Files of old releases go, those that something needs stay, and what was written down can be read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import toolcrib
from tests.integration.draining.project import Gate, gate, write
from toolcrib.core.errors import ReleaseCollected, ReleaseNotFound

pytestmark = pytest.mark.anyio
WORDS = ("v1", "v2", "v3", "v4", "v5")


@pytest.fixture
def place() -> Iterator[Gate]:
    with gate() as made:
        made.open.set()
        yield made


async def test_what_nothing_needs_goes_and_comes_back_with_its_tree(tmp_path: Path, place: Gate) -> None:
    write(tmp_path, WORDS[0], "releases: {keep: null}")
    ids = []
    async with toolcrib.open(tmp_path) as crib:
        for word in WORDS:
            write(tmp_path, word, "releases: {keep: null}")
            await crib.deploy()
            ids.append(crib.release.id)
            asks = word == "v2"
            assert bool((await crib.run("walker", {"asks": asks}, thread_id=word)).interrupts) == asks
    async with toolcrib.open(tmp_path) as crib:
        told = await crib.collect_releases(keep=1)
        assert (told.releases, told.freed_bytes, told.kept) == ((ids[3], ids[2], ids[0]), 0, 2)
        assert {one.state for one in await crib.releases()} & {"collected"} == set()

        done = await crib.collect_releases(keep=1, dry_run=False)
        assert done.releases == told.releases
        assert done.freed_bytes > 0
        states = {one.manifest.release: one.state for one in await crib.releases()}
        assert [one for one in ids if states[one] == "collected"] == [ids[0], ids[2], ids[3]]
        assert [past.release for past in await crib.history()] == ids[::-1]

        for refused in (crib.rollback(ids[0]), crib.hold("acme", ids[0]), crib.diff(ids[0], ids[4])):
            with pytest.raises((ReleaseCollected, ReleaseNotFound), match="its files are gone"):
                await refused
        answered = await crib.run("walker", thread_id="v2", resume="yes")
        assert answered.release == ids[1], "a parked thread has its release"

        write(tmp_path, WORDS[0], "releases: {keep: null}")
        assert (await crib.deploy()).state == "active"
        assert crib.release.id == ids[0]
        assert (await crib.rollback(ids[4])).state == "rolled_back"
        assert (await crib.rollback(ids[0])).state == "rolled_back"
