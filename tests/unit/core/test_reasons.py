"""Reasons as compilers draw them: the caret stands under the mistake."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.core.reasons import Reason, draw, draw_all


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def test_a_reason_is_drawn_with_place_line_caret_and_fix() -> None:
    reason = Reason(
        code="syntax",
        message="'(' was never closed",
        file="tools/math.py",
        line=12,
        column=7,
        end_column=10,
        hint="Close it.",
        source="return add(",
    )
    assert draw(reason) == (
        "error[syntax]: '(' was never closed\n"
        "  --> tools/math.py:12:7\n"
        " 12 | return add(\n"
        "    |       ^^^\n"
        "  = fix: Close it."
    )


def caret(**place: object) -> str:
    """The line with the caret, without its margin."""
    return draw(Reason.from_dict({"code": "c", "message": "m", "file": "f", "line": 1, **place})).splitlines()[-1][5:]


@pytest.mark.parametrize(
    ("source", "column", "end_column", "drawn"),
    [
        ("abc", 1, 0, "^"),
        ("abc", 2, 3, " ^"),
        ("abc", 1, 4, "^^^"),
        ("abc", 2, 99, " ^^"),
        ("abc", 3, 1, "  ^"),
        ("abc", 4, 0, "   ^"),
        ("abc", 99, 0, "   ^"),
        ("\tx = 1", 2, 3, "\t^"),
        ("\t\tx", 3, 0, "\t\t^"),
        ("a\tb", 3, 0, " \t^"),
        ("名字 = 1", 4, 5, "     ^"),
        ("x = 名字", 5, 7, "    ^^^^"),
        ("ｘ：y", 3, 0, "    ^"),
        ("é = 1", 5, 0, "    ^"),
    ],
)
def test_the_caret_stands_under_the_mistake(source: str, column: int, end_column: int, drawn: str) -> None:
    assert caret(source=source, column=column, end_column=end_column) == drawn


@given(st.text("ab 名。x", min_size=1), st.data())
def test_the_marks_begin_and_end_where_the_marked_text_does(source: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(source)))
    end_column = data.draw(st.integers(column + 1, len(source) + 1))
    drawn = caret(source=source, column=column, end_column=end_column)
    assert columns(drawn.rstrip("^")) == columns(source[: column - 1])
    assert drawn.count("^") == columns(source[column - 1 : end_column - 1])


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        ({}, ["error[c]: m"]),
        ({"file": "f"}, ["error[c]: m", "  --> f"]),
        ({"file": "f", "line": 3}, ["error[c]: m", "  --> f:3"]),
        ({"file": "f", "line": 3, "column": 4}, ["error[c]: m", "  --> f:3:4"]),
        ({"file": "f", "line": 3, "source": "abc"}, ["error[c]: m", "  --> f:3", " 3 | abc"]),
        ({"file": "f", "source": "abc", "column": 2}, ["error[c]: m", "  --> f:2"]),
        ({"hint": "h"}, ["error[c]: m", "  = fix: h"]),
    ],
)
def test_what_is_not_known_is_left_out(place: dict[str, object], lines: list[str]) -> None:
    assert draw(Reason.from_dict({"code": "c", "message": "m", **place})).splitlines() == lines


def test_reasons_are_separated_by_an_empty_line() -> None:
    reasons = [Reason(code="a", message="1"), Reason(code="b", message="2")]
    assert draw_all(reasons) == "error[a]: 1\n\nerror[b]: 2"
    assert draw_all([]) == ""


def test_a_reason_survives_its_record_even_a_newer_one() -> None:
    reason = Reason(code="c", message="m", file="f", line=1, column=2, end_column=3, hint="h", source="s")
    assert Reason.from_dict(reason.to_dict()) == reason
    assert Reason.from_dict({**reason.to_dict(), "invented_later": 1}) == reason
