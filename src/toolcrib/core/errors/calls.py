"""Errors of one tool call."""

from typing import ClassVar

from toolcrib.core.errors.base import Layer, Severity, ToolcribError


class CallFailed(ToolcribError):
    """One tool call failed. `attempts` says how often its code ran, `started` whether the last try reached it."""

    code: ClassVar[str] = "call_failed"
    severity: ClassVar[Severity] = "MEDIUM"
    layer: ClassVar[Layer] = "tool"
    started: bool = True
    attempts: int = 1
    retry_after_s: float | None = None


class ArgumentsInvalid(CallFailed):
    """The arguments do not fit the tool's schema. The hint names each mistake; send corrected arguments."""

    code: ClassVar[str] = "arguments_invalid"
    severity: ClassVar[Severity] = "LOW"
    started = False
    attempts = 0


class DeadlineExceeded(CallFailed):
    """Time ran out. `level` names the clock that did: run, iteration, tool or attempt."""

    code: ClassVar[str] = "deadline_exceeded"
    retryable: bool = True

    def __init__(self, message: str, *, hint: str = "", level: str = "tool") -> None:
        super().__init__(message, hint=hint)
        self.level = level

    @classmethod
    def of(cls, tool: str, level: str, after_s: float) -> "DeadlineExceeded":
        """The error of a call of `tool` that was stopped after so many seconds."""
        turn_is_over = level in ("run", "iteration")
        hint = "The time of the whole turn is used up: answer with what is known."
        return cls(
            f"Tool {tool!r} was stopped after {after_s:.3g} s: the {level}'s time is over.",
            hint=hint if turn_is_over else "Ask for less in one call, or raise the limit.",
            level=level,
        )

    @classmethod
    def before_start(cls, tool: str, level: str, after_s: float) -> "DeadlineExceeded":
        """The error of a call whose time was over before the tool's code ran."""
        error = cls.of(tool, level, after_s)
        error.started, error.attempts = False, 0
        return error


class IdempotencyConflict(CallFailed):
    """The idempotency key belongs to an earlier call with other arguments. Use a new key for a new call."""

    code: ClassVar[str] = "idempotency_conflict"
    started = False
    attempts = 0


class PermissionDenied(CallFailed):
    """The caller does not hold a scope the tool asks for. Ask for the right, or use another tool."""

    code: ClassVar[str] = "permission_denied"
    started = False
    attempts = 0


class ApprovalRequired(CallFailed):
    """A person has to agree to the call before it is made. Approve the task that it waits in, or answer the graph."""

    code: ClassVar[str] = "approval_required"
    severity: ClassVar[Severity] = "LOW"
    decided_strategy = "manual"
    started = False
    attempts = 0


class LoopDetected(CallFailed):
    """The model goes in a circle, or asks for too many calls at once. The call is not made; the model is told so."""

    code: ClassVar[str] = "loop_detected"
    started = False
    attempts = 0


class CallInDoubt(CallFailed):
    """A call with this key began and never ended; nobody knows whether it took effect. Look, then settle it."""

    code: ClassVar[str] = "call_in_doubt"
    severity: ClassVar[Severity] = "HIGH"
    started = False
    attempts = 0


class CircuitOpen(CallFailed):
    """The tool failed too often lately and is not called for a while. `retry_after_s` says for how long."""

    code: ClassVar[str] = "circuit_open"
    severity: ClassVar[Severity] = "HIGH"
    retryable: bool = True
    started = False
    attempts = 0


class RateLimited(CallFailed):
    """More calls came than the tool's rate allows, and waiting would take too long. Try again after `retry_after_s`."""

    code: ClassVar[str] = "rate_limited"
    retryable: bool = True
    started = False
    attempts = 0


class QueueFull(CallFailed):
    """Too many calls run and wait already: of the tool, of the tenant, or in all. Try again after `retry_after_s`."""

    code: ClassVar[str] = "queue_full"
    severity: ClassVar[Severity] = "HIGH"
    retryable: bool = True
    started = False
    attempts = 0


class RunnerSaturated(CallFailed):
    """No worker was free: too many synchronous tools run, or were abandoned after a timeout. Try again later."""

    code: ClassVar[str] = "runner_saturated"
    severity: ClassVar[Severity] = "HIGH"
    retryable: bool = True
    started = False
    attempts = 0


class ToolCrashed(CallFailed):
    """The worker process died under the tool: a crash, `os._exit`, or the memory limit. Other calls are not touched."""

    code: ClassVar[str] = "tool_crashed"
    severity: ClassVar[Severity] = "HIGH"


class ToolFailed(CallFailed):
    """The tool's own code raised. The cause is kept as `__cause__`; the model sees type and message, no stack trace."""

    code: ClassVar[str] = "tool_failed"


class ToolError(CallFailed):
    """Raise it in a tool to tell the model what went wrong and what to do about it.

    Args:
        message: what happened, in words for the model.
        hint: what the model or the user can do.
        retryable: the same call may succeed later: the retry policy of the tool then applies.
        retry_after_s: seconds to wait before that, when known.
    """

    code: ClassVar[str] = "tool_error"

    def __init__(
        self, message: str, *, hint: str = "", retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.retry_after_s = retry_after_s
