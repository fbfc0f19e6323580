"""Near names: what was most likely meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.core.names import did_you_mean, near


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("get_ordr", ["get_order", "add"], "Did you mean 'get_order'?"),
        ("get_ordr", ["get_orders", "get_order"], "Did you mean 'get_order' or 'get_orders'?"),
        ("xyz", ["add", "sub"], "Known are: add, sub."),
        ("xyz", [], "There are none."),
        ("0", [f"tool{n:02}" for n in range(20)], f"Known are: {', '.join(f'tool{n:02}' for n in range(12))}, …."),
    ],
)
def test_a_hint_names_what_is_near_or_all_when_they_are_few(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint


@given(st.text("abc", max_size=5), st.sets(st.text("abc", min_size=1, max_size=5)))
def test_near_names_are_known_names_whatever_their_order(name: str, known: set[str]) -> None:
    found = near(name, known)
    assert set(found) <= known
    assert len(found) <= 3
    assert found == near(name, sorted(known, reverse=True))
    if name in known:
        assert found[0] == name
