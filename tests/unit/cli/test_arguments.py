"""How the command line's words become a call's arguments."""

import io

import pytest

from toolcrib.cli.asking import arguments
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
    ],
)
def test_json_and_pairs_are_arguments(words: list[str], expected: dict[str, object]) -> None:
    assert arguments(words) == expected


def test_a_dash_reads_json_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 1}'))

    assert arguments(["-"]) == {"a": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (['{"a": }'], r"the arguments:1:7: no JSON"),
        (["[1]"], "must be a JSON object, not list"),
        (["plain"], "'plain' is no argument"),
        (["a-b=1"], "'a-b=1' is no argument"),
    ],
)
def test_anything_else_is_a_usage_problem_with_its_place(words: list[str], message: str) -> None:
    with pytest.raises(UsageProblem, match=message):
        arguments(words)


def test_broken_json_is_shown_with_a_caret_under_the_mistake() -> None:
    with pytest.raises(UsageProblem) as caught:
        arguments(['{"a": }'])

    assert caught.value.message.splitlines()[1:] == ['  {"a": }', "        ^"]
