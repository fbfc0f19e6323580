"""What the offline router is given and gives back: tools, turns, decisions; and what it reads from a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool the router may call: its name, words about it, its arguments as JSON schema, example questions."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call of a tool."""

    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a conversation.

    ``calls`` are an assistant's; ``tool`` names the tool whose result this is, ``failed`` says that it failed.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[PlannedCall, ...] = ()
    tool: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do next: call these tools when there are any, else answer with the text."""

    text: str
    calls: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The arguments read from a text.

    ``args`` hold for the schema; ``missing`` names required arguments the text does not give;
    ``evidence`` (0..1) says how strongly the text fits the required ones; ``shape`` (0..0.6) how much the things found
    point to this tool whatever the words are (two currencies, an arithmetic expression, a labelled id);
    ``used`` are the spans of the text that were consumed.
    """

    args: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    evidence: float = 0.0
    shape: float = 0.0
    used: tuple[tuple[int, int], ...] = ()
