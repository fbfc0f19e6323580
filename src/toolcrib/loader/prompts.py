"""Prompts: which prompt is a file, which `{names}` it wants, and the text with them filled in."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from toolcrib.core.agents import AgentSpec
from toolcrib.core.names import did_you_mean
from toolcrib.loader.reading.tenants import inner_path

BUILT_IN = frozenset({"agent", "tools"})
"""Variables every prompt may use: the agent's name, and the names of its tools."""

_SUFFIXES = (".md", ".txt")
_BRACED = re.compile(r"(?P<left>\{+)(?P<name>[^\W\d]\w*)(?P<right>\}+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """One `{name}` in a prompt.

    Attributes:
        name: without its braces.
        start: index of the opening brace in the text.
        end: index just behind the closing brace.
    """

    name: str
    start: int
    end: int


def prompt_texts(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Path -> text of the prompt files among these files."""
    prompts = {path: data for path, data in contents.items() if inner_path(path).startswith("prompts/")}
    return {path: data.decode("utf-8-sig", "replace") for path, data in prompts.items()}


def placeholders(text: str) -> tuple[Placeholder, ...]:
    """Every `{identifier}`, in order.

    Other braces are text: `{"a": 1}`, `{}`, `{ x }`, `{a.b}`; and so is the name in `{{x}}`.
    """
    return tuple(_placeholders(text))


def render_prompt(text: str, variables: Mapping[str, str]) -> str:
    """The prompt with its placeholders filled in and `{{x}}` turned into `{x}`.

    A placeholder without a variable stays as it is, so does all that is no placeholder. Values are put in as they are:
    braces within them mean nothing.
    """

    def fill(match: re.Match[str]) -> str:
        left, name, right = match["left"], match["name"], match["right"]
        pairs = min(len(left), len(right))
        value = variables.get(name, f"{{{name}}}") if pairs % 2 else name
        kept = pairs // 2
        return left[pairs:] + "{" * kept + value + "}" * kept + right[pairs:]

    return _BRACED.sub(fill, text)


def unbound(agent: str, spec: AgentSpec, text: str) -> Iterator[tuple[Placeholder, str, str]]:
    """The `{names}` in a prompt that the agent has no value for, each with a message and a hint."""
    known = BUILT_IN | spec.variables.keys()
    for one in placeholders(text):
        if one.name not in known:
            plain = f"or write {{{{{one.name}}}}} for plain text."
            hint = f"{did_you_mean(one.name, known)} Or add it under `variables:`, {plain}"
            yield one, f"agent {agent!r} has no variable {one.name!r}", hint


def prompt_path(prompt: str) -> str | None:
    """The path a prompt of an agent means, without `./`; None when it is the text itself.

    A path is one line that begins with `prompts/`, or that ends in `.md` or `.txt` and has no white space.
    """
    if "\n" in prompt or not prompt:
        return None
    path = posixpath.normpath(prompt.strip())
    has_space = any(char.isspace() for char in path)
    if path.startswith("prompts/") or (path.endswith(_SUFFIXES) and not has_space):
        return path
    return None


def _placeholders(text: str) -> Iterator[Placeholder]:
    for match in _BRACED.finditer(text):
        if min(len(match["left"]), len(match["right"])) % 2:
            start, end = match.span("name")
            yield Placeholder(name=match["name"], start=start - 1, end=end + 1)
