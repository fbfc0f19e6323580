"""Mistakes in JSON files: where, what was expected, and the fix."""

import json

import pytest

from toolcrib.loader.reading.json_source import parse_json


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", "f.json:1:1", "the file is empty", "at least"),
        ("\n \n", "f.json:1:1", "the file is empty", "at least"),
        ('{"graphs": {"a": ', "f.json:1:17", "ends too early: `}}` is missing", "cut off"),
        ('{"graphs": {\n  "a": "./x.py:g"\n', "f.json:2:18", "ends too early: `}}` is missing", "cut off"),
        ('{"a": ["}", "\\"]", [1], ', "f.json:1:24", "ends too early: `]}` is missing", "cut off"),
        ('{"graphs": {"a": "./x', "f.json:1:18", "never closed", "Close it"),
        ("{'a': 1}", "f.json:1:2", "expected a key in double quotes", "no comments"),
        ('{"a" 1}', "f.json:1:6", "expected `:`", '"key": value'),
        ('{"a": 1 "b": 2}', "f.json:1:9", "expected `,`", "comma"),
        ('{"a": ,}', "f.json:1:7", "expected a value", "null"),
        ("{} x", "f.json:1:4", "expected the end", "take the rest away"),
        ('{"a": "C:\\q"}', "f.json:1:10", "no such escape", "backslash"),
        ('{"a": "b\tc"}', "f.json:1:9", "line break or tab", "Write it as"),
    ],
)
def test_a_mistake_has_its_place_what_was_expected_and_the_fix(text: str, place: str, message: str, hint: str) -> None:
    document, (reason,) = parse_json("f.json", text.encode())

    assert (reason.code, reason.place, document.data) == ("json_syntax", place, None)
    assert message in reason.message
    assert hint in reason.hint


def test_a_comma_behind_the_last_entry_is_told_in_the_words_of_this_python() -> None:
    _, (reason,) = parse_json("f.json", b'{"a": 1,}')

    assert (reason.line, reason.column in (8, 9), "comma" in f"{reason.message} {reason.hint}") == (1, True, True)


def test_good_text_is_data_with_places() -> None:
    document, reasons = parse_json("f.json", b'\xef\xbb\xbf{\r\n\t"graphs": {"a": "./x.py:g"}}')

    assert (document.data, reasons) == ({"graphs": {"a": "./x.py:g"}}, [])
    reason = document.reason("code", "message", path=("graphs", "a"))
    assert (reason.line, reason.source) == (2, '\t"graphs": {"a": "./x.py:g"}}')


def test_a_key_that_is_written_twice_is_told() -> None:
    _, (reason,) = parse_json("f.json", json.dumps({"a": 1}).replace("}", ', "a": 2}').encode())

    assert (reason.code, reason.place) == ("duplicate_key", "f.json:1:10")
