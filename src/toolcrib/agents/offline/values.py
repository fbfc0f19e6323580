"""What the offline router is offered (a tool as JSON schema) and what it makes of a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool the router may call: its name, words about it and its arguments as JSON schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The arguments read from a text.

    ``args`` hold for the schema; ``missing`` names required arguments the text does not give;
    ``evidence`` (0..1) says how strongly the text fits (typed finds such as a currency pair count
    more than leftover free text); ``used`` are the spans of the text that were consumed.
    """

    args: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    evidence: float = 0.0
    used: tuple[tuple[int, int], ...] = ()
