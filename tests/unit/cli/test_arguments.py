"""How the command line's words become a call's arguments."""

import io
from typing import Any

import pytest

from toolcrib.cli.asking import arguments, wants_text
from toolcrib.cli.exit_codes import UsageProblem


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (['{"a": 1}'], {"a": 1}),
        (
            ["a=1", "b=text", 'c={"d": [2]}', "e=", "f=x=y", "g=true"],
            {"a": 1, "b": "text", "c": {"d": [2]}, "e": "", "f": "x=y", "g": True},
        ),
        (["a=" + "9" * 5000], {"a": "9" * 5000}),
    ],
)
def test_json_and_pairs_are_arguments(words: list[str], expected: dict[str, object]) -> None:
    assert arguments(words) == expected


def test_a_dash_reads_json_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('\ufeff{"a": 1}'))

    assert arguments(["-"]) == {"a": 1}, "also with the mark that some editors put first"


def test_stdin_that_is_no_text_is_a_usage_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe{"), encoding="utf-8"))

    with pytest.raises(UsageProblem, match="stdin is not utf-8"):
        arguments(["-"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (['{"a": }'], r"the arguments:1:7: no JSON"),
        (['{"a":\n'], r"the arguments:2:1: no JSON"),
        (["[" * 100_000], "the arguments cannot be read"),
        (["[1]"], "must be a JSON object, not list"),
        (["plain"], "'plain' is no argument"),
        (["a-b=1"], "'a-b=1' is no argument"),
        (["x=1", "y=1", "x=2"], "x is given twice"),
    ],
)
def test_anything_else_is_a_usage_problem_with_its_place(words: list[str], message: str) -> None:
    with pytest.raises(UsageProblem, match=message):
        arguments(words)


def test_broken_json_is_shown_with_a_caret_under_the_mistake() -> None:
    with pytest.raises(UsageProblem) as caught:
        arguments(['{"a": }'])

    assert caught.value.message.splitlines()[1:] == ['  {"a": }', "        ^"]


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
EITHER = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (TEXT, 42, True),
        (TEXT, True, True),
        (TEXT, None, True),
        (TEXT, [1], True),
        (NUMBER, 42, False),
        (EITHER, 42, False),
        (EITHER, None, False),
        (EITHER, 4.2, True),
        ({"$ref": "#/$defs/Order"}, {"id": 1}, False),
    ],
)
def test_a_value_is_text_where_the_tool_takes_text_and_no_such_value(schema: Any, value: Any, text: bool) -> None:
    assert wants_text({"properties": {"x": schema}}, "x", value) is text
    assert not wants_text({"properties": {}}, "x", value)
