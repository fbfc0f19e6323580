"""Google-style docstrings: the summary and the argument descriptions, as far as a model needs them."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Params|Returns?|Raises|Yields?|Examples?|Notes?|Attributes|Warnings?|Todo):\s*$"
)
_ARGUMENT = re.compile(r"^\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:\s*(.*)$")
_ARGUMENT_SECTIONS = frozenset({"Args", "Arguments", "Parameters", "Params"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring:
    """The parts of a docstring: `description` without any section, `arguments` by name, `returns`."""

    description: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""


def parse_docstring(function: Callable[..., Any]) -> Docstring:
    """Read the docstring of `function`; see https://google.github.io/styleguide/pyguide.html#383-functions-and-methods."""
    text = inspect.getdoc(function) or ""
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in text.splitlines():
        if match := _SECTION.match(line):
            current = match[1]
            sections.setdefault(current, [])
        else:
            sections[current].append(line)
    arguments: dict[str, str] = {}
    for title in _ARGUMENT_SECTIONS & sections.keys():
        arguments |= _arguments(sections[title])
    returns = " ".join(line.strip() for line in sections.get("Returns", sections.get("Return", []))).strip()
    return Docstring(description="\n".join(sections[""]).strip(), arguments=arguments, returns=returns)


def _arguments(lines: list[str]) -> dict[str, str]:
    """Argument -> description; deeper lines continue the description above them, a shallower one ends the section."""
    body = [(len(line) - len(line.lstrip()), line) for line in lines if line.strip()]
    found: dict[str, str] = {}
    name = ""
    for depth, line in body:
        if depth < body[0][0]:
            break
        match = _ARGUMENT.match(line.strip()) if depth == body[0][0] else None
        if match:
            name = match[1]
            found[name] = match[2].strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
