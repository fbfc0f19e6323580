"""`Wings`: the parts of an open project that the facade leads to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from toolcrib.core.errors import ToolcribError
from toolcrib.core.ports import CallJournal, Clock, ReleaseStore, Resources
from toolcrib.core.redaction import Secrets
from toolcrib.core.settings import Settings
from toolcrib.core.stores.artifacts import ArtifactStore
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.core.stores.results import ResultCache
from toolcrib.deployment.boundary import Boundary
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.draining.collect import Collector
from toolcrib.deployment.draining.drain import Drain
from toolcrib.deployment.proving.canaries import Canaries
from toolcrib.execution.executor import Executor
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.tasks.service import TaskService
from toolcrib.observability.experiments import Tallies
from toolcrib.observability.exposition import Exposition
from toolcrib.observability.history import ErrorHistory
from toolcrib.observability.hub import EventHub
from toolcrib.registry.registry import Registry
from toolcrib.runs.accounts import Accounts
from toolcrib.runs.service import RunService


class Closed:
    """What stands in place of what a closed project had."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ToolcribError(
            "This project is closed.", hint="Use it while it is open: `async with toolcrib.open(...) as crib:`."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wings:
    """The parts of an open project that the facade leads to; `has_ended` tells of a process by its name."""

    root: Path
    settings: Settings
    registry: Registry
    executor: Executor
    runs: RunService
    accounts: Accounts
    tasks: TaskService
    deployer: Deployer
    canaries: Canaries
    drain: Drain
    collector: Collector
    boundary: Boundary
    store: ReleaseStore
    ledger: RunLedger
    cache: ResultCache
    journal: CallJournal
    history: ErrorHistory
    escalations: Escalations
    clock: Clock
    artifacts: ArtifactStore
    resources: Resources
    hub: EventHub
    exposition: Exposition
    tallies: Tallies
    secrets: Secrets
    has_ended: Callable[[str], bool]
