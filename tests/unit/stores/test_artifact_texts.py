"""Texts in chunks: made beside the event loop when they are many, and found by their number."""

import asyncio

import pytest

from toolcrib.stores.artifact_texts import CHUNK_CHARS, chunked, chunks_of

pytestmark = pytest.mark.anyio


async def turns_while_chunking(text: str) -> int:
    turns, done = 0, False

    async def count_turns() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(count_turns())
        await asyncio.sleep(0)
        assert b"".join(await chunked([text])).decode() == text
        done = True
    return turns


async def test_a_large_text_is_cut_in_a_thread_and_a_small_one_at_once() -> None:
    assert await turns_while_chunking("x" * CHUNK_CHARS) == 1
    assert await turns_while_chunking("é" * 200 * CHUNK_CHARS) > 10


@pytest.mark.parametrize(
    ("offset", "limit", "wanted"),
    [
        (0, 1, range(1)),
        (CHUNK_CHARS - 1, 1, range(1)),
        (CHUNK_CHARS - 1, 2, range(2)),
        (CHUNK_CHARS, CHUNK_CHARS, range(1, 2)),
        (1, 10**30, range(3)),
        (10**30, 1, range(0)),
        (5, 0, range(0)),
    ],
)
def test_only_the_chunks_that_hold_a_piece_are_wanted(offset: int, limit: int, wanted: range) -> None:
    assert chunks_of(offset, limit, 2 * CHUNK_CHARS + 1) == wanted
