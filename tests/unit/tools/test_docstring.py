"""Google-style docstrings as people really write them."""

import pytest

from toolcrib.tools.docstring import Docstring, parse_docstring


def parsed(text: str | None) -> Docstring:
    def function() -> None: ...

    function.__doc__ = text
    return parse_docstring(function)


@pytest.mark.parametrize("text", [None, "", "   \n  "])
def test_no_docstring_is_an_empty_one(text: str | None) -> None:
    assert parsed(text) == Docstring()


def test_description_arguments_and_result_are_told_apart() -> None:
    doc = parsed("""Add two numbers.

    Works for any size.

    Args:
        a: the first
        b: the second

    Returns:
        The sum
        of both.

    Raises:
        OverflowError: never.
    """)
    assert doc == Docstring(
        description="Add two numbers.\n\nWorks for any size.",
        arguments={"a": "the first", "b": "the second"},
        returns="The sum of both.",
    )


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("a: plain", "a", "plain"),
        ("a:tight", "a", "tight"),
        ("a : spaced", "a", "spaced"),
        ("a (int): typed", "a", "typed"),
        ("a (int, optional): typed", "a", "typed"),
        ("a (Callable[[int], str]): typed", "a", "typed"),
        ("a (tuple(int, int)): nested", "a", "nested"),
        ("a (int): of (say) x: 3", "a", "of (say) x: 3"),
        ("a: see http://x/y: z", "a", "see http://x/y: z"),
        ("*args: rest", "args", "rest"),
        ("**kwargs (int): rest", "kwargs", "rest"),
        ("名字: wide", "名字", "wide"),
        ("a:", "a", ""),
    ],
)
def test_an_argument_line_is_name_type_and_text(line: str, name: str, text: str) -> None:
    assert parsed(f"Do.\n\nArgs:\n    {line}\n").arguments == {name: text}


def test_deeper_lines_continue_a_description_even_over_empty_ones() -> None:
    doc = parsed("""Do.

    Args:
        a: first
            second: not an argument

            third
        b:
            on a line of its own
    """)
    assert doc.arguments == {"a": "first second: not an argument third", "b": "on a line of its own"}


def test_tabs_indent_as_spaces_do() -> None:
    doc = parsed("Do.\n\n\tArgs:\n\t\ta: first\n\t\t\tmore\n\t\tb: second\n\tReturns:\n\t\tIt.\n")
    assert doc == Docstring(description="Do.", arguments={"a": "first more", "b": "second"}, returns="It.")


@pytest.mark.parametrize("title", ["Args", "Arguments", "Parameters", "Params"])
def test_the_section_of_arguments_has_several_names(title: str) -> None:
    assert parsed(f"Do.\n\n{title}:\n    a: first\n").arguments == {"a": "first"}


def test_sections_come_in_any_order() -> None:
    doc = parsed("Returns:\n    It.\nRaises:\n    ValueError: no.\nArgs:\n    a: first\n")
    assert doc == Docstring(arguments={"a": "first"}, returns="It.")


@pytest.mark.parametrize("tail", ["A closing word: really.", "Returns: the sum.", "Unknown section:\n    x: y"])
def test_what_stands_behind_the_arguments_without_a_section_is_none_of_them(tail: str) -> None:
    assert parsed(f"Do.\n\nArgs:\n    a: first\n    b: second\n\n{tail}\n").arguments == {"a": "first", "b": "second"}


def test_arguments_that_are_not_indented_are_read_too() -> None:
    assert parsed("Do.\n\nArgs:\na: first\nb: second\n").arguments == {"a": "first", "b": "second"}


def test_a_word_with_a_colon_inside_the_text_begins_no_section() -> None:
    assert parsed("Args: are not a section here.").description == "Args: are not a section here."
