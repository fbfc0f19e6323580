"""What deployments need of the world, and what may be asked of one."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from toolcrib.core.ports import Clock, EventSink, ReleaseStore, Resources
from toolcrib.core.redaction import Secrets
from toolcrib.core.releases import Acceptable, ColdChange
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.deployment.assemble import Compose
from toolcrib.deployment.room import Room
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.verifier.client import Verifier
from toolcrib.registry.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployerPorts:
    """What the deployer needs.

    Attributes:
        root: the project's directory; modules of all releases find their data there.
        compose: (tool, release id) -> chain.
        checkpointer: where threads live.
        busy: whether code of a release without leases may still run (abandoned threads).
        resources: what the releases' tools have open.
        secrets: the environment that releases are loaded with.
        look_at_boundary: what of the project only a restart takes up, as of now.
        ledger: which threads there are, and where they wait.
        accept: what the gate takes without being asked each time.
        rehearse: how many threads a candidate's migrations are tried on.
        who: who this process works for, where a deployment does not say who asked: `user@host`.
        room: how many releases may be in memory.
        forget: throws away kept results of tools with these digests.
    """

    root: Path
    store: ReleaseStore
    ledger: RunLedger
    registry: Registry
    verifier: Verifier
    pool: ModulePool
    clock: Clock
    events: EventSink
    secrets: Secrets
    compose: Compose
    checkpointer: Any
    busy: Callable[[], bool]
    resources: Resources
    look_at_boundary: Callable[[], Awaitable[tuple[ColdChange, ...]]]
    accept: frozenset[Acceptable] = frozenset()
    rehearse: int = 20
    who: str = ""
    room: Room = field(default_factory=Room)
    forget: Callable[[Collection[str]], Awaitable[int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a candidate that passes the gate comes to serve.

    Attributes:
        to: `all` serves from the next run on; `canary` serves a part; `nobody` is kept in the store.
        percent: of threads that see a canary, 0 to 100.
        tenants: tenants that see a canary whatever the percentage.
        bake_s: seconds before a canary may be promoted; None for the setting.
        min_samples: runs or calls that must have ended on both sides of a canary; None for the setting.
        accept: what the gate refuses unless somebody takes it upon himself.
        why: for the history.
    """

    to: Literal["all", "canary", "nobody"] = "all"
    percent: float = 0.0
    tenants: tuple[str, ...] = ()
    bake_s: float | None = None
    min_samples: int | None = None
    accept: frozenset[Acceptable] = frozenset()
    why: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.percent <= 100.0:
            raise ValueError(f"the percentage of a canary must be from 0 to 100, not {self.percent:g}")
        if self.to == "canary" and not (self.percent or self.tenants):
            raise ValueError("nobody would see this canary: say a percentage above 0, or tenants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a decision about the canary rests on.

    Attributes:
        generation: the channel's when it was looked at; when it has changed since, nothing is done.
        figures: what was compared, for the history.
    """

    generation: int
    figures: Mapping[str, Any] = field(default_factory=dict)
