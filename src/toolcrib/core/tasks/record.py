"""One background task as data, and the one table of its legal moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from toolcrib.core.errors import Conflict
from toolcrib.core.redaction import Masks, hides, hiding, redact, redact_result, texts_of
from toolcrib.core.results import ToolResult

TaskState = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "skipped", "in_doubt"]
Decision = Literal["retry", "answer", "skip", "abort"]
"""What a person says of a call that waits: run it again, take this for its result, go on without it, let it fail."""

TASK_MOVES: Mapping[TaskState, frozenset[TaskState]] = MappingProxyType(
    {
        "queued": frozenset({"running", "cancelled", "skipped"}),
        # back to `queued`: its process ended, and the tool may be run again
        "running": frozenset({"succeeded", "failed", "cancelled", "in_doubt", "queued", "waiting"}),
        # for a person, who has it run again, answers, skips, aborts or cancels it
        "waiting": frozenset({"queued", "succeeded", "skipped", "failed", "cancelled"}),
        "succeeded": frozenset(),
        "failed": frozenset(),
        "cancelled": frozenset(),
        "skipped": frozenset(),
        "in_doubt": frozenset(),
    }
)
"""From which state a task may go to which; the service, the stores and their tests read this table and no other."""

ENDED: frozenset[TaskState] = frozenset(state for state, onward in TASK_MOVES.items() if not onward)

_INTERNAL = frozenset({"owner", "leased_until", "scopes", "sensitive"})
_HEAVY = frozenset({"args", "result"})
_WORDS = frozenset({"message", "error", "callback_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One tool call that runs in the background.

    Attributes:
        args: argument name -> JSON value, as the caller gave them.
        tenant, scopes: on whose behalf, with which rights; None for a caller inside this process.
        approved: a person has agreed to its call.
        key: idempotency key, unique within its tenant; empty without.
        priority: of waiting tasks the one with the higher number begins first, then the older one.
        call_key: idempotency key of the call itself, as its caller gave it; empty without.
        state: `waiting` for a person, since the tool failed with an error that asks for one; `in_doubt` when its
            process ended in the middle and the call may or may not have had its effect.
        progress, message: how far it is (0 to 1), as the tool told.
        release: id of the release that serves it, known once it has begun.
        created_at, started_at, finished_at: Unix time, seconds.
        result: `ToolResult.to_dict()` of the call, while it waits the failure; None unless the call came to a result.
        error: code and message of what went wrong; empty when nothing did.
        ttl_s, expires_at: how long the record is kept after its end, and until when; None while it is queued or runs.
        batch: id of the batch it belongs to; empty without.
        stop_on_failure: when it fails, what has not begun of its batch is skipped.
        callback_error: why its callback failed; empty when it did not, or has not been called.
        cancel_asked: somebody wanted it to stop while it ran; the process that runs it does so within seconds.
        owner, leased_until: which process runs it, and until when nobody else may take it over.
        starts: how often it was begun; each beginning has its own number.
        crashes: how often its process died under it.
        repeatable: whether the tool that runs it may be run again, as its release says.
        sensitive: what of its arguments and its result must not be shown, as its tool said when it was submitted.
    """

    id: str
    tool: str
    args: Mapping[str, Any] = field(default_factory=dict, repr=False)
    tenant: str = ""
    scopes: tuple[str, ...] | None = None
    approved: bool = False
    key: str = ""
    call_key: str = ""
    priority: int = 0
    state: TaskState = "queued"
    progress: float = 0.0
    message: str = ""
    release: str = ""
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    result: Mapping[str, Any] | None = field(default=None, repr=False)
    error: str = ""
    ttl_s: float = 3600.0
    expires_at: float | None = None
    batch: str = ""
    stop_on_failure: bool = False
    callback_error: str = ""
    cancel_asked: bool = False
    owner: str = ""
    leased_until: float | None = None
    starts: int = 0
    crashes: int = 0
    repeatable: bool = False
    sensitive: Masks = field(default_factory=Masks)

    @property
    def ended(self) -> bool:
        """Whether it has come to an end, good or bad."""
        return self.state in ENDED

    @property
    def sinks_batch(self) -> bool:
        """Whether its end is one that skips the rest of its batch."""
        return bool(self.batch) and self.stop_on_failure and self.state in ("failed", "in_doubt")

    def to_dict(self) -> dict[str, Any]:
        """The task as people may see it, a JSON-ready mapping, without what only the workers need."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _INTERNAL}
        return self._redacted(shown) if hides(self.sensitive.args) or hides(self.sensitive.result) else shown

    def summary(self) -> dict[str, Any]:
        """The task as JSON-ready mapping for lists, without arguments and result."""
        return {name: value for name, value in self.to_dict().items() if name not in _HEAVY}

    def _redacted(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document without what is sensitive, also where the tool's own words or a callback's quote it."""
        mask, value = self.sensitive.args, (self.result or {}).get("value")
        hidden = (*texts_of(self.args, mask), *texts_of(value, self.sensitive.result))
        words = {name: hiding(hidden)(document[name]) for name in _WORDS}
        result = self.result and redact_result(self.result, self.sensitive.result, hidden)
        return document | words | {"args": redact(self.args, mask), "result": result}

    def tool_result(self) -> ToolResult:
        """The result of its call.

        Raises:
            Conflict: it has none: it has not ended, or not with a result.
        """
        if self.result is None or not self.ended:
            raise Conflict(f"Task {self.id} has no result: it is {self.state}.", hint=self.error)
        return self.last_result()

    def last_result(self) -> ToolResult:
        """What its call came to, which of a task that waits for a person is not the last word."""
        assert self.result is not None, self.state
        data = {name: value for name, value in self.result.items() if name in ToolResult.__dataclass_fields__}
        return ToolResult.from_dict(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBatch:
    """Tasks that were submitted together: the batch's id, and the tasks' in the order of their calls."""

    id: str
    tasks: tuple[str, ...]
