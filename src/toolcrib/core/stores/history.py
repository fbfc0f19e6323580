"""The history of errors: what is remembered of a call that failed, and the port of its store."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from toolcrib.core.errors import Layer, Severity

KEPT = 50
MAX_PAIRS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRecord:
    """One call that failed; neither its arguments nor a result.

    Attributes:
        at: Unix time of its end.
        severity: one step higher than the error's own where `escalated`.
        message: what the caller was told, at most 2,000 characters; it may quote what the tool was given.
        run_id: the run it belonged to; empty for a direct call.
    """

    tool: str
    at: float
    release: str
    code: str
    severity: Severity
    escalated: bool
    layer: Layer
    message: str
    call_id: str
    tenant: str = ""
    agent: str = ""
    run_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-ready mapping."""
        return asdict(self)


class ErrorStore(Protocol):
    """Where errors outlive the process. Bounded, and so that no tool or tenant pushes out another's."""

    async def add(self, records: Sequence[ErrorRecord]) -> None:
        """Keep errors, given from the oldest to the newest.

        Of each tool and tenant the newest 50 stay; of more than 1,000 such pairs those that failed last.
        """

    async def newest(self, tool: str, *, tenant: str | None = None, limit: int = KEPT) -> Sequence[ErrorRecord]:
        """The errors of a tool, the newest first; of one tenant, or of all."""
