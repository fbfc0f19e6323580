"""Ports: what the rooms need from the world, as protocols; adapters and fakes plug in here."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from toolcrib.core.calls import ToolContext
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.events import Event
from toolcrib.core.policies import RateLimit
from toolcrib.core.releases import Channel, Deployment, Manifest, ReleaseState
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
        process: name of the process that makes the call; empty when nobody waits for its end.
    """

    key: str
    tool: str
    tenant: str
    args_digest: str
    release: str
    began_at: float
    result: ToolResult | None = None
    process: str = ""


class CallJournal(Protocol):
    """Which calls began and how they ended; what makes a repeated call run once."""

    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        """Write that a call begins; None when its key is new, else what is known of the key, and nothing is written."""

    async def finish(self, key: str, result: ToolResult) -> None:
        """Write how the call ended."""

    async def leave(self, key: str) -> None:
        """Write that nobody waits for the call's end any more: it was cancelled, and may or may not take effect."""

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


Emit = Callable[[Event], None]
Closer = Callable[[], Awaitable[None]]
