"""What every `ArtifactStore` does, in memory and on SQL."""

import asyncio

import anyio
import pytest

from tests.contract.conftest import ArtifactsUnderTest
from toolcrib.core.errors import ArtifactNotFound
from toolcrib.core.stores.artifacts import ArtifactPiece, ArtifactStore

pytestmark = pytest.mark.anyio
MIXED = "añ好🙂 \x00\n\ud83d half"


async def kept(shelf: ArtifactsUnderTest, *pieces: str, tenant: str = "") -> str:
    with anyio.fail_after(10):
        handle = await shelf.store.put(pieces, tenant=tenant)
    assert handle is not None
    return handle


async def is_there(store: ArtifactStore, handle: str, tenant: str = "") -> bool:
    try:
        await store.read(handle, tenant=tenant)
    except ArtifactNotFound:
        return False
    return True


async def whole(store: ArtifactStore, handle: str, *, limit: int, tenant: str = "") -> str:
    """The text, read piece by piece."""
    text, offset = "", 0
    while True:
        piece = await store.read(handle, tenant=tenant, offset=offset, limit=limit)
        text += piece.text
        if piece.next_offset is None:
            return text
        offset = piece.next_offset


@pytest.mark.parametrize(
    "pieces", [[MIXED], ["ab", "", "cd"], [""], [], ["x" * 65_536], ["好" * 65_537, "🙂" * 70_000]]
)
async def test_a_text_comes_back_as_it_was(shelf: ArtifactsUnderTest, pieces: list[str]) -> None:
    handle = await kept(shelf, *pieces)
    text = "".join(pieces)
    assert await whole(shelf.store, handle, limit=50_000) == text
    piece = await shelf.store.read(handle, limit=10_000_000)
    assert (piece.text, piece.next_offset, piece.total_chars) == (text, None, len(text))
    assert piece.size_bytes == len(text.encode("utf-8", "surrogatepass"))


async def test_a_piece_tells_where_it_stands_and_where_to_go_on(shelf: ArtifactsUnderTest) -> None:
    text = "".join(chr(65 + n % 26) for n in range(200_000))
    handle = await kept(shelf, text)
    for offset, limit in ((0, 10), (65_530, 10), (65_536, 65_536), (131_071, 2), (199_999, 1), (100, 150_000)):
        assert await shelf.store.read(handle, offset=offset, limit=limit) == ArtifactPiece(
            text=text[offset : offset + limit],
            offset=offset,
            next_offset=offset + limit if offset + limit < len(text) else None,
            total_chars=len(text),
            size_bytes=len(text),
        )


async def test_beyond_the_end_there_is_nothing(shelf: ArtifactsUnderTest) -> None:
    handle = await kept(shelf, "x" * 65_536)
    for offset in (65_536, 65_537, 10**30):
        piece = await shelf.store.read(handle, offset=offset, limit=10**30)
        assert (piece.text, piece.offset, piece.next_offset) == ("", offset, None)
    assert (await shelf.store.read(handle, limit=0)).next_offset == 0


@pytest.mark.parametrize(("offset", "limit"), [(-1, 1), (0, -1)])
async def test_negative_places_are_refused(shelf: ArtifactsUnderTest, offset: int, limit: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        await shelf.store.read(await kept(shelf, "x"), offset=offset, limit=limit)


async def test_another_tenants_handle_is_as_unknown_as_one_that_never_was(shelf: ArtifactsUnderTest) -> None:
    handle = await kept(shelf, "secret", tenant="acme")
    assert await is_there(shelf.store, handle, "acme")
    told = set()
    for tenant, asked in (("evil", handle), ("", handle), ("evil", "art_never"), ("acme", "art_né\ud800\x00")):
        with pytest.raises(ArtifactNotFound) as caught:
            await shelf.store.read(asked, tenant=tenant)
        assert not await shelf.store.renew(asked, tenant=tenant)
        told.add((caught.value.message.replace(repr(asked), "…"), caught.value.hint))
    assert len(told) == 1


async def test_handles_are_never_given_twice(shelf: ArtifactsUnderTest) -> None:
    handles = [await kept(shelf, "same") for _ in range(5)]
    assert len(set(handles)) == 5


async def test_an_artifact_is_there_until_its_time_is_over(shelf: ArtifactsUnderTest) -> None:
    handle = await kept(shelf, "x")
    shelf.clock.advance(shelf.bounds.ttl_s - 1)
    assert await is_there(shelf.store, handle)
    shelf.clock.advance(1)
    assert not await is_there(shelf.store, handle)
    assert not await shelf.store.renew(handle)


async def test_renewing_lets_its_time_begin_anew(shelf: ArtifactsUnderTest) -> None:
    renewed, left = await kept(shelf, "x"), await kept(shelf, "y")
    shelf.clock.advance(shelf.bounds.ttl_s - 1)
    assert await shelf.store.renew(renewed)
    shelf.clock.advance(shelf.bounds.ttl_s - 1)
    assert await is_there(shelf.store, renewed)
    assert not await is_there(shelf.store, left)


async def test_sweeping_deletes_only_what_is_over(shelf: ArtifactsUnderTest) -> None:
    for _ in range(45):
        await kept(shelf, "old")
    shelf.clock.advance(30)
    young = await kept(shelf, "young")
    shelf.clock.advance(30)
    assert await shelf.store.sweep() == 45
    assert await shelf.store.sweep() == 0
    assert await is_there(shelf.store, young)


async def test_the_oldest_give_way_to_a_new_one(shelf: ArtifactsUnderTest) -> None:
    handles = []
    for number in range(3):
        handles.append(await kept(shelf, f"{number}" * 1_000_000))
        shelf.clock.advance(1)
    assert await shelf.store.renew(handles[0])
    shelf.clock.advance(1)
    newest = await kept(shelf, "x" * 1_000_001)
    there = [await is_there(shelf.store, handle) for handle in (*handles, newest)]
    assert there == [True, False, False, True]
    assert await whole(shelf.store, newest, limit=100_000) == "x" * 1_000_001


async def test_many_small_ones_give_way_to_a_large_one(shelf: ArtifactsUnderTest) -> None:
    for _ in range(60):
        await kept(shelf, "s" * 10_000)
    large = await kept(shelf, "x" * shelf.bounds.max_bytes)
    assert await is_there(shelf.store, large)
    shelf.clock.advance(shelf.bounds.ttl_s)
    assert await shelf.store.sweep() == 1


async def test_what_is_larger_than_all_room_is_not_kept_and_displaces_nothing(shelf: ArtifactsUnderTest) -> None:
    handle = await kept(shelf, "x" * 1_000_000)
    for text in ("x" * (shelf.bounds.max_bytes + 1), "好" * (shelf.bounds.max_bytes // 2)):
        assert await shelf.store.put([text]) is None
    assert await is_there(shelf.store, handle)


async def test_several_at_once_stay_within_the_bound_and_whole(shelf: ArtifactsUnderTest) -> None:
    with anyio.fail_after(30):
        handles = await asyncio.gather(*(shelf.store.put([f"{n}" * 900_000]) for n in range(6)))
    there = [(n, one) for n, one in enumerate(handles) if one and await is_there(shelf.store, one)]
    assert 1 <= len(there) <= 3
    for number, handle in there:
        assert await whole(shelf.store, handle, limit=300_000) == f"{number}" * 900_000
