"""What an answer of a model comes to: actions to take, the final answer, or text that has to be written again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schemas = Mapping[str, Mapping[str, Any]]
"""Tool -> JSON Schema of its arguments object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A tool to call; name and arguments stand in the model's text completely."""

    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Tools to call, in the order they were written, and the thought before them."""

    actions: tuple[Action, ...]
    thought: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The answer for the user, and the thought before it."""

    text: str
    thought: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """Nothing of the answer is carried out.

    Attributes:
        observation: tells the model what was wrong and what to write.
        plain: there was no label at all; may be meant as an answer.
    """

    observation: str
    plain: bool = False


Step = Actions | Final | Malformed


class Unclear(ValueError):
    """A part of an answer that cannot be read for certain; says what is wrong and what to write."""
