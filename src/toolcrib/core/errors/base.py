"""The root of all errors, and those of projects, names and states."""

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
