"""Ports: what the rooms need from the world, as protocols; adapters and fakes plug in here."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from toolcrib.core.calls import ToolContext
from toolcrib.core.events import Event
from toolcrib.core.policies import RateLimit
from toolcrib.core.releases import Deployment, Manifest, ReleaseState
from toolcrib.core.results import ToolResult
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

    @property
    def active(self) -> bool:
        """Whether anybody listens; when not, callers may save themselves the making of an event."""

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


class CacheEntry(NamedTuple):
    """A result to keep: under which key, for how long, and by what it can be thrown away.

    Attributes:
        began: reading of `Clock.monotonic` when the work for it began; what began before an invalidation may rest on
            old data and is not kept. None when that cannot be.
    """

    key: str
    result: ToolResult
    ttl_s: float
    tool: str
    tenant: str = ""
    tags: tuple[str, ...] = ()
    began: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStats:
    """Counts of a result cache since it was made; `entries` and `size_bytes` are what it holds now."""

    hits: int = 0
    misses: int = 0
    evicted: int = 0
    entries: int = 0
    size_bytes: int = 0


class ResultCache(Protocol):
    """Results that may be given out again. What is done to a value that was put in or given out changes no other."""

    async def get(self, key: str) -> ToolResult | None:
        """The result, unless its time is over."""

    async def put(self, entry: CacheEntry) -> None:
        """Keep a result; one too large for the cache, or of which no copy can be made, is not kept."""

    async def invalidate(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """Throw away the entries that fit all that is given (all entries when nothing is); how many there were."""

    def stats(self) -> CacheStats:
        """What it did so far."""


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
class Channel:
    """The pointer to what serves.

    Attributes:
        generation: grows with every activation.
        digest: manifest digest of the release that serves; empty before the first.
        seen_tree: digest of the working tree last looked at; a roll-back holds until the tree differs from it.
    """

    generation: int = 0
    digest: str = ""
    seen_tree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A release as the store knows it: `at` is Unix time of its first arrival."""

    manifest: Manifest
    state: ReleaseState
    at: float


class ReleaseStore(Protocol):
    """Where releases outlive the process: contents by digest, manifests, the channel, the history."""

    async def put(
        self, manifest: Manifest, contents: Mapping[str, bytes], *, at: float, state: ReleaseState = "staged"
    ) -> None:
        """Keep a release (path -> bytes) in this state; a second time with the same manifest changes nothing."""

    async def contents(self, digest: str) -> Mapping[str, bytes]:
        """Path -> bytes of the release.

        Raises:
            ReleaseNotFound: no such release.
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

    async def activate(self, digest: str, *, expected: int, seen_tree: str) -> Channel:
        """Point the channel at a release, if its generation is still `expected`; the former becomes `draining`.

        Raises:
            GenerationConflict: another activation came first.
        """

    async def saw_tree(self, digest: str) -> None:
        """Remember the digest of the working tree last looked at."""

    async def record(self, deployment: Deployment) -> None:
        """Append to the history."""

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """Past deployments, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run in the ledger.

    Attributes:
        status: `running`, `success`, `error` or `interrupted` (waits for a human).
        releases_seen: ids of the releases whose code served the run's steps; more than one is a mixed run.
        started_at, finished_at: Unix time; finished_at is None while running.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """Counts over the ledger's runs: `mixed` saw more than one release."""

    started: int = 0
    finished: int = 0
    failed: int = 0
    interrupted: int = 0
    running: int = 0
    mixed: int = 0


class RunLedger(Protocol):
    """What runs there were, on which release, and how they ended."""

    async def accept(self, record: RunRecord) -> None:
        """Write the pin before the first step."""

    async def finish(self, record: RunRecord) -> None:
        """Write the end."""

    async def parked(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """The thread's last run, if it waits for a human."""

    async def runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """Runs, the newest first."""

    async def summary(self) -> LedgerSummary:
        """Counts over all runs."""


Emit = Callable[[Event], None]
Closer = Callable[[], Awaitable[None]]
