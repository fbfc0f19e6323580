"""A call on its way through a tool's chain, and the shape of the chain's links."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from toolcrib.core.calls import CallContext, DeadlineLevel
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool


class Call(NamedTuple):
    """One call inside the chain: the pinned tool, its arguments and its context; replaced by links, never mutated.

    A named tuple, unlike the other values: it is made several times a call, and costs a fifth of a frozen dataclass.

    Attributes:
        began: reading of the monotonic clock when the call came.
        deadline: reading of the monotonic clock at which this call must be over; links may only lower it.
        attempt: number of the present attempt, from 1.
        idempotency_key: see `ToolCall`.
    """

    tool: Tool
    args: Mapping[str, Any]
    id: str
    context: CallContext
    began: float
    deadline: float | None = None
    deadline_level: DeadlineLevel = "run"
    attempt: int = 1
    idempotency_key: str = ""


CallNext = Callable[[Call], Coroutine[Any, Any, ToolResult]]
Link = Callable[[CallNext], CallNext]
