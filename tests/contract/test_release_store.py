"""What every `ReleaseStore` does, in memory and on SQL."""

import asyncio
from collections import deque
from collections.abc import Sequence
from hashlib import sha256

import anyio
import pytest

from tests.contract.conftest import activate
from toolcrib.core.errors import Conflict, GenerationConflict, ReleaseNotFound
from toolcrib.core.ports import ReleaseStore
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
)

pytestmark = pytest.mark.anyio
STATES: Sequence[ReleaseState] = tuple(MOVES)


def digest_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def release(files: dict[str, bytes], digest: str = "") -> tuple[Manifest, dict[str, bytes]]:
    manifest = {path: digest_of(data) for path, data in files.items()}
    return Manifest(digest=digest or digest_of(repr(sorted(manifest.items())).encode()), files=manifest), files


async def put(store: ReleaseStore, text: str = "", *, at: float = 1.0, digest: str = "") -> Manifest:
    manifest, contents = release({"tools/one.py": text.encode(), "agents.yaml": b"agents: {}"}, digest)
    await store.put(manifest, contents, at=at)
    return manifest


def way_to(state: ReleaseState) -> list[ReleaseState]:
    """The shortest legal way from `staged`."""
    ways: deque[list[ReleaseState]] = deque([["staged"]])
    while (way := ways.popleft())[-1] != state:
        ways.extend([*way, move] for move in sorted(MOVES[way[-1]]) if move not in way)
    return way[1:]


async def in_state(store: ReleaseStore, state: ReleaseState, text: str = "") -> Manifest:
    manifest = await put(store, text)
    for step in way_to(state):
        await store.move(manifest.digest, step)
    assert (await store.find(manifest.digest)).state == state
    return manifest


# Releases and their contents.


async def test_a_release_comes_back_as_it_was_put(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"\x00\xff\r\n", "leer.md": b"", "prompts/grüße 你好.md": "你好".encode()})
    await store.put(manifest, contents, at=12.5)
    found = await store.find(manifest.digest)
    assert (found.manifest, found.state, found.at) == (manifest, "staged", 12.5)
    assert await store.contents(manifest.digest) == contents


async def test_a_release_without_files_is_a_release(store: ReleaseStore) -> None:
    manifest, contents = release({})
    await store.put(manifest, contents, at=1.0)
    assert await store.contents(manifest.digest) == {}


async def test_files_with_the_same_bytes_are_two_files(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"x", "b.py": b"x"})
    await store.put(manifest, contents, at=1.0)
    assert await store.contents(manifest.digest) == {"a.py": b"x", "b.py": b"x"}


async def test_releases_that_share_files_keep_their_own_contents(store: ReleaseStore) -> None:
    one, first = release({"a.py": b"same", "b.py": b"old"})
    two, second = release({"a.py": b"same", "b.py": b"new", "c.py": b"old"})
    await store.put(one, first, at=1.0)
    await store.put(two, second, at=2.0)
    assert await store.contents(one.digest) == first
    assert await store.contents(two.digest) == second


async def test_what_does_not_belong_to_the_manifest_is_not_kept(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"x"})
    await store.put(manifest, {**contents, "stray.py": b"y"}, at=1.0)
    assert await store.contents(manifest.digest) == {"a.py": b"x"}


async def test_putting_a_release_twice_changes_nothing(store: ReleaseStore) -> None:
    manifest = await in_state(store, "verified")
    await put(store, at=99.0)
    found = await store.find(manifest.digest)
    assert (found.state, found.at) == ("verified", 1.0)
    assert len(await store.releases()) == 1


async def test_putting_the_same_release_at_once_is_putting_it_once(store: ReleaseStore) -> None:
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(put, store, "same")
    assert len(await store.releases()) == 1


async def test_a_release_lacking_a_file_of_its_manifest_is_not_kept(store: ReleaseStore) -> None:
    manifest, _ = release({"a.py": b"x", "b.py": b"y"})
    with pytest.raises(KeyError):
        await store.put(manifest, {"a.py": b"x"}, at=1.0)
    assert await store.releases() == []


async def test_the_newest_release_comes_first(store: ReleaseStore) -> None:
    for at, text in ((2.0, "b"), (3.0, "c"), (1.0, "a")):
        await put(store, text, at=at)
    assert [one.at for one in await store.releases()] == [3.0, 2.0, 1.0]


async def test_a_store_is_not_affected_by_what_its_caller_does_later(store: ReleaseStore) -> None:
    files = {"a.py": b"x"}
    blobs = {"a.py": digest_of(b"x")}
    manifest = Manifest(digest="ab" * 32, files=blobs)
    await store.put(manifest, files, at=1.0)
    timings = {"scan": 1.0}
    await store.record(Deployment(state="active", release="r-1", timings_s=timings))
    for mapping in (files, blobs, timings):
        mapping.clear()
    assert await store.contents("ab" * 32) == {"a.py": b"x"}
    assert (await store.find("ab" * 32)).manifest.files == {"a.py": digest_of(b"x")}
    assert (await store.history())[0].timings_s == {"scan": 1.0}


async def test_a_store_is_not_affected_by_what_its_reader_does_with_an_answer(store: ReleaseStore) -> None:
    manifest = await put(store, "x")
    got = await store.contents(manifest.digest)
    assert isinstance(got, dict)
    got.clear()
    listed = await store.releases()
    assert isinstance(listed, list)
    listed.clear()
    assert len(await store.contents(manifest.digest)) == 2
    assert len(await store.releases()) == 1


# Finding.

ONE, TWO = "1a2b3c4d" + "0" * 56, "1a2b9999" + "0" * 56


@pytest.mark.parametrize("asked", ["r-1a2b3c4d", "1a2b3c4d", "1a2b3", ONE, "R-1A2B3".replace("R", "r"), "1A2B3C4D"])
async def test_a_release_is_found_by_id_digest_and_any_unique_beginning(store: ReleaseStore, asked: str) -> None:
    await put(store, "one", digest=ONE)
    await put(store, "two", digest=TWO)
    assert (await store.find(asked)).manifest.digest == ONE
    assert (await store.contents(asked))["tools/one.py"] == b"one"


@pytest.mark.parametrize("asked", ["1a2b", "r-1a2b", "r-1", "1"])
async def test_a_beginning_of_two_releases_is_refused(store: ReleaseStore, asked: str) -> None:
    await put(store, "one", digest=ONE)
    await put(store, "two", digest=TWO)
    with pytest.raises(ReleaseNotFound, match=f"More than one release begins with '{asked}'") as caught:
        await store.find(asked)
    assert "toolcrib releases" in caught.value.hint


@pytest.mark.parametrize(
    "asked", ["", "r-", "ffff", "r-ffff", "%", "_", "1a2b%", "'; drop table x; --", ONE + "0", "你好"]
)
async def test_what_no_release_begins_with_is_refused(store: ReleaseStore, asked: str) -> None:
    await put(store, "one", digest=ONE)
    for method in (store.find, store.contents):
        with pytest.raises(ReleaseNotFound, match="The store has no release"):
            await method(asked)


# States.


@pytest.mark.parametrize("target", STATES)
@pytest.mark.parametrize("before", STATES)
async def test_every_move_of_the_table_and_no_other_is_made(
    store: ReleaseStore, before: ReleaseState, target: ReleaseState
) -> None:
    manifest = await in_state(store, before)
    if target in MOVES[before] or target == before:
        await store.move(manifest.digest, target)
        assert (await store.find(manifest.digest)).state == target
    else:
        with pytest.raises(Conflict, match=f"A release that is {before} cannot become {target}"):
            await store.move(manifest.digest, target)
        assert (await store.find(manifest.digest)).state == before


async def test_moving_one_release_leaves_the_others(store: ReleaseStore) -> None:
    one, two = await put(store, "one"), await put(store, "two")
    await store.move(one.digest, "verified")
    assert (await store.find(two.digest)).state == "staged"


@pytest.mark.parametrize("asked", ["f" * 64, ONE[:8], f"r-{ONE[:8]}"])
async def test_only_a_whole_digest_moves_a_release(store: ReleaseStore, asked: str) -> None:
    await put(store, "one", digest=ONE)
    with pytest.raises(ReleaseNotFound):
        await store.move(asked, "verified")
    with pytest.raises(ReleaseNotFound):
        await activate(store, asked, expected=0, seen_tree="")
    assert [(one.manifest.digest, one.state) for one in await store.releases()] == [(ONE, "staged")]
    assert await store.channel() == Channel()


# The channel.


async def test_nothing_serves_in_an_empty_store(store: ReleaseStore) -> None:
    assert await store.channel() == Channel(generation=0, digest="", seen_tree="")
    await store.saw_tree("t")
    assert await store.channel() == Channel()
    assert await store.releases() == []
    assert await store.history() == []


async def test_activation_points_the_channel_and_moves_both_releases(store: ReleaseStore) -> None:
    one = await in_state(store, "verified", "one")
    two = await in_state(store, "verified", "two")
    first = await activate(store, one.digest, expected=0, seen_tree="t1")
    assert first == await store.channel() == Channel(generation=1, digest=one.digest, seen_tree="t1")
    second = await activate(store, two.digest, expected=1, seen_tree="t2")
    assert second == await store.channel() == Channel(generation=2, digest=two.digest, seen_tree="t2")
    assert (await store.find(one.digest)).state == "draining"
    assert (await store.find(two.digest)).state == "active"


async def test_rolling_back_is_activating_the_former_release(store: ReleaseStore) -> None:
    one = await in_state(store, "verified", "one")
    two = await in_state(store, "verified", "two")
    await activate(store, one.digest, expected=0, seen_tree="")
    await activate(store, two.digest, expected=1, seen_tree="")
    await activate(store, one.digest, expected=2, seen_tree="")
    assert (await store.find(one.digest)).state == "active"
    assert (await store.find(two.digest)).state == "draining"


async def test_activating_what_serves_only_counts_the_generation(store: ReleaseStore) -> None:
    one = await in_state(store, "verified")
    await activate(store, one.digest, expected=0, seen_tree="t1")
    assert (await activate(store, one.digest, expected=1, seen_tree="t2")).generation == 2
    assert (await store.channel()).seen_tree == "t2"
    assert (await store.find(one.digest)).state == "active"


@pytest.mark.parametrize("state", STATES)
async def test_only_a_release_that_may_become_active_is_activated(store: ReleaseStore, state: ReleaseState) -> None:
    serving = await in_state(store, "verified", "serving")
    await activate(store, serving.digest, expected=0, seen_tree="t")
    candidate = await in_state(store, state, "candidate")
    before = await store.channel()
    if "active" in MOVES[state] or state == "active":
        await activate(store, candidate.digest, expected=1, seen_tree="t")
        return
    with pytest.raises(Conflict, match=f"A release that is {state} cannot become active"):
        await activate(store, candidate.digest, expected=1, seen_tree="other")
    assert await store.channel() == before
    assert (await store.find(serving.digest)).state == "active"
    assert (await store.find(candidate.digest)).state == state


@pytest.mark.parametrize("expected", [0, 2, 99, -1])
async def test_an_activation_decided_on_another_generation_changes_nothing(store: ReleaseStore, expected: int) -> None:
    one = await in_state(store, "verified", "one")
    two = await in_state(store, "verified", "two")
    await activate(store, one.digest, expected=0, seen_tree="t")
    before = await store.channel()
    with pytest.raises(GenerationConflict, match=f"no longer {expected}"):
        await activate(store, two.digest, expected=expected, seen_tree="other")
    assert await store.channel() == before
    assert (await store.find(one.digest)).state == "active"
    assert (await store.find(two.digest)).state == "verified"


async def test_an_unknown_release_is_not_activated_and_nothing_is_changed(store: ReleaseStore) -> None:
    one = await in_state(store, "verified")
    await activate(store, one.digest, expected=0, seen_tree="t")
    before = await store.channel()
    with pytest.raises(ReleaseNotFound):
        await activate(store, "f" * 64, expected=1, seen_tree="other")
    assert await store.channel() == before
    assert (await store.find(one.digest)).state == "active"


@pytest.mark.parametrize("generation", [0, 1])
async def test_of_activations_at_the_same_time_exactly_one_wins(store: ReleaseStore, generation: int) -> None:
    if generation:
        await activate(store, (await in_state(store, "verified", "first")).digest, expected=0, seen_tree="")
    candidates = [await in_state(store, "verified", f"candidate {n}") for n in range(6)]
    with anyio.fail_after(5):
        outcomes = await asyncio.gather(
            *(activate(store, one.digest, expected=generation, seen_tree=one.digest) for one in candidates),
            return_exceptions=True,
        )
    won = [outcome for outcome in outcomes if isinstance(outcome, Channel)]
    assert [type(one) for one in outcomes if not isinstance(one, Channel)] == [GenerationConflict] * 5
    assert won == [await store.channel()]
    assert won[0].generation == generation + 1
    states = [(await store.find(one.digest)).state for one in candidates]
    assert sorted(states) == ["active", *["verified"] * 5]
    assert candidates[states.index("active")].digest == won[0].digest


async def test_a_channel_comes_back_with_its_canary_and_its_held_tenants(store: ReleaseStore) -> None:
    one, two, three = [await in_state(store, "verified", text) for text in ("one", "two", "three")]
    canary = Canary(digest=two.digest, percent=12.5, tenants=("acme", "grün"), salt="1:r", since=9.25)
    held = {"beta": three.digest, "gamma": one.digest}
    channel = Channel(generation=1, digest=one.digest, canary=canary, held=held, seen_tree="t")
    assert await store.point(channel) == await store.channel() == channel
    assert [(await store.find(each.digest)).state for each in (one, two, three)] == ["active", "canary", "active"]
    after = Channel(generation=2, digest=two.digest)
    assert await store.point(after) == await store.channel() == after
    assert [(await store.find(each.digest)).state for each in (one, two, three)] == ["draining", "active", "draining"]


async def test_the_tree_last_looked_at_is_remembered_without_a_new_generation(store: ReleaseStore) -> None:
    one = await in_state(store, "verified")
    await activate(store, one.digest, expected=0, seen_tree="t1")
    await store.saw_tree("t2")
    assert await store.channel() == Channel(generation=1, digest=one.digest, seen_tree="t2")


# History.

DEPLOYMENT = Deployment(
    state="rejected",
    release="r-2",
    previous="r-1",
    generation=3,
    reasons=(
        Reason(code="syntax", message="‘)’ fehlt", file="a.py", line=1, column=2, end_column=3, hint="h", source="f("),
        Reason(code="import", message="no module"),
    ),
    diff=(Change(kind="tool", name="add", change="changed", detail="schema", verdict="needs_pin", why="because"),),
    verdict="needs_pin",
    accepted=(Reason(code="permissions", message="less", file="a.py", line=3),),
    timings_s={"scan": 0.25, "total": 1.5},
    actor="cli",
    who="ann@laptop",
    git=Revision(commit="c" * 40, branch="main", dirty=True),
    at=1_700_000_000.25,
    restart_needed=(
        ColdChange(kind="settings", file="toolcrib.yaml", items=("server.port",)),
        ColdChange(kind="environment", file=".env"),
    ),
)


async def test_a_deployment_comes_back_as_it_was_recorded(store: ReleaseStore) -> None:
    await store.record(DEPLOYMENT)
    assert await store.history() == [DEPLOYMENT]


async def test_the_history_tells_the_newest_first_and_no_more_than_asked(store: ReleaseStore) -> None:
    for n in range(60):
        await store.record(Deployment(state="active", release=f"r-{n}", at=5.0))
    assert [one.release for one in await store.history(limit=3)] == ["r-59", "r-58", "r-57"]
    assert len(await store.history()) == 50
    assert len(await store.history(limit=100)) == 60
    assert await store.history(limit=0) == []
