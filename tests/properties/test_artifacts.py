"""Whatever is stored comes back, piece by piece and in any piece; and a text in pieces is the text."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolcrib.core.results import ToolResult
from toolcrib.core.wire.texts import text_pieces
from toolcrib.stores.artifact_texts import CHUNK_CHARS, Bounds
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.uuids()
keys = st.text() | st.integers() | st.none() | st.booleans()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner) | st.frozensets(scalars),
    max_leaves=8,
)
# A value as it is, and made large at several depths.
sized = st.builds(
    lambda value, shape: [value, [value] * 9_000, {"a": value, "b": [[value] * 9_000, value]}, {"k" * 70_000: value}][
        shape
    ],
    values,
    st.integers(0, 3),
)


@settings(max_examples=60)
@given(value=sized)
def test_the_pieces_of_a_value_make_its_text(value: Any) -> None:
    assert "".join(text_pieces(value)) == ToolResult(ok=True, value=value).text()


@settings(max_examples=60)
@given(
    pieces=st.lists(st.tuples(st.text(st.characters(codec=None), max_size=20), st.integers(1, 9_000)), max_size=6),
    places=st.lists(st.tuples(st.integers(0, 3 * CHUNK_CHARS), st.integers(0, 2 * CHUNK_CHARS)), max_size=8),
    step=st.integers(1_000, 2 * CHUNK_CHARS),
)
async def test_every_piece_of_an_artifact_is_that_part_of_the_text(
    pieces: list[tuple[str, int]], places: list[tuple[int, int]], step: int
) -> None:
    parts, numbers = [text * times for text, times in pieces], count()
    text, bounds = "".join(parts), Bounds(max_bytes=1 << 30, ttl_s=60.0)
    store = MemoryArtifactStore(bounds=bounds, clock=FakeClock(), new_handle=lambda: f"art_{next(numbers)}")
    handle = await store.put(parts)
    assert handle is not None
    for offset, limit in places:
        piece = await store.read(handle, offset=offset, limit=limit)
        assert piece.text == text[offset : offset + limit]
        end = offset + len(piece.text)
        assert piece.next_offset == (end if end < len(text) else None)
    read, offset = "", 0
    while len(read) < len(text):
        piece = await store.read(handle, offset=offset, limit=step)
        read, offset = read + piece.text, piece.next_offset or len(text)
    assert read == text
