"""Texts in pieces: the same text as in one go, and no piece that takes long to write."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel

from toolcrib.core.results import ToolResult
from toolcrib.core.wire.texts import PIECE, is_small, text_pieces

NUMBERS = list(range(50_000))
Pair = namedtuple("Pair", "a b")


class Refusing:
    """An object that does not want to be looked at."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # what some lazy proxies do
        raise RuntimeError("nothing is here yet")

    def __str__(self) -> str:
        return "refusing"


@dataclass
class Report:
    title: str
    rows: list[Any]


@dataclass(slots=True)
class Row:
    text: str


class Model(BaseModel):
    text: str


CIRCLE: list[Any] = [*NUMBERS]
CIRCLE.append(CIRCLE)
DEEP: list[Any] = [*NUMBERS]
for _ in range(300):
    DEEP = [DEEP]


def in_one_go(value: Any) -> str:
    return ToolResult(ok=True, value=value).text()


@pytest.mark.parametrize(
    "value",
    [
        "text",
        1,
        None,
        [],
        {},
        [NUMBERS],
        (NUMBERS, [1, {"a": NUMBERS}], 2),
        {"a": NUMBERS, "b": {"c": [NUMBERS, {'é"\n': NUMBERS}]}, "d": 1},
        {1: NUMBERS, None: NUMBERS, (1, 2): NUMBERS, 2.5: 3},
        OrderedDict(a=NUMBERS),
        Pair(NUMBERS, 2),
        {*NUMBERS},
        Report("x", [Report("y", NUMBERS), NUMBERS]),
        [Report("x", [1]), Row("y"), Model(text="z")] * 10_000,
        [datetime(2026, 1, 1), b"bytes", float("inf"), object] * 10_000,
        ['é"\n🙂' * 40_000, "plain"],
        {"k" * 100_000: "v" * 100_000},
        [*NUMBERS, b"\xff"],
        ["\ud800", *NUMBERS],
        [Refusing(), *NUMBERS],
        Refusing(),
        CIRCLE,
        DEEP,
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_pieces_make_the_text_that_a_model_is_shown(value: Any) -> None:
    assert "".join(text_pieces(value)) == in_one_go(value)


@pytest.mark.parametrize(
    "value",
    [
        [{"id": n, "name": f"row {n}"} for n in range(20_000)],
        {f"key {n}": [n, [n]] for n in range(20_000)},
        {"a": {"b": [[NUMBERS], {"c": NUMBERS}]}},
        [Report("x" * 1_000, [1]) for _ in range(1_000)],
        [Row("x" * 1_000) for _ in range(1_000)],
        [Model(text="x" * 1_000) for _ in range(1_000)],
        [{"x" * 1_000} for _ in range(1_000)],
    ],
    ids=["rows", "keys", "nested", "dataclasses", "slots", "models", "sets"],
)
def test_no_piece_of_a_large_value_is_large(value: Any) -> None:
    assert not is_small(value)
    assert max(map(len, text_pieces(value))) <= 2 * PIECE


@pytest.mark.parametrize("value", [1, "x" * 1_000, [{"id": n} for n in range(100)], Report("x", [1, 2])])
def test_what_can_be_written_in_one_go_is_small(value: Any) -> None:
    assert is_small(value)
    assert len(text_pieces(value)) == 1


def test_a_long_list_is_known_to_be_large_without_a_look_at_its_elements() -> None:
    class Untouched(dict[str, Any]):
        def values(self) -> Any:
            raise AssertionError("looked at")

    assert not is_small([Untouched()] * 10_000)
