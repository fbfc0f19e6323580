"""Texts taken out of other texts: word for word, and as messages quote them."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from toolcrib.core.redaction import hiding, scrub_value
from toolcrib.core.redaction.texts import scrubber

HARD = "p\"ä/ß\\w'\nö d"


@pytest.mark.parametrize(
    "quoted",
    [
        HARD,
        json.dumps({"key": HARD}),
        json.dumps({"key": HARD}, ensure_ascii=False),
        repr(HARD),
        f"{HARD!r:>40}",
        repr([repr(HARD)]),
        json.dumps(json.dumps({"key": HARD})),
        json.dumps(repr(HARD)),
        f"https://example.com/?key={quote(HARD, safe='')}&x=1",
        f"https://example.com/?key={quote(HARD)}",
        f"key={quote_plus(HARD)}",
    ],
)
def test_a_text_is_found_as_it_stands_and_as_json_python_and_urls_quote_it(quoted: str) -> None:
    scrubbed = hiding([HARD])(f"before {quoted} after")
    assert "[redacted]" in scrubbed
    assert "ß" not in scrubbed
    assert "%C3%9F" not in scrubbed
    assert "u00df" not in scrubbed
    assert scrubbed.startswith("before ")
    assert scrubbed.endswith(" after")


def test_a_text_is_found_without_the_white_space_around_it() -> None:
    assert hiding(["  4111-1111\n"])("card 4111-1111!") == "card [redacted]!"


def test_of_texts_within_texts_the_longest_goes_first() -> None:
    assert hiding(["secret", "secret-one"])("secret-one, secret") == "[redacted], [redacted]"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("pin 1234.", "pin [redacted]."),
        ("1234", "[redacted]"),
        ("12345 and x1234", "12345 and x1234"),
        ("r-1234567", "r-1234567"),
    ],
)
def test_a_text_of_less_than_six_characters_is_found_only_where_it_stands_alone(text: str, scrubbed: str) -> None:
    assert hiding(["1234"])(text) == scrubbed


def test_empty_texts_and_blanks_are_nowhere() -> None:
    assert hiding(["", "  ", "\n"])("a  b\n") == "a  b\n"


def test_each_text_has_its_own_replacement() -> None:
    scrub = scrubber({"hunter2-hunter2": "[secret:A]", "other-value": "[secret:B]"})
    assert scrub("hunter2-hunter2/other-value") == "[secret:A]/[secret:B]"


def test_a_huge_text_is_found_as_it_stands() -> None:
    huge = "x\n" * 500_000
    assert hiding([huge])(f"it said {huge}") == "it said [redacted]"


@dataclass
class Report:
    text: str
    size: int = 3


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("a 123456 b", "a [redacted] b"),
        (123456, "[redacted]"),
        (1234567, "[redacted]7"),
        ({"123456": [1, ("123456",)]}, {"[redacted]": [1, ("[redacted]",)]}),
        (Report("123456"), {"text": "[redacted]", "size": 3}),
        ([Report("x"), {"123456"}], None),
    ],
)
def test_values_are_scrubbed_wherever_a_text_is_in_them(value: Any, clean: Any) -> None:
    scrubbed = scrub_value(value, hiding(["123456"]))
    assert scrubbed == (clean if clean is not None else [Report("x"), ["[redacted]"]])


def test_a_value_without_the_text_is_the_same_object() -> None:
    for value in ({"a": [1, "b", None, True, 1.5]}, ("a", {"b": 2}), Report("x"), {"k": Report("x")}, {1, 2}, object()):
        assert scrub_value(value, hiding(["123456"])) is value


def test_two_keys_that_become_one_lose_no_error() -> None:
    assert scrub_value({"123456": 1, "654321": 2}, hiding(["123456", "654321"])) == {"[redacted]": 2}
