"""Ports: what the rooms need from the world, as protocols; adapters and fakes plug in here."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from toolcrib.core.calls import ToolContext
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import Conflict
from toolcrib.core.events import Event
from toolcrib.core.policies import RateLimit
from toolcrib.core.releases import Channel, Deployment, Manifest, ReleaseState
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.pins import ThreadPin
from toolcrib.core.tools import Need, ResourceSpec, Tool


class Clock(Protocol):
    """Time, injectable."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences have a meaning."""

    def now(self) -> float:
        """Unix time in seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Random(Protocol):
    """Chance, injectable."""

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""


class IdFactory(Protocol):
    """Fresh ids, injectable."""

    def new(self) -> str:
        """An id nobody else has, UUID text, sortable by time."""


class EventSink(Protocol):
    """Where events go. Never raises and never blocks."""

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody listens to events of this kind; when not, callers save themselves the making of one."""

    def emit(self, event: Event) -> None:
        """Hand on one event."""


class Runner(Protocol):
    """Where a tool's code runs."""

    async def run(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> Any:
        """Run the tool's code and give back what it returned.

        Raises:
            RunnerSaturated: no worker is free.
            Exception: whatever the tool raises.
        """


class WorkerRunner(Runner, Protocol):
    """A runner whose workers have to be started."""

    async def ready(self, release: str) -> None:
        """Wait until a worker that has this release's code is running, busy or not; at once when there is one."""


class Loan(Protocol):
    """What a call has borrowed; whoever borrowed it ends it."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Parameter -> value, for the run of the code that needs it."""

    def watch(self, tool: Tool) -> Tool:
        """The tool, whose code keeps the loan until it returns.

        For code in a thread: it cannot be stopped, so it may still use what its cancelled caller has borrowed.
        """

    def end(self) -> None:
        """Give everything back: now, or when watched code that still runs returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceStats:
    """How a resource does, over all releases that have one of this name.

    Attributes:
        open: instances that are open.
        in_use: calls, and other resources, that hold an instance now.
        waiting: calls that wait for an instance.
        opened, failed: instances opened, and attempts to open one that failed, since the process began.
    """

    open: int = 0
    in_use: int = 0
    waiting: int = 0
    opened: int = 0
    failed: int = 0


class Resources(Protocol):
    """What tools share and what outlives their calls; belongs to one event loop."""

    async def borrow(self, needs: Mapping[str, Need]) -> Loan:
        """A value for each parameter, opened when it is not; who is cancelled while waiting has borrowed nothing.

        Raises:
            ToolFailed: a resource cannot be opened, or a secret is not there.
        """

    async def keep(self, live: Iterable[ResourceSpec]) -> None:
        """Close what is open but in use by none of the `live` specs; never raises, ends in bounded time."""

    async def trim(self) -> None:
        """Close what nobody used for longer than its author allows."""

    def snapshot(self) -> Mapping[str, ResourceStats]:
        """How each resource does, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One call in the journal.

    Attributes:
        key: unique for the call; the same when the call comes again.
        args_digest: digest of its validated arguments.
        release: id of the release that served it.
        began_at: Unix time.
        result: how it ended; None while it runs, or when the process died under it.
    """

    key: str
    tool: str
    tenant: str
    args_digest: str
    release: str
    began_at: float
    result: ToolResult | None = None


class CallJournal(Protocol):
    """Which calls began and how they ended; what makes a repeated call run once."""

    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        """Write that a call begins; None when its key is new, else what is known of the key, and nothing is written."""

    async def finish(self, key: str, result: ToolResult) -> None:
        """Write how the call ended."""

    async def forget(self, key: str) -> None:
        """Take the entry out: the call never reached the tool, or may run again."""

    async def find(self, key: str) -> JournalEntry | None:
        """What is known of a key."""

    async def in_doubt(self, limit: int = 100) -> Sequence[JournalEntry]:
        """Calls without an end, the oldest first; those that run at this moment are among them."""

    async def sweep(self, *, before: float) -> int:
        """Take out ended calls that began before this Unix time; how many there were."""


class RateLimiter(Protocol):
    """Rates shared by all calls with the same key."""

    async def take(self, key: str, limit: RateLimit, *, patience_s: float) -> float:
        """Take a place in the rate.

        Returns:
            Seconds until the call may go, 0.0 at once. As much as `patience_s` or more means that nothing was taken.
        """


class Locks(Protocol):
    """Named locks: one holder each, first come first served."""

    async def acquire(self, name: str, *, holder: str) -> None:
        """Wait for the lock and hold it; a cancelled wait leaves nothing behind."""

    def release(self, name: str, *, holder: str) -> None:
        """Let go of it; the next in line has it at once."""

    def holders(self) -> Mapping[str, str]:
        """Lock -> who holds it, for those who ask why a call waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A release as the store knows it: `at` is Unix time of its first arrival."""

    manifest: Manifest
    state: ReleaseState
    at: float


NO_MOVES: Mapping[str, ReleaseState] = MappingProxyType({})


class ReleaseStore(Protocol):
    """Where releases outlive the process: contents by digest, manifests, the channel, the history."""

    async def put(
        self,
        manifest: Manifest,
        contents: Mapping[str, bytes],
        *,
        at: float,
        state: ReleaseState = "staged",
        shape: Shape | None = None,
    ) -> None:
        """Keep a release (path -> bytes) in this state, with its shape.

        A second time with the same manifest changes nothing, but a shape that is lacking is taken, and one that was
        collected is kept as if it were new.
        """

    async def shape(self, digest: str) -> Shape | None:
        """The shape of the release; None when it was put without one, as before there were any.

        Raises:
            ReleaseNotFound: no such release.
        """

    async def contents(self, digest: str) -> Mapping[str, bytes]:
        """Path -> bytes of the release.

        Raises:
            ReleaseNotFound: no such release.
            ReleaseCollected: its files were removed.
        """

    async def collect(self, digest: str) -> int:
        """Remove the release's shape, and those of its files that no other release has, in one transaction.

        The release stays known as `collected`; put again, it is whole again.

        Returns:
            How many bytes that freed.

        Raises:
            ReleaseNotFound: no such release.
            Conflict: it serves.
        """

    async def find(self, id_or_digest: str) -> StoredRelease:
        """The release by id (`r-1a2b3c4d`), by digest or by a unique beginning of either.

        Raises:
            ReleaseNotFound: none, or more than one.
        """

    async def releases(self) -> Sequence[StoredRelease]:
        """All releases, the newest first."""

    async def move(self, digest: str, state: ReleaseState) -> None:
        """Set the state.

        Raises:
            Conflict: the table of legal moves has no such move.
        """

    async def channel(self) -> Channel:
        """What serves now."""

    async def point(self, channel: Channel, *, deployment: Deployment | None = None) -> Channel:
        """Change what serves, if the generation is still the one before `channel.generation`.

        The releases change their states as `repointed` says, and the deployment that asks for it is recorded, in the
        same transaction.

        Raises:
            GenerationConflict: another change came first.
            Conflict: the table of legal moves lacks one of the moves.
        """

    async def saw_tree(self, digest: str) -> None:
        """Remember the digest of the working tree last looked at."""

    async def record(
        self, deployment: Deployment, *, seen_tree: str = "", moves: Mapping[str, ReleaseState] = NO_MOVES
    ) -> None:
        """Append to the history, remember the tree and set states (digest -> state), in one transaction.

        Raises:
            Conflict: the table of legal moves lacks one of the moves.
        """

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """Past deployments, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run in the ledger.

    Attributes:
        status: see `core.stores.pins.RunStatus`.
        releases_seen: ids of the releases whose code served the run's steps; more than one is a mixed run.
        started_at, finished_at: Unix time; finished_at is None while running.
        paused_at: the nodes in which it waits for a human.
        moved_to: digest of the release the thread goes on with, where an operator moved it after this run.
        state: id of the schema its state is saved in, `s-…`.
        revision: the migration its state has come to; empty before the first.
    """

    run_id: str
    thread_id: str
    agent: str
    release: str
    tenant: str = ""
    status: str = "running"
    error: str = ""
    releases_seen: tuple[str, ...] = ()
    started_at: float = 0.0
    finished_at: float | None = None
    paused_at: tuple[str, ...] = ()
    moved_to: str = ""
    state: str = ""
    revision: str = ""

    @property
    def goes_on_with(self) -> str:
        """Digest of the release that the thread holds on to after this run."""
        return self.moved_to or self.release


def checkpoint_thread(tenant: str, thread_id: str) -> str:
    """The thread's key in the checkpointer: tenants never share one.

    Raises:
        Conflict: the id holds the separator.
    """
    if "\x1f" in thread_id or "\x1f" in tenant:
        raise Conflict("A thread id and a tenant must not hold control characters.")
    return f"{tenant}\x1f{thread_id}" if tenant else thread_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadFilter:
    """Which threads are meant; what is empty says nothing. A thread is told by its last run.

    Attributes:
        tenant: None for all tenants, empty for threads without one.
        release: digest of the release it goes on with.
        status: of its last run.
    """

    thread_id: str = ""
    tenant: str | None = None
    agent: str = ""
    release: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """Counts over the ledger's runs: `mixed` saw more than one release, `stopped` can go on."""

    started: int = 0
    finished: int = 0
    failed: int = 0
    interrupted: int = 0
    running: int = 0
    mixed: int = 0
    stopped: int = 0


class RunLedger(Protocol):
    """What runs there were, on which release, and how they ended."""

    async def accept(self, record: RunRecord) -> None:
        """Write the pin before the first step."""

    async def finish(self, record: RunRecord) -> None:
        """Write the end."""

    async def last(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """The thread's last run; it waits for a human when its status is `interrupted`."""

    async def threads(self, wanted: ThreadFilter, limit: int = 100) -> Sequence[RunRecord]:
        """The last run of each thread that is meant, the newest first."""

    async def move(self, run_id: str, release: str) -> bool:
        """Let the thread whose last run this is go on with another release; False when it has a newer run, or runs."""

    async def runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """Runs, the newest first."""

    async def find(self, run_id: str) -> RunRecord | None:
        """The run with this id."""

    async def suspended(self, limit: int = 100) -> Sequence[RunRecord]:
        """Runs that go on by themselves, the oldest first."""

    async def take_up(self, run_id: str) -> bool:
        """Let a stopped run be `running` again; False when it is not stopped, or another process was faster."""

    async def pins(self) -> Sequence[ThreadPin]:
        """What all threads hold on to, in no order."""

    async def summary(self) -> LedgerSummary:
        """Counts over all runs."""


Emit = Callable[[Event], None]
Closer = Callable[[], Awaitable[None]]
