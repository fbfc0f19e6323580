"""What the links of a chain may use of the world, handed to each as one value."""

from dataclasses import dataclass

from toolcrib.core.ports import (
    CallJournal,
    Clock,
    EventSink,
    Locks,
    Random,
    RateLimiter,
    Resources,
    ResultCache,
    Runner,
    WorkerRunner,
)
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.gates import Gates


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPorts:
    """The ports of a chain.

    Attributes:
        inline: runs coroutine tools on the event loop.
        threads: runs synchronous tools in worker threads.
        processes: runs tools with `isolation: process` in worker processes.
        cache: results that may be given out again.
        circuits: breakers of all tools.
        rates: rates of all tools.
        journal: which calls with an idempotency key began and ended.
        gates: how many calls of each tool run and wait, over all releases.
        locks: the locks that tools name with `exclusive`.
        resources: lends tools what they need beside their arguments.
    """

    clock: Clock
    random: Random
    events: EventSink
    inline: Runner
    threads: Runner
    processes: WorkerRunner
    cache: ResultCache
    circuits: Circuits
    rates: RateLimiter
    journal: CallJournal
    gates: Gates
    locks: Locks
    resources: Resources
