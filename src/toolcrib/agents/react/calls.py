"""Calls that are written as JSON: `{"action": "search", "action_input": {…}}`, in the words of several models."""

import re
from dataclasses import dataclass
from typing import Any

from toolcrib.agents.react.inputs import bare
from toolcrib.agents.react.notation import read
from toolcrib.agents.react.steps import Unclear

MAX_ACTIONS = 16
TOO_MANY = f"it has more than {MAX_ACTIONS} actions"
_TAG = re.compile(r"</?(?:tool_call|function_call)>|<\|(?:python_tag|tool_call)\|>")
_START = re.compile(r"(?:\A|\n)[ \t]*(?:```\w{0,20}[ \t]*+\n?[ \t]*+)?(?=\{|\[\s*\{)")
_NAME_KEYS = ("action", "tool", "tool_name", "name", "function")
_INPUT_KEYS = ("action_input", "tool_input", "input", "arguments", "args", "parameters")
_BESIDE = frozenset({"thought", "thoughts", "reasoning", "id", "type"})
_LOOKS_LIKE_ONE = re.compile(rf"[\[\s]*\{{\s*[\"']?(?:{'|'.join((*_NAME_KEYS, *_BESIDE))})[\"']?\s*:")
_BETWEEN = re.compile(r"[\s,;]*(?:```\w{0,20})?[\s,;]*(?:```\w{0,20})?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An action as written.

    Attributes:
        written: its name, and what stands beside it.
        given: text of its input, None without one.
        exact: its input as a JSON value, for one that was written as JSON as a whole.
        is_json: whether it was.
    """

    written: str
    given: str | None = None
    exact: Any = None
    is_json: bool = False

    @property
    def has_input(self) -> bool:
        """Whether there is an input already."""
        return self.given is not None or self.exact is not None


def calls_in(text: str, *, cut_short: bool = False) -> list[Draft]:
    """The calls that a text ends with; none when it ends with anything else.

    Raises:
        Unclear: a call that cannot be read.
    """
    text = bare(_TAG.sub("\n", text))
    start = _START.search(text)
    if start is None:
        return []
    drafts: list[Draft] = []
    at = start.end()
    while text[at : at + 1] in ("{", "["):
        try:
            found = read(text[at:], cut_short=cut_short)
        except Unclear:
            if drafts or _LOOKS_LIKE_ONE.match(text, at):
                raise
            return []
        for value in found.value if isinstance(found.value, list) else [found.value]:
            draft = _called(value)
            if draft is None:
                return []
            drafts.append(draft)
        if len(drafts) > MAX_ACTIONS:
            raise Unclear(TOO_MANY)
        at = len(text) - len(found.rest)
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
    return [] if text[at:] else drafts


def _called(value: Any) -> Draft | None:
    """The call that a JSON value is; None for any other value."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):  # {"type": "function", "function": {"name": …}}
        return _called(value["function"]) if value.keys() <= {"function", *_BESIDE} else None
    names = [key for key in _NAME_KEYS if key in value]
    inputs = [key for key in _INPUT_KEYS if key in value]
    if len(names) != 1 or len(inputs) > 1 or not isinstance(value[names[0]], str):
        return None
    if value.keys() - {*names, *inputs, *_BESIDE} or (not inputs and names[0] in ("name", "function")):
        return None
    return Draft(written=value[names[0]], exact=value[inputs[0]] if inputs else None, is_json=True)
