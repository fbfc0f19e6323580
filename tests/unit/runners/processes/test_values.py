"""Values cross between processes with their types as far as they are plain, and nothing makes the crossing raise."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from toolcrib.runners.processes.values import TooLarge, dump, load


class Colour(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


class Order(BaseModel):
    at: datetime
    lines: tuple[int, ...] = ()


@dataclass
class Parcel:
    weight: Decimal
    marks: set[str] = field(default_factory=set)


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def crossed(value: Any) -> Any:
    body, marked, _ = dump(value, most_bytes=1_000_000)
    return load(body, marked=marked)


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters()),
    st.binary(),
    st.datetimes().map(lambda moment: moment.replace(fold=0)),  # ISO 8601 has no word for a fold
    st.dates(),
    st.times().map(lambda moment: moment.replace(fold=0)),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
)
hashable = st.one_of(plain, st.tuples(plain, plain))
everything = st.recursive(
    plain | st.sets(hashable, max_size=3) | st.frozensets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | hashable, inner, max_size=3)
    ),
    max_leaves=10,
)


@given(everything)
def test_plain_values_come_back_equal_and_of_the_same_type(value: Any) -> None:
    assert repr_of(crossed(value)) == repr_of(value)


def repr_of(value: Any) -> Any:
    """Comparable, and strict about types: 1, 1.0 and True differ, the order of a set does not count."""
    match value:
        case list() | tuple():
            return type(value), [repr_of(one) for one in value]
        case set() | frozenset():
            return type(value), sorted(repr(repr_of(one)) for one in value)
        case dict():
            return dict, sorted(repr((repr_of(key), repr_of(one))) for key, one in value.items())
        case _:
            return type(value), value


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (math.inf, math.inf),
        (bytearray(b"a"), bytearray(b"a")),
        (Path("/a/b"), Path("/a/b")),
        ({"$": 1, "v": 2}, {"$": 1, "v": 2}),
        (Colour.RED, "red"),
        (Point(1, 2), (1, 2)),
        (Counter("aab"), {"a": 2, "b": 1}),
        (deque([1, 2]), [1, 2]),
        (Order(at=NOON, lines=(1,)), {"at": NOON, "lines": (1,)}),
        (Parcel(Decimal("1.50"), {"x"}), {"weight": Decimal("1.50"), "marks": {"x"}}),
        (1j, "1j"),
        ("\ud800", "\ud800"),
    ],
)
def test_what_is_not_plain_arrives_as_what_it_stands_for(value: Any, arrives: Any) -> None:
    assert repr_of(crossed(value)) == repr_of(arrives)


def test_not_a_number_stays_one() -> None:
    assert math.isnan(crossed([math.nan])[0])


def test_what_cannot_cross_arrives_as_text() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    for value in (circle, deep, Broken(), {"a": Broken()}, {"\ud800": 1}):
        assert isinstance(str(crossed(value)), str)
    assert crossed(circle) == "[[...]]"


@pytest.mark.parametrize("kind", [date(2026, 1, 2), time(1, 2), timedelta(1, 2, 3), UUID(int=7)])
def test_a_marked_value_is_data_only_and_never_code(kind: Any) -> None:
    body, marked, _ = dump(kind, most_bytes=1_000)
    assert marked
    assert b"pickle" not in body
    assert load(body, marked=True) == kind


@pytest.mark.parametrize("value", ["x" * 101, b"x" * 101, [1] * 101, {"a": ["x" * 50, "y" * 50]}])
def test_a_value_of_too_many_bytes_is_refused(value: Any) -> None:
    with pytest.raises(TooLarge) as caught:
        dump(value, most_bytes=100)
    assert caught.value.size > 100
    assert dump(value, most_bytes=1_000)
