"""Placeholders of prompts: what is one, what is text, and filling them in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.loader.prompts import placeholders, prompt_path, render_prompt


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hello {name}, {name} and {other_1}!", ["name", "name", "other_1"]),
        ("{名字}", ["名字"]),
        ('{"a": 1} { x } {} {1} {a.b} {a:b} {a!r} {a b}', []),
        ("{{x}} {{{{x}}}}", []),
        ("{{{x}}}", ["x"]),
        ('{"a": {x}}', ["x"]),
        ('{"a": {{x}}}', []),
        ("${env:X}", []),
        ("{a}{b}", ["a", "b"]),
        ("{ {a", []),
    ],
)
def test_only_an_identifier_in_braces_is_a_placeholder(text: str, names: list[str]) -> None:
    assert [one.name for one in placeholders(text)] == names


def test_a_placeholder_knows_where_it_stands() -> None:
    text = 'x {"a": {{{name}}}}'
    (one,) = placeholders(text)
    assert text[one.start : one.end] == "{name}"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("Hello {name}!", "Hello Ada!"),
        ("{{name}}", "{name}"),
        ("{{{name}}}", "{Ada}"),
        ("{{{{name}}}}", "{{name}}"),
        ("{{name}", "{Ada"),
        ("{name}}", "Ada}"),
        ('{"a": {name}}', '{"a": Ada}'),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ('{{"a": 1}}', '{{"a": 1}}'),
        ("{unknown} {} { name }", "{unknown} {} { name }"),
        ("{braces}", "{name}"),
    ],
)
def test_rendering_fills_in_variables_and_leaves_the_rest(text: str, rendered: str) -> None:
    assert render_prompt(text, {"name": "Ada", "braces": "{name}"}) == rendered


@given(st.text("{}ab \n"), st.dictionaries(st.sampled_from("ab"), st.text("{}ab")))
def test_rendering_never_raises_and_without_braces_changes_nothing(text: str, variables: dict[str, str]) -> None:
    rendered = render_prompt(text, variables)
    if "{" not in text:
        assert rendered == text
    if not placeholders(text):
        assert rendered == render_prompt(text, {})


@pytest.mark.parametrize(
    ("prompt", "path"),
    [
        ("prompts/support.md", "prompts/support.md"),
        ("./prompts/support.md", "prompts/support.md"),
        ("prompts/with space.txt", "prompts/with space.txt"),
        ("prompts/no_suffix", "prompts/no_suffix"),
        ("other/x.txt", "other/x.txt"),
        ("x.md", "x.md"),
        ("You answer questions about README.md", None),
        ("You help.", None),
        ("prompts/a.md\nis a file", None),
        ("", None),
    ],
)
def test_a_prompt_is_a_path_or_the_text_itself(prompt: str, path: str | None) -> None:
    assert prompt_path(prompt) == path
