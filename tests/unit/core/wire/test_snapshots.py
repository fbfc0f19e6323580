"""Snapshots: a value stays as it was, whatever is done to it before or after."""

import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from toolcrib.core.wire.snapshots import Snapshot


@dataclass
class Point:
    x: int


class Order(BaseModel):
    items: list[str]


@pytest.mark.parametrize(
    "value", [None, True, 1, 2**80, 1.5, "text", "\ud800", b"bytes", (1, [2]), {"a": {1, 2}}, Decimal("1.50"), Point(1)]
)
def test_a_value_comes_out_as_it_went_in_with_its_type(value: Any) -> None:
    snapshot = Snapshot.of(value)
    assert snapshot is not None
    assert snapshot.value() == value
    assert type(snapshot.value()) is type(value)


def test_what_is_done_to_the_value_afterwards_changes_nothing() -> None:
    value = {"rows": [Order(items=["a"])]}
    snapshot = Snapshot.of(value)
    assert snapshot is not None
    value["rows"][0].items.append("b")
    first = snapshot.value()
    first["rows"][0].items.append("c")
    assert snapshot.value() == {"rows": [Order(items=["a"])]}


@pytest.mark.parametrize("value", [threading.Lock(), (n for n in "ab"), lambda: None, {"deep": [threading.Lock()]}])
def test_of_a_value_there_can_be_only_one_of_there_is_no_snapshot(value: Any) -> None:
    assert Snapshot.of(value) is None


@pytest.mark.parametrize("value", ["x" * 1_000, b"x" * 1_000, ["x" * 1_000], list(range(10_000)), 1 << 8_000])
def test_a_value_above_the_limit_has_no_snapshot(value: Any) -> None:
    whole = Snapshot.of(value)
    assert whole is not None
    assert whole.size_bytes >= 1_000
    assert Snapshot.of(value, limit_bytes=900) is None
    assert Snapshot.of(value, limit_bytes=whole.size_bytes) is not None


def test_a_huge_value_is_given_up_before_all_of_it_is_copied() -> None:
    copied = []

    class Row:
        def __reduce__(self) -> tuple[Any, ...]:
            copied.append(1)
            return (str, ("x" * 100_000,))

    assert Snapshot.of([Row() for _ in range(1_000)], limit_bytes=300_000) is None
    assert len(copied) < 10
