"""What looking after a release on trial needs of the world."""

from dataclasses import dataclass

from toolcrib.core.ports import Clock, EventSink, ReleaseStore
from toolcrib.core.settings import CanarySettings
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.proving.scores import Scores
from toolcrib.registry.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvingPorts:
    """The ports of canaries and of their guard."""

    deployer: Deployer
    registry: Registry
    store: ReleaseStore
    ledger: RunLedger
    scores: Scores
    clock: Clock
    events: EventSink
    settings: CanarySettings
