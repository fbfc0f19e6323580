"""What the links of a chain may use of the world, handed to each as one value."""

from dataclasses import dataclass
from typing import Any, Protocol

from toolcrib.core.ports import (
    CallJournal,
    Clock,
    EventSink,
    Locks,
    Random,
    RateLimiter,
    Resources,
    Runner,
    WorkerRunner,
)
from toolcrib.core.redaction import Secrets
from toolcrib.core.stores.artifacts import ArtifactStore
from toolcrib.core.stores.results import ResultCache
from toolcrib.execution.state.admission import Admission
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.state.gates import Gates


class GraphValues(Protocol):
    """Writes down what tools return to LangGraph (`is_for_graph`), and reads it again."""

    def dump(self, value: Any) -> str:
        """The value as text.

        Raises:
            Exception: it holds what cannot be saved.
        """

    def load(self, text: str) -> Any:
        """The value again.

        Raises:
            Exception: it holds what cannot be built any more.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPorts:
    """The ports of a chain.

    Attributes:
        inline: runs coroutine tools on the event loop.
        threads: runs synchronous tools in worker threads.
        processes: runs tools with `isolation: process` in worker processes.
        cache: results that may be given out again.
        circuits: breakers of all tools.
        escalations: which tools fail too often.
        rates: rates of all tools.
        journal: which calls with an idempotency key began and ended.
        gates: how many calls of each tool run and wait, over all releases.
        locks: the locks that tools name with `exclusive`.
        resources: lends tools what they need beside their arguments.
        artifacts: keeps results that are too long.
        secrets: what no failure may tell, nor the results of tools that are given secrets.
        graph_values: writes down what tools return to LangGraph; None where no tool does.
        admission: how many calls of all tools run in this process; None for any number.
        process: name of this process, under which others see whether it is alive.
    """

    clock: Clock
    random: Random
    events: EventSink
    inline: Runner
    threads: Runner
    processes: WorkerRunner
    cache: ResultCache
    circuits: Circuits
    escalations: Escalations
    rates: RateLimiter
    journal: CallJournal
    gates: Gates
    locks: Locks
    resources: Resources
    artifacts: ArtifactStore
    secrets: Secrets
    graph_values: GraphValues | None = None
    admission: Admission | None = None
    process: str = ""
