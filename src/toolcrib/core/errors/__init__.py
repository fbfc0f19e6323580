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
│   ├── ApprovalRequired
│   ├── LoopDetected
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
│   ├── BudgetExceeded        a budget has no room for the next call of a model
│   ├── InputInvalid
│   ├── IterationLimit
│   ├── MigrationFailed
│   ├── ModelFailed
│   ├── ModelUnavailable
│   ├── PriceUnknown
│   ├── ResumeRefused
│   ├── RunCut                it was stopped in the middle of a step
│   ├── RunStopped            it was stopped between two steps, and goes on from there
│   ├── RunTimeout
│   ├── StateUnreadable
│   └── ToolAborted
├── ServerUnreachable
└── StoreUnavailable          what the project keeps cannot be read or written
"""

from toolcrib.core.errors.base import (
    AgentNotFound,
    ArchiveInvalid,
    ArchiveTooLarge,
    ArchiveUnsupported,
    ArtifactNotFound,
    Conflict,
    DeploymentRejected,
    GenerationConflict,
    Layer,
    NotFound,
    ProjectInvalid,
    ReleaseCollected,
    ReleaseDraining,
    ReleaseInUse,
    ReleaseNotFound,
    ServerUnreachable,
    Severity,
    StoreUnavailable,
    TaskNotFound,
    ThreadBusy,
    ToolcribError,
    ToolNotFound,
    error_class,
)
from toolcrib.core.errors.calls import (
    ApprovalRequired,
    ArgumentsInvalid,
    CallFailed,
    CallInDoubt,
    CircuitOpen,
    DeadlineExceeded,
    IdempotencyConflict,
    LoopDetected,
    PermissionDenied,
    QueueFull,
    RateLimited,
    RunnerSaturated,
    ToolCrashed,
    ToolError,
    ToolFailed,
)
from toolcrib.core.errors.runs import (
    BudgetExceeded,
    InputInvalid,
    IterationLimit,
    MigrationFailed,
    ModelFailed,
    ModelUnavailable,
    PriceUnknown,
    ResumeRefused,
    RunCut,
    RunFailed,
    RunStopped,
    RunTimeout,
    StateUnreadable,
    ToolAborted,
)

__all__ = [
    "AgentNotFound",
    "ApprovalRequired",
    "ArchiveInvalid",
    "ArchiveTooLarge",
    "ArchiveUnsupported",
    "ArgumentsInvalid",
    "ArtifactNotFound",
    "BudgetExceeded",
    "CallFailed",
    "CallInDoubt",
    "CircuitOpen",
    "Conflict",
    "DeadlineExceeded",
    "DeploymentRejected",
    "GenerationConflict",
    "IdempotencyConflict",
    "InputInvalid",
    "IterationLimit",
    "Layer",
    "LoopDetected",
    "MigrationFailed",
    "ModelFailed",
    "ModelUnavailable",
    "NotFound",
    "PermissionDenied",
    "PriceUnknown",
    "ProjectInvalid",
    "QueueFull",
    "RateLimited",
    "ReleaseCollected",
    "ReleaseDraining",
    "ReleaseInUse",
    "ReleaseNotFound",
    "ResumeRefused",
    "RunCut",
    "RunFailed",
    "RunStopped",
    "RunTimeout",
    "RunnerSaturated",
    "ServerUnreachable",
    "Severity",
    "StateUnreadable",
    "StoreUnavailable",
    "TaskNotFound",
    "ThreadBusy",
    "ToolAborted",
    "ToolCrashed",
    "ToolError",
    "ToolFailed",
    "ToolNotFound",
    "ToolcribError",
    "error_class",
]
