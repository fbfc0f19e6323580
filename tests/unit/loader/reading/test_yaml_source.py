"""YAML text becomes plain data with places; every mistake becomes a reason at its place."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolcrib.core.reasons import Reason, draw
from toolcrib.loader.reading.places import MAX_BYTES, MAX_REASONS
from toolcrib.loader.reading.yaml_source import At, Document, Path, parse_yaml


def parsed(text: str | bytes) -> Document:
    document, reasons = parse_yaml("a.yaml", text if isinstance(text, bytes) else text.encode())
    assert reasons == ()
    return document


def refused(text: str | bytes) -> Reason:
    _, reasons = parse_yaml("a.yaml", text if isinstance(text, bytes) else text.encode())
    assert len(reasons) == 1, reasons
    return reasons[0]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2.5", 2.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("2026-01-01", "2026-01-01"),
        ("12:30", "12:30"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ('!!int "12"', 12),
        ("9" * 5000, "9" * 5000),
        ('"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    found = parsed(f"a: {written}").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(parsed("a: .nan").data["a"])


def test_keys_are_the_text_as_written() -> None:
    assert parsed("1: a\ntrue: b\nnull: c\n'q': d").data == {"1": "a", "true": "b", "null": "c", "q": "d"}


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "~"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    document = parsed(text)
    assert document.data is None
    assert document.reason("x", "y", path=("a",)).place == "a.yaml:1:1"


def test_anchors_and_merges_are_written_out_and_written_keys_win() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 0\nd: {<<: *b}\ne: *a\n'<<': 5\n"
    data = parsed(text).data
    assert data["c"] == {"x": 0, "y": 2, "z": 4}
    assert data["d"] == {"y": 3, "z": 4}
    assert data["e"] == {"x": 1, "y": 2}
    assert data["<<"] == 5


def test_a_value_from_an_alias_is_blamed_where_it_is_written() -> None:
    document = parsed("a: &a\n  x: 1\nb:\n  <<: *a\n")
    assert document.reason("x", "y", path=("b", "x")).place == "a.yaml:2:6"


def test_a_byte_order_mark_and_foreign_line_ends_do_not_shift_places() -> None:
    document = parsed("\ufeffa: 1\r\nb:\r  - ü\r\n  - zwei\n".encode())
    reason = document.reason("x", "y", path=("b", 1))
    assert (reason.line, reason.column, reason.end_column, reason.source) == (4, 5, 9, "  - zwei")


@pytest.mark.parametrize(
    ("path", "at", "place"),
    [
        (("a", "b", 1, "c"), "value", (4, 10, 11)),
        (("a", "b", 1, "c"), "key", (4, 7, 8)),
        (("a", "b", 0), "value", (3, 7, 10)),
        (("a", "b", 1), "value", (4, 7, 11)),
        (("a", "b", 7), "value", (2, 3, 4)),
        (("a", "b", "nope"), "value", (2, 3, 4)),
        (("a", "nope", "deeper"), "value", (1, 1, 2)),
        (("e",), "value", (5, 1, 2)),
        (("f",), "value", (6, 4, 10)),
        (("f", "g"), "key", (6, 5, 6)),
        ((), "value", (1, 1, 3)),
    ],
)
def test_places_are_those_of_the_value_or_of_the_nearest_key(path: Path, at: At, place: tuple[int, int, int]) -> None:
    text = "a:\n  b:\n    - one\n    - c: 8\ne:\nf: {g: 1}\n"
    reason = parsed(text).reason("x", "y", path=path, at=at)
    assert (reason.line, reason.column, reason.end_column) == place


def test_a_mark_within_a_value_is_pointed_at() -> None:
    reason = parsed("a: |\n  one\n  two three\n").reason("x", "y", path=("a",), mark="three")
    assert (reason.line, reason.column, reason.end_column) == (3, 7, 12)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a:\n\t- b\n", "2:1", "a tab stands where YAML wants spaces"),
        ("a: [1,\n", "2:1", "flow node"),
        ("a: [1\n", "1:4", "flow sequence"),
        ("a: {b: 1\n", "1:4", "flow mapping"),
        ("a: b: c\n", "1:5", "mapping values are not allowed"),
        ("- a\nb: c\n", "2:1", "expected <block end>"),
        ('a: "abc\n', "1:4", "quoted scalar"),
        ("a: @b\n", "1:4", "text cannot begin with @"),
        ("a: `b`\n", "1:4", "text cannot begin with `"),
        ("a: [*]\n", "1:6", "alphabetic or numeric"),
        ("a: *b\n", "1:4", "nothing above is named `&b`"),
        ("a: &a [*a]\n", "1:8", "stands inside the value it repeats"),
        ("a: {b: ${env:X}}\n", "1:9", "must be quoted"),
        ("a: 1\n---\nb: 2\n", "2:1", "a second document"),
        ("? [a]\n: 1\n", "1:3", "a key must be text"),
        ("<<: 3\n", "1:5", "`<<` takes a mapping"),
        ("a: \x01\n", "1:4", "does not allow"),
        ('a: "\\ud83d"\n', "1:4", "surrogate"),
        ('a: "\\UFFFFFFFF"\n', "1:1", "cannot be read as YAML 1.2"),
        ("%YAML 1.3\n---\na: 1\n", "1:1", "cannot be read as YAML 1.2"),
    ],
)
def test_a_syntax_error_is_told_at_its_place_in_plain_words(text: str, place: str, words: str) -> None:
    reason = refused(text)
    assert reason.code == "yaml_syntax"
    assert reason.place == f"a.yaml:{place}"
    assert words in reason.message
    assert reason.source == text.split("\n")[reason.line - 1]


def test_every_duplicate_key_is_told_and_the_rest_is_read() -> None:
    document, reasons = parse_yaml("a.yaml", b"a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert [(r.code, r.place) for r in reasons] == [("duplicate_key", "a.yaml:2:11"), ("duplicate_key", "a.yaml:3:1")]
    assert "the first is in line 1" in reasons[1].message
    assert document.data == {"a": 3, "b": {"c": 2}}


def test_tags_of_languages_are_refused_and_the_rest_is_read() -> None:
    document, reasons = parse_yaml("a.yaml", b"a: !!python/object:os.system {b: 1}\nc: !x 2\n")
    assert [(r.code, r.place) for r in reasons] == [("yaml_tag", "a.yaml:1:4"), ("yaml_tag", "a.yaml:2:4")]
    assert document.data["a"] == {"b": 1}


def test_bytes_that_are_not_utf_8_are_told_with_their_place() -> None:
    reason = refused("a: 1\nbü: ".encode() + b"\xff\n")
    assert (reason.code, reason.place, reason.message) == ("encoding", "a.yaml:2:5", "byte 0xff is not UTF-8")
    marked = refused(b"\xef\xbb\xbfa: \xff")
    assert (marked.place, marked.source) == ("a.yaml:1:4", "a: \ufffd")
    assert refused("a: 1".encode("utf-16")).message == "this is UTF-16, not UTF-8"


def test_a_file_above_one_mebibyte_is_not_parsed() -> None:
    assert refused(b"#" * (MAX_BYTES + 1)).code == "too_large"
    assert parsed(b"#" * MAX_BYTES).data is None


def test_fifty_levels_are_read_and_one_more_is_refused() -> None:
    assert parsed("[" * 50 + "]" * 50).data is not None
    reason = refused("[" * 51 + "]" * 51)
    assert (reason.code, reason.place) == ("too_large", "a.yaml:1:51")
    assert refused("{" * 100_000).code == "too_large"


def test_depth_counts_what_aliases_stand_for() -> None:
    deep = f"a: &a {'[' * 30}{']' * 30}\n"
    assert parsed(f"{deep}b: {'[' * 19}*a{']' * 19}\n").data
    assert refused(f"{deep}b: {'[' * 20}*a{']' * 20}\n").code == "too_large"


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    reason = refused(f"a0: &a0 lol\n{levels}")
    assert reason.code == "too_large"
    assert "aliases written out" in reason.message


def test_a_hundred_thousand_values_are_read_and_more_are_refused() -> None:
    # A list of 999 values is 1,000; the two keys, the list of aliases and the top are 4 more.
    text = f"a: &a [{'1, ' * 999}]\nb: [%s]\n"
    assert len(parsed(text % ("*a, " * 98)).data["b"]) == 98
    assert parsed(text % ("*a, " * 98 + "1, " * 996)).data
    assert refused(text % ("*a, " * 98 + "1, " * 997)).code == "too_large"


def test_merged_entries_count_as_often_as_they_are_merged() -> None:
    text = f"a: &a {{{', '.join(f'k{n}: 1' for n in range(500))}}}\nb: [%s]\n"
    assert parsed(text % ("{<<: *a}, " * 90)).data
    assert refused(text % ("{<<: *a}, " * 100)).code == "too_large"


def test_after_two_hundred_mistakes_the_rest_is_not_read() -> None:
    _, reasons = parse_yaml("a.yaml", b"a: 1\n" * 5000)
    assert len(reasons) == MAX_REASONS + 1
    assert "too many mistakes" in reasons[-1].message


def test_very_long_lines_are_not_quoted() -> None:
    reason = refused("a: [" + "1, " * 1000)
    assert reason.source == ""
    assert reason.line == 1


def test_a_drawn_mistake_has_its_caret_under_it() -> None:
    assert draw(refused("tools:\n  search: {timeout_s: 5, timeout_s: 6}\n")) == (
        "error[duplicate_key]: 'timeout_s' is given twice; the first is in line 2\n"
        "  --> a.yaml:2:26\n"
        " 2 |   search: {timeout_s: 5, timeout_s: 6}\n"
        "   |                          ^^^^^^^^^\n"
        "  = fix: Keep one of them."
    )


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.text("ab:-{}[]&*<!|>'\"#%@`?,~ \n\t\\$0u\ufeff\x85", max_size=60).map(str.encode))
def test_no_bytes_make_the_reader_raise_and_places_lie_within_the_text(content: bytes) -> None:
    document, reasons = parse_yaml("a.yaml", content)
    lines = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for reason in reasons:
        assert 1 <= reason.line <= len(lines)
        assert 1 <= reason.column <= len(reason.source) + 1
        assert reason.end_column > reason.column
        assert draw(reason)
    assert document.file == "a.yaml"
