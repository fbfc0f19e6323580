"""A large value in pieces is the same value, and no piece is larger than it must be."""

import struct
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolcrib.runners.processes import pieces
from toolcrib.runners.processes.pieces import PIECE_BYTES, cut, join

NO_SURROGATES: tuple[Literal["Cs"]] = ("Cs",)
json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=NO_SURROGATES)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=NO_SURROGATES)), inner),
    max_leaves=60,
)


@given(json)
@settings(max_examples=200)
def test_cut_and_joined_any_value_is_itself_whatever_the_size_of_a_piece(value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", 8)
        assert join(cut(value)) == value


def sizes(body: bytes) -> list[int]:
    found, at = [], 0
    while at < len(body):
        (size,) = struct.unpack_from("!I", body, at + 1)
        found.append(size)
        at += 5 + size
    return found


@pytest.mark.parametrize(
    "value",
    [
        [{"a": n, "b": [n] * 3} for n in range(100_000)],
        {str(n): n for n in range(100_000)},
        {"all": [{"rows": list(range(200_000))}, 1, {"x": "y" * 1000}], "end": True},
        [[[[["x" * 100] * 10_000]]]],
        [1] * 10 + [["x" * 1000] * 1000] + [2] * 10,
    ],
)
def test_no_piece_is_large_when_its_parts_are_not(value: Any) -> None:
    body = cut(value)
    assert max(sizes(body)) <= PIECE_BYTES
    assert len(sizes(body)) > 2
    assert join(body) == value


def test_what_cannot_be_cut_is_one_piece() -> None:
    text = "x" * 3 * PIECE_BYTES
    assert join(cut(text)) == text
    assert join(cut({"a": [text]})) == {"a": [text]}


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        join(b"")
