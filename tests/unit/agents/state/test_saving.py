"""What a checkpoint cannot hold is told before it is saved, and never of what it can."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from toolcrib.agents.state.saving import LONG_NUMBER, NO_TEXT, TOO_DEEP, unsavable

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> Any:
    """A list in a list, so many times."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (nested(200), ""),
        (nested(201), TOO_DEEP),
        (nested(2_000), TOO_DEEP),
        (["[" * 300], ""),
        ([2**64 - 1, -(2**63)], ""),
        ([2**64], LONG_NUMBER),
        ({"a": -(2**63) - 1}, LONG_NUMBER),
        ({"\ud800": 1}, NO_TEXT),
        ({1: "keys of other types are looked through one by one"}, ""),
    ],
)
def test_the_reason_is_told(value: Any, why: str) -> None:
    assert unsavable(value) == why


@given(JSON)
def test_what_passes_can_be_saved(value: Any) -> None:
    if unsavable(value):
        return
    serializer = JsonPlusSerializer()
    assert repr(serializer.loads_typed(serializer.dumps_typed(value))) == repr(value)
