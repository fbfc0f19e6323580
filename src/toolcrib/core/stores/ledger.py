"""The run ledger: what runs there were, on which release, and how they ended."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Protocol

from toolcrib.core.errors import Conflict
from toolcrib.core.experiments.arms import Arms, told
from toolcrib.core.money import plain
from toolcrib.core.stores.pins import ThreadPin

LOST = "The process that ran it died."


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
        process: name of the process that runs it, or did last; empty where that is not known.
        user: on whose behalf within the tenant; empty when nobody said.
        variants: the variants of experiments it is in.
        cost_usd: what its models cost; None where a price is not known, and before its end.
        input_tokens, output_tokens: of its models, as they told.
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
    process: str = ""
    user: str = ""
    variants: Arms = ()
    cost_usd: Decimal | None = None
    input_tokens: int = 0
    output_tokens: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-ready mapping; dollars as text, exact."""
        cost = None if self.cost_usd is None else plain(self.cost_usd)
        return asdict(self) | {"cost_usd": cost, "variants": told(self.variants)}

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

    async def accept(self, record: RunRecord, *, follows: str | None = None) -> bool:
        """Write the pin before the first step.

        Args:
            record: the run.
            follows: id of the run that has to be the thread's last one still, empty for none; None for whatever it is.

        Returns:
            Whether it was written; False when another run of the thread was faster.
        """

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

    async def take_up(self, run_id: str, *, process: str = "") -> bool:
        """Let a stopped run be `running` again, here; False when it is not stopped, or another process was faster."""

    async def processes(self) -> frozenset[str]:
        """Names of the processes that have runs under way, as far as they are known."""

    async def lose(self, process: str) -> int:
        """A process has died: its runs under way become `suspended`; how many."""

    async def pins(self) -> Sequence[ThreadPin]:
        """What all threads hold on to, in no order."""

    async def summary(self) -> LedgerSummary:
        """Counts over all runs."""
