"""Errors of one run of an agent."""

from typing import ClassVar

from toolcrib.core.errors.base import Severity, ToolcribError


class RunFailed(ToolcribError):
    """One run failed. The message says where; the thread keeps what was finished before."""

    code: ClassVar[str] = "run_failed"
    severity: ClassVar[Severity] = "MEDIUM"


class ModelUnavailable(RunFailed):
    """The agent's model cannot be used: its package or its key is missing, or the provider refused."""

    code: ClassVar[str] = "model_unavailable"
    severity: ClassVar[Severity] = "HIGH"


class BudgetExceeded(RunFailed):
    """The next call of a model could cost more than a budget has left. Wait until it renews, or raise the budget."""

    code: ClassVar[str] = "budget_exceeded"


class PriceUnknown(RunFailed):
    """Dollars are limited and no price is known for the model. Write it under `prices:` in agents.yaml."""

    code: ClassVar[str] = "price_unknown"
    severity: ClassVar[Severity] = "HIGH"


class ModelFailed(RunFailed):
    """No model of the agent gave an answer, or one refused the request. The message tells of each that was asked."""

    code: ClassVar[str] = "model_failed"
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
