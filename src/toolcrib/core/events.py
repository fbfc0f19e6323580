"""What happened, as frozen values: rooms that may not call each other hear of each other through these."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from toolcrib.core.experiments.arms import Arms, told
from toolcrib.core.quick_init import quick_init
from toolcrib.core.releases import ColdChange, Deployment
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.core.tasks import Decision, TaskState


class _Facts:
    """An event whose data is plain."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping."""
        mine = fields(self)  # type: ignore[arg-type]  # the dataclasses below
        return {field.name: getattr(self, field.name) for field in mine}


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted(_Facts):
    """A call passed validation and its first attempt begins."""

    name: ClassVar[str] = "tool.started"
    tool: str
    call_id: str
    release: str
    run_id: str = ""
    thread_id: str = ""
    agent: str = ""
    tenant: str = ""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    """A call has its result, good or bad; also one that was refused before its first attempt, or cancelled."""

    name: ClassVar[str] = "tool.finished"
    result: ToolResult
    run_id: str = ""
    thread_id: str = ""
    agent: str = ""
    tenant: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping; value and handle stay out: what they show may be large or secret."""
        result = replace(self.result, value=None).to_dict()
        del result["value"], result["artifact"]
        who = {"run_id": self.run_id, "thread_id": self.thread_id, "agent": self.agent, "tenant": self.tenant}
        return {**who, **result}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(_Facts):
    """A run was accepted and pinned."""

    name: ClassVar[str] = "run.started"
    run_id: str
    thread_id: str
    agent: str
    release: str
    tenant: str = ""
    variants: Arms = ()

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping."""
        return _Facts.to_dict(self) | {"variants": told(self.variants)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended: answered, failed, cancelled or waiting for a human."""

    name: ClassVar[str] = "run.finished"
    result: RunResult
    agent: str
    tenant: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping, without the answer and the trace."""
        hidden = {"output", "trace", "interrupts"}
        data = {key: value for key, value in self.result.to_dict().items() if key not in hidden}
        return {"agent": self.agent, "tenant": self.tenant, **data}


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFinished(_Facts):
    """A model answered, or did not: once for each model of a chain that was asked.

    Attributes:
        tier: the run's; empty for an agent without tiers.
        outcome: `ok`, `failed` (the next one was asked, if there is one), `refused` (no other would take the request
            either), `timeout` (the iteration's or the run's time is over) or `cancelled`.
        attempts: how often it was asked.
        duration_s: all attempts and the waits between them.
        error: type and status of the last failure.
    """

    name: ClassVar[str] = "model.finished"
    model: str
    outcome: str
    attempts: int
    duration_s: float
    release: str
    tier: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    error: str = ""
    run_id: str = ""
    thread_id: str = ""
    agent: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(_Facts):
    """A node of an agent's graph begins a step."""

    name: ClassVar[str] = "node.started"
    node: str
    run_id: str
    thread_id: str
    agent: str
    release: str
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinished(_Facts):
    """A node of an agent's graph ended its step; `outcome` is `ok`, `interrupted` or `error`."""

    name: ClassVar[str] = "node.finished"
    node: str
    run_id: str
    thread_id: str
    agent: str
    release: str
    outcome: str
    duration_s: float
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(_Facts):
    """A background task left the queue; `release` serves it from here to its end."""

    name: ClassVar[str] = "task.started"
    task: str
    tool: str
    release: str
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgressed(_Facts):
    """The tool of a background task told how far it is; what it tells within a tenth of a second is told once."""

    name: ClassVar[str] = "task.progress"
    task: str
    tool: str
    progress: float
    message: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFinished(_Facts):
    """A background task came to its end."""

    name: ClassVar[str] = "task.finished"
    task: str
    tool: str
    state: TaskState
    release: str = ""
    tenant: str = ""
    batch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWaiting(_Facts):
    """A failed call waits for a person, as a task: one that ran in the background, or a direct call (`call_id`)."""

    name: ClassVar[str] = "task.waiting"
    task: str
    tool: str
    code: str
    call_id: str
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResolved(_Facts):
    """A person decided about a call that waited; unless it is to be run again, it has come to its end with that."""

    name: ClassVar[str] = "task.resolved"
    task: str
    tool: str
    decision: Decision
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A deployment came to its end: activated, rejected or rolled back."""

    name: ClassVar[str] = "deployment.finished"
    deployment: Deployment

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping."""
        return self.deployment.to_dict()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartNeeded:
    """What needs a rolling restart has changed: there is more of it, less, or nothing any more."""

    name: ClassVar[str] = "restart.needed"
    changes: tuple[ColdChange, ...]

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping."""
        return {"needed": bool(self.changes), "changes": [change.to_dict() for change in self.changes]}


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryRolledBack(_Facts):
    """An incident: the guard ended a canary that did worse than the stable release.

    Attributes:
        stable: id of the release that serves all again.
        why: what was worse, in words.
        figures: what was compared, of the `canary` and the `stable` release.
    """

    name: ClassVar[str] = "canary.rolled_back"
    release: str
    stable: str
    why: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRetired:
    """A release left memory.

    Attributes:
        modules: how many of its modules went with it; the others are shared with living releases.
        leaks: what its code left running, e.g. `thread poll (tools.feed:12)`.
    """

    name: ClassVar[str] = "release.retired"
    release: str
    modules: int = 0
    leaks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The event's data as JSON-ready mapping."""
        return {"release": self.release, "modules": self.modules, "leaks": list(self.leaks)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChanged(_Facts):
    """A circuit breaker opened, let probes through (`half_open`) or closed again; `why` tells what opened it."""

    name: ClassVar[str] = "breaker.changed"
    tool: str
    state: str
    tenant: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEscalated(_Facts):
    """A tool's failures pile up: `errors` of them came within `window_s`; told once until that is over."""

    name: ClassVar[str] = "tool.escalated"
    tool: str
    release: str
    errors: int
    window_s: float
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRefused(_Facts):
    """A model was not asked, because an account has no room for the most it can cost: `account` tells which in words.

    Attributes:
        scope: `run`, `thread`, `tenant` or `agent`.
        model: name of the model that was to be asked.
    """

    name: ClassVar[str] = "budget.refused"
    scope: str
    account: str
    agent: str
    release: str
    model: str
    tenant: str = ""
    run_id: str = ""


Event = (
    ToolStarted
    | ToolFinished
    | BreakerChanged
    | ToolEscalated
    | RunStarted
    | RunFinished
    | BudgetRefused
    | ModelFinished
    | NodeStarted
    | NodeFinished
    | TaskStarted
    | TaskProgressed
    | TaskFinished
    | TaskWaiting
    | TaskResolved
    | Deployed
    | CanaryRolledBack
    | RestartNeeded
    | ReleaseRetired
)
