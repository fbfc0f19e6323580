"""What callers ask of runs, and what runs need of the world."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolcrib.agents.scope import Calls, ChatModels
from toolcrib.core.agents import StreamMode
from toolcrib.core.models import Tier
from toolcrib.core.ports import Clock, EventSink, IdFactory, Random
from toolcrib.core.redaction import Secrets
from toolcrib.core.stores.ledger import RunLedger, RunRecord
from toolcrib.core.stores.results import ResultCache
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.accounts import Accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a caller asks for; see `Crib.run`."""

    agent: str
    question: Any = None
    thread_id: str = ""
    tenant: str = ""
    user: str = ""
    resume: Any = None
    tier: Tier | None = None
    modes: frozenset[StreamMode] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something a run did: `event` names it, `data` is JSON-ready."""

    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPorts:
    """What runs need of the world.

    Attributes:
        load: a stored release in memory, by its digest or its id.
        is_safe: (a thread's last run, another release) -> whether nothing in the other one can harm the thread.
        secrets: what no failure may tell.
        cache: where answers are kept.
        accounts: what runs pay their models from.
        process: name of this process among those that have the project open.
        has_ended: whether the process with this name has died, or ended.
    """

    registry: Registry
    calls: Calls
    models: ChatModels
    ledger: RunLedger
    clock: Clock
    random: Random
    ids: IdFactory
    events: EventSink
    load: Callable[[str], Awaitable[Release]]
    is_safe: Callable[[RunRecord, Release], Awaitable[bool]]
    secrets: Secrets
    cache: ResultCache
    accounts: Accounts
    process: str = ""
    has_ended: Callable[[str], bool] = lambda process: False
