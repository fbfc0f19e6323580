"""What draining needs of the world, and what it tells."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from toolcrib.core.ports import Clock, EventSink, ReleaseStore
from toolcrib.core.stores.ledger import RunLedger, RunRecord
from toolcrib.core.tasks import TaskRecord
from toolcrib.deployment.deployer import Deployer
from toolcrib.registry.registry import Registry


class Runs(Protocol):
    """The runs under way in this process; see `runs.active.ActiveRuns`."""

    def records(self, release: str = "") -> Sequence[RunRecord]:
        """Those on the release with this digest."""

    def ask_to_stop(self, release: str = "", *, become: Literal["drained"]) -> None:
        """Let each stop before its next step."""

    def cut(self, release: str = "", *, why: str) -> Sequence[RunRecord]:
        """End each at once; those that were."""


class Tasks(Protocol):
    """The background tasks that run in this process; see `execution.tasks.workers.TaskWorkers`."""

    def running_on(self, release: str) -> Sequence[TaskRecord]:
        """Those that run on the release with this id."""

    async def stop(self, task_id: str) -> bool:
        """Cancel a task that runs here and wait for its end, for a bounded time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainPorts:
    """What draining needs."""

    registry: Registry
    deployer: Deployer
    store: ReleaseStore
    ledger: RunLedger
    runs: Runs
    tasks: Tasks
    clock: Clock
    events: EventSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A run or a task that a drain ended.

    Attributes:
        kind: `run` or `task`.
        id: of the run or the task.
        what: the agent or the tool.
        became: `drained` (stopped between two steps, can go on) or `cut` (ended in the middle).
    """

    kind: Literal["run", "task"]
    id: str
    what: str
    became: Literal["drained", "cut"]
    thread_id: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What became of a drain.

    Attributes:
        state: `retired` has left memory; `drained` has no user any more, but code of it that cannot be stopped still
            runs in a worker thread, and it leaves memory when that has ended; `absent` was not in memory.
        release: id of the release.
        stopped: what was ended for it, in full.
        seconds: how long it took.
    """

    state: Literal["retired", "drained", "absent"]
    release: str
    stopped: tuple[Stopped, ...] = ()
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The drain as JSON-ready mapping."""
        return asdict(self) | {"stopped": [asdict(one) for one in self.stopped]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseUse:
    """Who uses a release.

    Attributes:
        release: its id.
        digest: its digest.
        state: in the store.
        serves: whether it serves anybody.
        in_memory: whether this process has it in memory.
        leases: kind of user -> how many, in this process.
        oldest_s: how long the oldest of these leases has lasted, seconds; None without any.
        running, parked, stopped: threads, by their last run: under way in any process, waiting for a human, stopped
            by a drain or the end of a process.
    """

    release: str
    digest: str
    state: str
    serves: bool
    in_memory: bool
    leases: Mapping[str, int] = field(default_factory=dict)
    oldest_s: float | None = None
    running: int = 0
    parked: int = 0
    stopped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The use as JSON-ready mapping."""
        return asdict(self)
