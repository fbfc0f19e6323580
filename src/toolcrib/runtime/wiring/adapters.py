"""`Adapters`: the world's side of the ports, chosen and opened: SQLite, threads, worker processes, the clock."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy.ext.asyncio import AsyncEngine

from toolcrib.agents.state.graph_values import GraphValueTexts
from toolcrib.core.events import Deployed, Event
from toolcrib.core.redaction import Secrets
from toolcrib.core.settings import Settings
from toolcrib.deployment.boundary import Boundary, open_boundary
from toolcrib.deployment.proving.guard import count_canary
from toolcrib.deployment.proving.scores import SCORED, Scores
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.admission import Admission
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.state.gates import Gates
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.verifier.client import Verifier
from toolcrib.observability.history import ErrorHistory
from toolcrib.observability.hooks import Hook
from toolcrib.observability.hub import EventHub, Listener
from toolcrib.observability.own_loggers import guarded_loggers
from toolcrib.registry.registry import Registry
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.processes.limits import Limits
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds, new_handle
from toolcrib.runtime.wiring.alive import Processes, alive
from toolcrib.runtime.wiring.machine import Machine, look_at_machine
from toolcrib.runtime.wiring.observing import Observing
from toolcrib.runtime.wiring.process_tools import HEARD, ProcessTools
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.stores.memory.rate_limits import MemoryRateLimiter
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.stores.sql.artifacts import SqlArtifactStore
from toolcrib.stores.sql.budgets import SqlBudgetStore
from toolcrib.stores.sql.checkpoints import open_checkpointer
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.errors import SqlErrorStore
from toolcrib.stores.sql.journal import SqlJournal
from toolcrib.stores.sql.ledger import SqlRunLedger
from toolcrib.stores.sql.releases import SqlReleaseStore
from toolcrib.stores.sql.schema import large
from toolcrib.stores.sql.tasks import SqlTaskStore
from toolcrib.tools.resources.pool import ResourcePool

CHECK = "toolcrib.deployment.gate.check:check"
STATE_DIRECTORY = ".toolcrib"
DATABASE = "toolcrib.db"
MIB = 1 << 20


def make_verifier(settings: Settings) -> Verifier:
    """The gate's verifier; it starts nothing before it is asked."""
    return Verifier(check=CHECK, timeout_s=settings.verify.timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the wings stand on: the world's side of the ports, opened and running."""

    clock: SystemClock
    ids: TimeOrderedIds
    observing: Observing
    scores: Scores
    threads: ThreadRunner
    processes: Processes
    process_tools: ProcessTools
    chain: ChainPorts
    registry: Registry
    store: SqlReleaseStore
    ledger: SqlRunLedger
    history: ErrorHistory
    tasks: SqlTaskStore
    budgets: SqlBudgetStore
    checkpointer: Any
    verifier: Verifier
    pool: ModulePool
    boundary: Boundary


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the adapters are made of."""

    root: Path
    settings: Settings
    machine: Machine
    observing: Observing
    processes: Processes
    process_tools: ProcessTools
    scores: Scores
    secrets: Secrets
    boundary: Boundary


class _CallState(TypedDict):
    """Ports of a chain; see `ChainPorts`."""

    process: str
    graph_values: GraphValueTexts
    circuits: Circuits
    escalations: Escalations
    rates: MemoryRateLimiter
    gates: Gates
    locks: MemoryLocks
    admission: Admission | None


async def open_adapters(
    root: Path,
    settings: Settings,
    stack: AsyncExitStack,
    *,
    serves: bool,
    hooks: tuple[Hook, ...] = (),
    listeners: tuple[Callable[[Event], None], ...] = (),
    secrets: Secrets | None = None,
) -> Adapters:
    """Open stores and start what a project `serves` needs, or one that is only looked at; `stack` closes it all."""
    secrets = secrets or Secrets(os.environ)
    stack.enter_context(guarded_loggers(secrets.log_filter))
    machine = await asyncio.to_thread(look_at_machine)
    process_tools = ProcessTools(
        registry=Registry(monotonic=SystemClock().monotonic),
        limits=Limits.of(settings.processes, auto_workers=machine.worker_processes),
        memory_used=machine.memory_used,
    )
    scores = Scores(clock=SystemClock(), window_s=settings.canary.window_s)
    ours = (
        Listener(hear=process_tools.hear, kinds=HEARD),
        Listener(hear=scores.hear, kinds=SCORED),
        Listener(hear=lambda _: count_canary(scores, process_tools.registry), kinds=frozenset({Deployed})),
    )
    observing = Observing(hooks, (*ours, *listeners), SystemClock())
    stack.push_async_callback(observing.close)
    stack.push_async_callback(process_tools.runner.close)
    ground = _Ground(
        root=root,
        settings=settings,
        machine=machine,
        observing=observing,
        processes=stack.enter_context(alive(root / STATE_DIRECTORY / "processes", TimeOrderedIds().new())),
        process_tools=process_tools,
        scores=scores,
        secrets=secrets,
        boundary=await open_boundary(
            root / STATE_DIRECTORY,
            stack,
            env=os.environ,
            events=observing.hub,
            serving_as=TimeOrderedIds().new() if serves else "",
        ),
    )
    return await _adapters(ground, stack)


async def _adapters(ground: _Ground, stack: AsyncExitStack) -> Adapters:
    """Open what is to be opened, in the order in which it may be closed again."""
    settings, observing, process_tools = ground.settings, ground.observing, ground.process_tools
    clock, hub = SystemClock(), observing.hub
    threads = ThreadRunner(**settings.threads.model_dump())
    stack.callback(threads.close)
    verifier = make_verifier(settings)
    stack.push_async_callback(verifier.close)
    state = ground.root / STATE_DIRECTORY
    engine = await stack.enter_async_context(open_sqlite(state / DATABASE))
    history = _history(observing, engine, stack)
    checkpointer = await stack.enter_async_context(open_checkpointer(state / "threads.db"))
    pool = ModulePool()
    stack.callback(pool.close)
    artifacts = await _open_artifacts(state, settings, clock, stack)
    resources = ResourcePool(env=ground.secrets, clock=clock, ports={"artifacts": artifacts})
    stack.push_async_callback(resources.close)  # before the modules go whose code closes them
    chain = ChainPorts(
        clock=clock,
        random=SystemRandom(),
        events=hub,
        inline=InlineRunner(),
        threads=threads,
        processes=process_tools.runner,
        journal=SqlJournal(engine),
        cache=_result_cache(ground, clock),
        resources=resources,
        artifacts=artifacts,
        **_call_state(ground, clock, hub),
        secrets=ground.secrets,
    )
    return Adapters(
        clock=clock,
        ids=TimeOrderedIds(),
        observing=observing,
        scores=ground.scores,
        threads=threads,
        processes=ground.processes,
        process_tools=process_tools,
        chain=chain,
        registry=process_tools.registry,
        store=SqlReleaseStore(engine),
        ledger=SqlRunLedger(engine),
        history=history,
        tasks=SqlTaskStore(engine),
        budgets=SqlBudgetStore(engine, clock=clock),
        checkpointer=checkpointer,
        verifier=verifier,
        pool=pool,
        boundary=ground.boundary,
    )


def _history(observing: Observing, engine: AsyncEngine, stack: AsyncExitStack) -> ErrorHistory:
    history = ErrorHistory(fresh=observing.errors, store=SqlErrorStore(engine))
    stack.push_async_callback(history.flush)
    return history


def _result_cache(ground: _Ground, clock: SystemClock) -> MemoryResultCache:
    most = ground.settings.cache.max_mb * MIB
    return MemoryResultCache(max_bytes=most, clock=clock, memory_used=ground.machine.memory_used)


async def _open_artifacts(
    state: Path, settings: Settings, clock: SystemClock, stack: AsyncExitStack
) -> SqlArtifactStore:
    """The artifact store, on a file of its own: its large writes hold up no other store."""
    engine = await stack.enter_async_context(open_sqlite(state / "artifacts.db", large))
    bounds = Bounds(max_bytes=settings.artifacts.max_mb * MIB, ttl_s=settings.artifacts.ttl_s)
    return SqlArtifactStore(engine, bounds=bounds, clock=clock, new_handle=new_handle)


def _call_state(ground: _Ground, clock: SystemClock, hub: EventHub) -> _CallState:
    """What links remember between calls, share with each other, and write with: kept in memory, for one process."""
    limits = ground.settings.calls
    asked = limits.concurrency, limits.per_tenant
    return {
        "graph_values": GraphValueTexts(),
        "process": ground.processes.name,
        "circuits": Circuits(events=hub),
        "escalations": Escalations(events=hub),
        "rates": MemoryRateLimiter(clock=clock),
        "gates": Gates(),
        "locks": MemoryLocks(),
        "admission": None if asked == (None, None) else Admission(**limits.model_dump()),
    }
