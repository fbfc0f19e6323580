"""Every error of toolcrib, one tree.

ToolcribError
├── ProjectInvalid            the project or its configuration has mistakes (all of them, with places)
│   ├── ArchiveInvalid        an archive that was sent is damaged, or holds what no project may
│   │   ├── ArchiveTooLarge
│   │   └── ArchiveUnsupported
│   └── DeploymentRejected    the gate refused a candidate; the last good release goes on serving
├── NotFound                  a name that nobody knows, with near names
│   ├── ToolNotFound
│   ├── AgentNotFound
│   ├── ArtifactNotFound
│   ├── ReleaseNotFound
│   │   └── ReleaseCollected  its files were removed; its records are still there
│   └── TaskNotFound
├── Conflict                  somebody else was faster, or the thing is in use
│   ├── GenerationConflict
│   ├── ReleaseDraining
│   ├── ReleaseInUse
│   └── ThreadBusy
├── CallFailed                one tool call did not succeed; becomes `ToolResult.error`
│   ├── ArgumentsInvalid
│   ├── CallInDoubt
│   ├── CircuitOpen
│   ├── DeadlineExceeded
│   ├── IdempotencyConflict
│   ├── PermissionDenied
│   ├── QueueFull
│   ├── RateLimited
│   ├── RunnerSaturated
│   ├── ToolCrashed
│   ├── ToolFailed
│   └── ToolError             raised by tool authors on purpose
├── RunFailed                 one run did not succeed; becomes `RunResult.error`
│   ├── InputInvalid
│   ├── IterationLimit
│   ├── MigrationFailed
│   ├── ModelUnavailable
│   ├── ResumeRefused
│   ├── RunCut                it was stopped in the middle of a step
│   ├── RunStopped            it was stopped between two steps, and goes on from there
│   ├── RunTimeout
│   ├── StateUnreadable
│   └── ToolAborted
├── ServerUnreachable
└── StoreUnavailable          what the project keeps cannot be read or written
"""

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolcrib.core.policies import Strategy
    from toolcrib.core.reasons import Reason

Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
Layer = Literal["tool", "node", "graph"]


class ToolcribError(Exception):
    """Base of all errors of toolcrib: catch it to catch everything this library raises on purpose.

    Attributes:
        code: stable name of the error; `docs/errors/<code>.md` explains it.
        severity: how bad it is for the one who operates the system.
        retryable: whether the same request may succeed later.
        layer: where it happened.
        message: what happened, for people and models.
        hint: what to do about it; empty when the message says it all.
        escalated: it is one of many in a short time (`Escalate`), and one step more severe than it says.
        decided_strategy: the strategy for it when that is settled already, before what `on_error` says.
    """

    code: ClassVar[str] = "toolcrib_error"
    severity: ClassVar[Severity] = "HIGH"
    retryable: bool = False
    layer: ClassVar[Layer] = "graph"
    escalated: bool = False
    decided_strategy: "Strategy | None" = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ProjectInvalid(ToolcribError):
    """The project cannot be loaded. Mend every place in `reasons`; nothing was changed."""

    code: ClassVar[str] = "project_invalid"
    severity: ClassVar[Severity] = "HIGH"

    def __init__(self, message: str, *, hint: str = "", reasons: "Sequence[Reason]" = ()) -> None:
        super().__init__(message, hint=hint)
        self.reasons = tuple(reasons)


class ArchiveInvalid(ProjectInvalid):
    """The archive cannot be taken: `reasons` name its entries. Pack the project's files alone; nothing was changed."""

    code: ClassVar[str] = "archive_invalid"
    severity: ClassVar[Severity] = "MEDIUM"


class ArchiveTooLarge(ArchiveInvalid):
    """The archive comes to more than `uploads` in `toolcrib.yaml` allows. Leave data out, or raise the limit."""

    code: ClassVar[str] = "archive_too_large"


class ArchiveUnsupported(ArchiveInvalid):
    """The archive is neither a tar.gz nor a zip, or not what its content type says. Send one of these."""

    code: ClassVar[str] = "archive_unsupported"


class DeploymentRejected(ProjectInvalid):
    """The gate refused this candidate. Mend every place in `reasons` and deploy again; the last good release serves."""

    code: ClassVar[str] = "deployment_rejected"


class NotFound(ToolcribError):
    """Nothing has this name. Use one of the near names in the hint."""

    code: ClassVar[str] = "not_found"
    severity: ClassVar[Severity] = "LOW"


class ToolNotFound(NotFound):
    """The release has no tool of this name, or the agent may not use it."""

    code: ClassVar[str] = "tool_not_found"
    layer: ClassVar[Layer] = "tool"


class AgentNotFound(NotFound):
    """The release has no agent of this name."""

    code: ClassVar[str] = "agent_not_found"


class ArtifactNotFound(NotFound):
    """No artifact of this tenant has this handle, or its time is over. Call the tool again that gave the handle."""

    code: ClassVar[str] = "artifact_not_found"
    layer: ClassVar[Layer] = "tool"


class ReleaseNotFound(NotFound):
    """The release store holds no release with this id. `toolcrib releases` lists what it holds."""

    code: ClassVar[str] = "release_not_found"


class ReleaseCollected(ReleaseNotFound):
    """The release's files were removed, its records stay. Deploy the same tree again to have it back."""

    code: ClassVar[str] = "release_collected"


class TaskNotFound(NotFound):
    """No background task has this id, or its time is over. `toolcrib tasks` lists what there is."""

    code: ClassVar[str] = "task_not_found"


class Conflict(ToolcribError):
    """The request clashes with the present state. Look at the state and decide anew."""

    code: ClassVar[str] = "conflict"
    severity: ClassVar[Severity] = "LOW"
    retryable: bool = True


class GenerationConflict(Conflict):
    """Another deployment was activated meanwhile. Read the current generation and try again."""

    code: ClassVar[str] = "generation_conflict"


class ReleaseDraining(Conflict):
    """An operator drains the release: nobody may begin to use it until that is over. Try again after that."""

    code: ClassVar[str] = "release_draining"
    retryable: bool = True


class ReleaseInUse(Conflict):
    """A release that still has leases, or serves, cannot be retired. Wait until its runs have ended."""

    code: ClassVar[str] = "release_in_use"


class ThreadBusy(Conflict):
    """The thread already has a run in flight. Wait for it to finish."""

    code: ClassVar[str] = "thread_busy"


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


class RunFailed(ToolcribError):
    """One run failed. The message says where; the thread keeps what was finished before."""

    code: ClassVar[str] = "run_failed"
    severity: ClassVar[Severity] = "MEDIUM"


class ModelUnavailable(RunFailed):
    """The agent's model cannot be used: its package or its key is missing, or the provider refused."""

    code: ClassVar[str] = "model_unavailable"
    severity: ClassVar[Severity] = "HIGH"


class InputInvalid(RunFailed):
    """The run's input is none for this graph: its state has none of these keys. The hint names those it has."""

    code: ClassVar[str] = "input_invalid"
    severity: ClassVar[Severity] = "LOW"


class IterationLimit(RunFailed):
    """The model was asked `limits.iterations` times and still wants more. Raise the limit, or look for a loop."""

    code: ClassVar[str] = "iteration_limit"


class ResumeRefused(RunFailed):
    """Nothing waits on this thread, or the release it waits on is gone. The thread stays as it is."""

    code: ClassVar[str] = "resume_refused"


class MigrationFailed(RunFailed):
    """A thread's saved state cannot be brought to the release it should go on with. The thread stays as it is."""

    code: ClassVar[str] = "migration_failed"


class StateUnreadable(RunFailed):
    """A thread's saved state holds what the release that reads it has no class for, or cannot build."""

    code: ClassVar[str] = "state_unreadable"


class RunCut(RunFailed):
    """The run was stopped in the middle of a step: its release was purged, or the process ended before the step did."""

    code: ClassVar[str] = "run_cut"


class RunStopped(RunFailed):
    """The run was stopped between two steps, for its release is drained or the process ends. It goes on from there."""

    code: ClassVar[str] = "run_stopped"
    severity: ClassVar[Severity] = "LOW"


class RunTimeout(RunFailed):
    """The run took longer than `limits.run_timeout_s` of its agent."""

    code: ClassVar[str] = "run_timeout"
    retryable: bool = True


class ToolAborted(RunFailed):
    """A tool failed with an error that ends the run: its `on_error` says `abort`, or a person decided so."""

    code: ClassVar[str] = "tool_aborted"


class ServerUnreachable(ToolcribError):
    """No toolcrib server answers at the given address. Start one with `toolcrib dev`."""

    code: ClassVar[str] = "server_unreachable"
    retryable: bool = True


class StoreUnavailable(ToolcribError):
    """A database of the project cannot be read or written: the disk is full, or it may not be written."""

    code: ClassVar[str] = "store_unavailable"
    severity: ClassVar[Severity] = "CRITICAL"
    retryable: bool = True


def error_class(code: str) -> type[ToolcribError] | None:
    """The error with this code; None for codes that are none of ours, e.g. of a newer server."""
    found: list[type[ToolcribError]] = [ToolcribError]
    while found:
        error = found.pop()
        if vars(error).get("code") == code:
            return error
        found += error.__subclasses__()
    return None
