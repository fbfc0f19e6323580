"""A call on its way through a tool's chain, and the shape of the chain's links."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolcrib.core.calls import CallContext, DeadlineLevel
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call inside the chain: the pinned tool, its arguments and its context; replaced by links, never mutated.

    Attributes:
        deadline: reading of the monotonic clock at which this call must be over; links may only lower it.
        attempt: number of the present attempt, from 1.
    """

    tool: Tool
    args: Mapping[str, Any]
    id: str
    context: CallContext
    deadline: float | None = None
    deadline_level: DeadlineLevel = "run"
    attempt: int = 1


CallNext = Callable[[Call], Awaitable[ToolResult]]
Link = Callable[[CallNext], CallNext]
