"""What a collection takes, against a naive reading of what may need a release; and what it leaves in the store."""

import asyncio
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from toolcrib.core.errors import ReleaseCollected
from toolcrib.core.ports import ReleaseStore, StoredRelease
from toolcrib.core.releases import Canary, Channel, Deployment, Manifest
from toolcrib.core.stores.pins import ThreadPin
from toolcrib.deployment.draining.collect import Needs, collectable
from toolcrib.stores.memory.releases import MemoryReleaseStore
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.releases import SqlReleaseStore
from toolcrib.stores.sql.schema import blobs


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


RELEASES = [digest_of(f"release {number}") for number in range(8)]
some = st.sampled_from(RELEASES)
pins = st.builds(
    ThreadPin,
    agent=st.sampled_from(["chat", "stays", "careful", "gone"]),
    release=some,
    status=st.sampled_from(["running", "success", "error", "interrupted", "cancelled", "drained", "suspended"]),
    moved=st.booleans(),
    threads=st.just(1),
    since=st.just(0.0),
)
POLICIES = {"chat": {"run"}, "stays": {"thread"}, "careful": {"latest", "compatible"}}
stored = st.builds(
    lambda digests, states, at: [
        StoredRelease(manifest=Manifest(digest=digest, files={}), state=state, at=float(when))
        for digest, state, when in zip(digests, states, at, strict=True)
    ],
    st.permutations(RELEASES),
    st.lists(st.sampled_from(["retired", "inactive", "draining", "active", "collected"]), min_size=8, max_size=8),
    st.lists(st.integers(0, 9), min_size=8, max_size=8),
)
needs = st.builds(
    lambda stable, canary, held, history, pinned, tasks, memory: Needs(
        channel=Channel(digest=stable, canary=canary and Canary(digest=canary), held=held),
        history=[Deployment(state=state, release=f"r-{one[:8]}", at=float(at)) for one, state, at in history],
        pins=pinned,
        policies=POLICIES,
        tasks=[f"r-{one[:8]}" for one in tasks],
        in_memory=memory,
    ),
    some,
    st.none() | some,
    st.dictionaries(st.sampled_from(["acme", "beta"]), some),
    st.lists(st.tuples(some, st.sampled_from(["active", "drained"]), st.integers(0, 20)), max_size=6).map(
        lambda past: sorted(past, key=lambda one: -one[2])
    ),
    st.lists(pins, max_size=4),
    st.sets(some, max_size=2),
    st.sets(some, max_size=2),
)


def is_needed(one: StoredRelease, needs: Needs) -> bool:
    """Each reason by itself, in the words of the page about draining."""
    digest, channel = one.manifest.digest, needs.channel
    serves = digest == channel.digest or (channel.canary and channel.canary.digest == digest)
    held = digest in channel.held.values()
    waits = any(
        pin.release == digest and pin.status in ("running", "interrupted", "drained", "suspended") for pin in needs.pins
    )
    moved = any(pin.release == digest and pin.moved for pin in needs.pins)
    stays = any(pin.release == digest and pin.agent in ("stays", "careful", "gone") for pin in needs.pins)
    works = one.manifest.release in needs.tasks
    return bool(serves or held or waits or moved or stays or works or digest in needs.in_memory)


def last_used(one: StoredRelease, needs: Needs) -> float:
    named = [past.at for past in needs.history if past.release == one.manifest.release and past.state != "drained"]
    return max([one.at, *named])


@given(stored=stored, needs=needs, keep=st.integers(1, 8))
def test_exactly_what_nothing_needs_and_is_not_among_the_last_is_collected(
    stored: list[StoredRelease], needs: Needs, keep: int
) -> None:
    doomed = collectable(stored, needs, keep=keep)
    living = [one for one in stored if one.state != "collected"]
    for one in doomed:
        newer = [other for other in living if last_used(other, needs) >= last_used(one, needs) and other != one]
        assert one in living
        assert not is_needed(one, needs)
        assert len(newer) >= keep
    for one in living:
        older = [other for other in living if last_used(other, needs) <= last_used(one, needs)]
        if one not in doomed and not is_needed(one, needs):
            assert len(living) - len(older) < keep, "it is among the last, or as old as one of them"


FILES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([b"one", b"two", b"three"]), min_size=1)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "put", "collect"]), FILES), max_size=12)


def manifest_of(files: dict[str, bytes]) -> Manifest:
    hashes = {path: sha256(data).hexdigest() for path, data in sorted(files.items())}
    return Manifest(digest=digest_of(str(hashes)), files=hashes)


async def walk(store: ReleaseStore, steps: list[tuple[str, dict[str, bytes]]]) -> dict[str, bytes]:
    """Take the steps; every living release is whole after each of them. The files of those that live at the end."""
    model: dict[str, dict[str, bytes]] = {}
    gone: set[str] = set()
    for action, files in steps:
        manifest = manifest_of(files)
        if action == "put":
            await store.put(manifest, files, at=1.0, state="verified")
            model[manifest.digest] = files
            gone.discard(manifest.digest)
        elif manifest.digest in model:
            before = {data for one in model.values() for data in one.values()}
            del model[manifest.digest]
            gone.add(manifest.digest)
            freed = before - {data for one in model.values() for data in one.values()}
            assert await store.collect(manifest.digest) == sum(map(len, freed))
        for digest, whole in model.items():
            assert await store.contents(digest) == whole
        for digest in gone:
            assert (await store.find(digest)).state == "collected"
            with pytest.raises(ReleaseCollected, match="its files are gone"):
                await store.contents(digest)
    return {sha256(data).hexdigest(): data for one in model.values() for data in one.values()}


@given(steps=STEPS)
def test_in_memory_a_living_release_is_whole_whatever_is_collected_beside_it(
    steps: list[tuple[str, dict[str, bytes]]],
) -> None:
    asyncio.run(walk(MemoryReleaseStore(), steps))


@settings(max_examples=20)
@given(steps=STEPS)
def test_on_sql_a_living_release_is_whole_and_no_file_stays_that_none_has(
    steps: list[tuple[str, dict[str, bytes]]],
) -> None:
    async def check(path: Path) -> None:
        async with open_sqlite(path) as engine:
            living = await walk(SqlReleaseStore(engine), steps)
            async with engine.connect() as db:
                assert await db.scalar(select(func.count()).select_from(blobs)) == len(living)

    with TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder) / "toolcrib.db"))
