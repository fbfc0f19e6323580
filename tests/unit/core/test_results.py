"""Results as text and as JSON: whatever a tool returned, showing it never raises."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from toolcrib.core.errors import ArgumentsInvalid, DeadlineExceeded, ToolError, ToolFailed, ToolNotFound
from toolcrib.core.results import ErrorInfo, RunResult, ToolResult, failed, jsonable, said


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: Any = None


@dataclass(slots=True)
class Unfinished:
    x: int = field(init=False)


class Model(BaseModel):
    raw: bytes = b"ok"
    when: date = date(2024, 2, 29)


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def numbers() -> Iterator[int]:
    yield from (1, 2)


def breaks_off() -> Iterator[int]:
    yield 1
    raise ValueError("inside")


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
RING = Point(1)
RING.y = RING
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (3, 3),
        ("text", "text"),
        ([1, 2.5, True], [1, 2.5, True]),
        ((1, 2), [1, 2]),
        ({1}, [1]),
        ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "1,2": "c"}),
        (float("nan"), "NaN"),
        ([float("inf"), -float("inf")], ["Infinity", "-Infinity"]),
        (b"bytes", "bytes"),
        (Point(1, {2}), {"x": 1, "y": [2]}),
        ([Point(1)], [{"x": 1, "y": None}]),
        (Unfinished(), {"x": None}),
        (Model(), {"raw": "ok", "when": "2024-02-29"}),
        (ValueError("why"), "why"),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02-29T12:00:00Z"),
        (timedelta(days=1), "P1D"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (PurePosixPath("/a"), "/a"),
        (1j, "1j"),
        (int, "<class 'int'>"),
        (numbers(), [1, 2]),
        (2**200, 2**200),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_said_in_json_terms(value: Any, shown: Any) -> None:
    assert ToolResult(ok=True, value=value).to_dict()["value"] == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\xff\xfe", r"b'\xff\xfe'"),
        ([Point(1, b"\xff")], r"[Point(x=1, y=b'\xff')]"),
        ({b"\xff": 1}, r"{b'\xff': 1}"),
        (CIRCLE, ["..."]),
        (Mute(), "<Mute that cannot be shown>"),
        ([Mute()], "<list that cannot be shown>"),
        (10**5_000, "<int that cannot be shown>"),
        ({"a": 10**5_000}, "<dict that cannot be shown>"),
        ({"\ud800": 1}, r"{'\ud800': 1}"),
        (["\ud800"], r"['\ud800']"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_say_is_shown_some_other_way(value: Any, shown: Any) -> None:
    assert jsonable(value) == shown
    assert json.loads(ToolResult(ok=True, value=value).text()) == shown


@pytest.mark.parametrize(
    "value", [RING, DEEP, Model(raw=b"\xff"), breaks_off(), memoryview(b"\xff"), bytearray(b"\xff")]
)
def test_odd_values_become_something_that_json_and_utf8_can_carry(value: Any) -> None:
    result = ToolResult(ok=True, value=value)
    json.dumps(result.to_dict(), allow_nan=False).encode()
    assert isinstance(result.text(), str)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary() | st.complex_numbers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.binary(), inner),
        max_leaves=10,
    )
)
def test_any_value_is_strict_json(value: Any) -> None:
    result = ToolResult(ok=True, value=value)
    json.dumps(result.to_dict(), allow_nan=False).encode()
    if not isinstance(value, str):
        json.loads(result.text(), parse_constant=pytest.fail)


def test_a_string_reaches_the_model_as_it_is() -> None:
    assert ToolResult(ok=True, value='say "hi"\n你好').text() == 'say "hi"\n你好'
    assert ToolResult(ok=True, value={"a": "你好"}).text() == '{"a": "你好"}'
    assert ToolResult(ok=True).text() == "null"


def test_a_failure_reaches_the_model_as_message_and_hint() -> None:
    error = ErrorInfo.of(ToolError("No such order.", hint="Ask for its number."))
    assert ToolResult(ok=False, error=error).text() == "No such order. Ask for its number."
    assert ToolResult(ok=False, error=ErrorInfo(code="c", message="Broken.")).text() == "Broken."


def test_what_foreign_values_say_of_themselves_is_bounded() -> None:
    assert said("x" * 9_999) == "x" * 2_000
    assert said(Mute()) == "<Mute that cannot be shown>"
    assert said("\ud800") == "\\ud800"


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (ToolNotFound("no"), 0),
        (ArgumentsInvalid("wrong"), 0),
        (ToolFailed("broke"), 1),
        (DeadlineExceeded.of("t", "tool", 1.0), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failed_result_counts_only_attempts_that_were_made(error: Any, attempts: int) -> None:
    result = failed(error, tool="t", release="r", call_id="c")
    assert (result.ok, result.attempts, result.tool, result.release, result.call_id) == (False, attempts, "t", "r", "c")
    assert result.to_dict()["error"] == {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "severity": error.severity,
        "retryable": error.retryable,
        "layer": "tool",
        "retry_after_s": None,
        "strategy": None,
        "escalated": False,
        "task": "",
    }


def test_a_runs_result_is_json_as_well() -> None:
    result = RunResult(
        output={"when": date(2024, 1, 1)},
        success=False,
        error=ErrorInfo(code="c", message="m"),
        trace=({"kind": "tool", "args": {1}},),
        interrupts=(Point(1),),
    )
    data = result.to_dict()
    assert data["output"] == {"when": "2024-01-01"}
    assert data["trace"] == [{"kind": "tool", "args": [1]}]
    assert data["interrupts"] == [{"x": 1, "y": None}]
    assert data["error"]["code"] == "c"
    json.dumps(data, allow_nan=False)
