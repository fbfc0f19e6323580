"""Texts that no model should write: labelled answers cut, mixed and garbled, and what must hold for each of them."""

import random
import re
from collections.abc import Iterator
from typing import Any

from tests.unit.agents.react.labelled import LABELLED, TOOLS
from toolcrib.agents.react.labels import visible
from toolcrib.agents.react.naming import compact
from toolcrib.agents.react.parser import parse
from toolcrib.agents.react.steps import Actions, Final, Malformed

PIECES = (
    *(
        "Thought:",
        "Action:",
        "Action Input:",
        "Observation:",
        "Final Answer:",
        "Question:",
        "行动：",
        "行动输入：",
        "最终答案：",
    ),
    *(
        "**Action:**",
        "### Final Answer",
        "action_input",
        "Tool:",
        "Input:",
        "Answer:",
        "```",
        "```json",
        "~~~",
        "<think>",
    ),
    *(
        "</think>",
        "<tool_call>",
        "</s>",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        " ",
        "\u200b",
        "\u200f",
        "\u2028",
        "\x00",
        "\ud800",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        '"',
        "'",
        "“",
        "”",
        "`",
        "\\",
        "\\u12",
        ":",
        "：",
        ",",
        "=",
        "//",
        "/*",
        "*/",
        "#",
        "-",
    ),
    *("true", "None", "NaN", "Infinity", "1e999", "-0", "12", "1.", ".5", "null", "...", "é", "\U0001f600"),
    *(
        '{"action": "',
        '"action_input": ',
        '{"query": "',
        '", "limit": ',
        '{"name": "search", "arguments": ',
        "query=",
        "None",
    ),
    *TOOLS,
)
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def garbled(chance: random.Random) -> Iterator[str]:
    """Without end: labelled answers with pieces cut out, doubled, put in and exchanged, and soups of labels."""
    texts = [one.text for one in LABELLED]
    while True:
        if chance.random() < 0.2:
            yield "".join(chance.choices(PIECES, k=chance.randrange(1, 25)))
            continue
        text = chance.choice(texts)
        for _ in range(chance.randrange(1, 4)):
            text = _changed(text, chance, texts)
        yield text


def _changed(text: str, chance: random.Random, texts: list[str]) -> str:
    start, end = sorted(chance.randrange(len(text) + 1) for _ in "ab")
    match chance.randrange(7):
        case 0:
            return text[:end]
        case 1:
            return text[start:]
        case 2:
            return text[:start] + text[end:]
        case 3:
            return text[:end] + text[start:]
        case 4:
            return text[:start] + chance.choice(PIECES) + text[start:]
        case 5:
            return text[:start] + chance.choice(PIECES) + text[end:]
        case _:
            return text[:end] + chance.choice(["", "\n"]) + chance.choice(texts)[start:]


def check(text: str, *, cut_short: bool = False) -> None:
    """It is understood or refused; what is carried out stands in the text completely."""
    step = parse(text, TOOLS, cut_short=cut_short)
    assert isinstance(step, Actions | Final | Malformed)
    if isinstance(step, Final) and step.text[0] not in "{[":  # as JSON it may be written in another way
        assert stands(step.text.replace("*", ""), text.replace("*", "")), (text, step)
    if isinstance(step, Actions):
        seen = compact(visible(text))
        for action in step.actions:
            assert compact(action.tool) in seen, (text, action)
            inner = action.args if len(action.args) > 1 else list(action.args.values())  # one alone needs no name
            for value in _leaves(inner):
                assert stands(value, text), (text, action)


def stands(value: Any, text: str) -> bool:
    """Whether the value is in the text as a whole: with nothing before or behind it that could belong to it."""
    match value:
        case bool() | None:
            return str(value).lower() in text.lower() or (value is None and "null" in text)
        case int() | float():
            numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]*\d)", text)
            return any(float(one) == value or one == str(value) for one in numbers)
        case _:
            once = _unescaped(text)
            return any(_whole(value, one) for one in (text, once, _unescaped(once)))


def _whole(value: str, text: str) -> bool:
    at = text.find(value)
    while at >= 0 and value:
        before, behind = text[at - 1 : at], text[at + len(value) : at + len(value) + 1]
        if not (_goes_on(before, value[0]) or _goes_on(value[-1], behind)):
            return True
        at = text.find(value, at + 1)
    return not value


def _goes_on(left: str, right: str) -> bool:
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(
        lambda found: (
            chr(int(found[1][1:], 16)) if found[1][0] == "u" and found[1] != "u" else _SIGNS.get(found[1], found[1])
        ),
        text,
    )


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for key, inner in value.items():
                yield key
                yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)
        case _:
            yield value
