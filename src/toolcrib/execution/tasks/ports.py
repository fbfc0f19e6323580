"""What background tasks need of the world, and how they are run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.ports import CallJournal, Clock, EventSink, IdFactory
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.artifacts import ArtifactStore
from toolcrib.core.tasks import TaskStore
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release

CallTool = Callable[[Release, ToolCall, CallContext], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPorts:
    """The ports of background tasks."""

    registry: Registry
    call_tool: CallTool
    store: TaskStore
    journal: CallJournal
    artifacts: ArtifactStore
    clock: Clock
    ids: IdFactory
    events: EventSink


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """How tasks are run.

    Attributes:
        workers: how many at the same time.
        queue: how many may wait.
        ttl_s: seconds a task is kept after its end, unless it is submitted with its own.
        lease_s: seconds after which a task whose process is gone is taken over.
    """

    workers: int = 4
    queue: int = 10_000
    ttl_s: float = 3600.0
    lease_s: float = 15.0
