"""The adapters, chosen and put together: SQLite, threads, the system's clock; imported only to open a project."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from toolcrib.agents.models import Models
from toolcrib.core.events import Deployed, Event
from toolcrib.core.ports import CallJournal, Resources
from toolcrib.core.redaction import Secrets
from toolcrib.core.settings import CallsSettings, Settings, TasksSettings
from toolcrib.deployment.boundary import Boundary, open_boundary
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.ports import DeployerPorts
from toolcrib.deployment.proving.canaries import Canaries
from toolcrib.deployment.proving.guard import Guard, count_canary
from toolcrib.deployment.proving.ports import ProvingPorts
from toolcrib.deployment.proving.scores import SCORED, Scores
from toolcrib.deployment.watching.looks import WatchOptions
from toolcrib.deployment.watching.watch import Watcher
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.admission import Admission
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.state.gates import Gates
from toolcrib.execution.tasks.audience import Audience
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.execution.tasks.service import TaskService
from toolcrib.execution.tasks.workers import TaskWorkers
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.verifier.client import Verifier
from toolcrib.observability.exposition import Exposition
from toolcrib.observability.history import ErrorHistory
from toolcrib.observability.hooks import Hook
from toolcrib.observability.hub import EventHub, Listener
from toolcrib.observability.own_loggers import guarded_loggers
from toolcrib.registry.registry import Registry
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.processes.limits import Limits
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runs.ports import RunPorts
from toolcrib.runs.service import RunService
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds, new_handle
from toolcrib.runtime.crib import Crib
from toolcrib.runtime.machine import Machine, look_at_machine
from toolcrib.runtime.observing import Observing, call_readings, pool_readings, release_readings, task_readings
from toolcrib.runtime.process_tools import HEARD, ProcessTools
from toolcrib.runtime.wings import Wings
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.stores.memory.rate_limits import MemoryRateLimiter
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.stores.sql.artifacts import SqlArtifactStore
from toolcrib.stores.sql.checkpoints import open_checkpointer
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.errors import SqlErrorStore
from toolcrib.stores.sql.journal import SqlJournal
from toolcrib.stores.sql.ledger import SqlRunLedger
from toolcrib.stores.sql.releases import SqlReleaseStore
from toolcrib.stores.sql.schema import large
from toolcrib.stores.sql.tasks import SqlTaskStore
from toolcrib.tools.resources.pool import ResourcePool

CHECK = "toolcrib.deployment.check:check"
STATE_DIRECTORY = ".toolcrib"
DATABASE = "toolcrib.db"
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An open project and the parts that work beside it."""

    crib: Crib
    deployer: Deployer
    guard: Guard
    runs: RunService
    tasks: TaskWorkers
    journal: CallJournal
    history: ErrorHistory
    resources: Resources
    boundary: Boundary
    clock: SystemClock
    threads: ThreadRunner
    process_tools: ProcessTools

    def watcher(self) -> Watcher:
        """A watcher of the project's directory, as `toolcrib.yaml` wants it."""
        options = WatchOptions(**self.crib.settings.watch.model_dump())
        return Watcher(self.crib.root, options=options, clock=self.clock, deployer=self.deployer)


def make_verifier(settings: Settings) -> Verifier:
    """The gate's verifier; it starts nothing before it is asked."""
    return Verifier(check=CHECK, timeout_s=settings.verify.timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adapters:
    """What the wings stand on: the world's side of the ports, opened and running."""

    clock: SystemClock
    ids: TimeOrderedIds
    observing: Observing
    scores: Scores
    threads: ThreadRunner
    process_tools: ProcessTools
    chain: ChainPorts
    registry: Registry
    store: SqlReleaseStore
    ledger: SqlRunLedger
    history: ErrorHistory
    tasks: SqlTaskStore
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
    process_tools: ProcessTools
    scores: Scores
    secrets: Secrets
    boundary: Boundary


class _CallState(TypedDict):
    """Ports of a chain; see `ChainPorts`."""

    circuits: Circuits
    escalations: Escalations
    rates: MemoryRateLimiter
    gates: Gates
    locks: MemoryLocks
    admission: Admission | None


async def compose(
    root: Path,
    settings: Settings,
    stack: AsyncExitStack,
    *,
    serves: bool,
    hooks: tuple[Hook, ...] = (),
    listeners: tuple[Callable[[Event], None], ...] = (),
    secrets: Secrets | None = None,
) -> House:
    """Open stores and start what a project `serves` needs, or one that is only looked at; `stack` closes it all."""
    secrets = secrets or Secrets(os.environ)
    stack.enter_context(guarded_loggers(secrets.log_filter))
    machine = await asyncio.to_thread(look_at_machine)
    process_tools = ProcessTools(
        registry=Registry(),
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
    world = await _adapters(ground, stack)
    return _furnish(root, settings, world, stack)


async def _adapters(ground: _Ground, stack: AsyncExitStack) -> _Adapters:
    """Open what is to be opened, in the order in which it may be closed again."""
    settings, observing, process_tools = ground.settings, ground.observing, ground.process_tools
    clock, hub = SystemClock(), observing.hub
    threads = ThreadRunner(**settings.threads.model_dump())
    stack.callback(threads.close)
    verifier = make_verifier(settings)
    stack.push_async_callback(verifier.close)
    state = ground.root / STATE_DIRECTORY
    engine = await stack.enter_async_context(open_sqlite(state / DATABASE))
    history = ErrorHistory(fresh=observing.errors, store=SqlErrorStore(engine))
    stack.push_async_callback(history.flush)
    checkpointer = await stack.enter_async_context(open_checkpointer(state / "threads.db"))
    pool = ModulePool()
    stack.callback(pool.close)
    artifacts = await _open_artifacts(state, settings, clock, stack)
    resources = ResourcePool(env=ground.secrets, clock=clock, ports={"artifacts": artifacts})
    stack.push_async_callback(resources.close)  # before the modules go whose code closes them
    cache_bytes = settings.cache.max_mb * MIB
    chain = ChainPorts(
        clock=clock,
        random=SystemRandom(),
        events=hub,
        inline=InlineRunner(),
        threads=threads,
        processes=process_tools.runner,
        journal=SqlJournal(engine),
        cache=MemoryResultCache(max_bytes=cache_bytes, clock=clock, memory_used=ground.machine.memory_used),
        resources=resources,
        artifacts=artifacts,
        **_call_state(settings.calls, clock, hub),
        secrets=ground.secrets,
    )
    return _Adapters(
        clock=clock,
        ids=TimeOrderedIds(),
        observing=observing,
        scores=ground.scores,
        threads=threads,
        process_tools=process_tools,
        chain=chain,
        registry=process_tools.registry,
        store=SqlReleaseStore(engine),
        ledger=SqlRunLedger(engine),
        history=history,
        tasks=SqlTaskStore(engine),
        checkpointer=checkpointer,
        verifier=verifier,
        pool=pool,
        boundary=ground.boundary,
    )


async def _open_artifacts(
    state: Path, settings: Settings, clock: SystemClock, stack: AsyncExitStack
) -> SqlArtifactStore:
    """The artifact store, on a file of its own: its large writes hold up no other store."""
    engine = await stack.enter_async_context(open_sqlite(state / "artifacts.db", large))
    bounds = Bounds(max_bytes=settings.artifacts.max_mb * MIB, ttl_s=settings.artifacts.ttl_s)
    return SqlArtifactStore(engine, bounds=bounds, clock=clock, new_handle=new_handle)


def _call_state(limits: CallsSettings, clock: SystemClock, hub: EventHub) -> _CallState:
    """What links remember between calls, and what they share with each other: kept in memory, for one process."""
    asked = limits.concurrency, limits.per_tenant
    return {
        "circuits": Circuits(events=hub),
        "escalations": Escalations(events=hub),
        "rates": MemoryRateLimiter(clock=clock),
        "gates": Gates(),
        "locks": MemoryLocks(),
        "admission": None if asked == (None, None) else Admission(**limits.model_dump()),
    }


def _furnish(root: Path, settings: Settings, world: _Adapters, stack: AsyncExitStack) -> House:
    """The wings on their ports, and the facade before them."""
    clock, ids, hub, chain = world.clock, world.ids, world.observing.hub, world.chain
    deployer = _deployer(root, settings, world)
    proving = _proving(deployer, settings, world)
    canaries = Canaries(proving)
    executor = Executor(ids=ids, clock=clock, events=hub, circuits=chain.circuits)
    runs = RunService(_run_ports(world, executor, deployer), concurrency=settings.runs.concurrency)
    stack.push_async_callback(runs.close)
    tasks, workers = _tasks(world, executor, settings.tasks)
    stack.push_async_callback(workers.close)
    crib = Crib(
        Wings(
            root=root,
            settings=settings,
            registry=world.registry,
            executor=executor,
            runs=runs,
            tasks=tasks,
            deployer=deployer,
            canaries=canaries,
            boundary=world.boundary,
            store=world.store,
            ledger=world.ledger,
            cache=chain.cache,
            journal=chain.journal,
            history=world.history,
            escalations=chain.escalations,
            clock=clock,
            artifacts=chain.artifacts,
            resources=chain.resources,
            hub=hub,
            exposition=_exposition(world, workers),
            secrets=chain.secrets,
        )
    )
    return House(
        crib=crib,
        deployer=deployer,
        guard=Guard(proving, canaries),
        runs=runs,
        tasks=workers,
        journal=chain.journal,
        history=world.history,
        resources=chain.resources,
        boundary=world.boundary,
        clock=clock,
        threads=world.threads,
        process_tools=world.process_tools,
    )


def _run_ports(world: _Adapters, executor: Executor, deployer: Deployer) -> RunPorts:
    clock = world.clock
    return RunPorts(
        registry=world.registry,
        calls=executor,
        models=Models(today=lambda: datetime.fromtimestamp(clock.now(), UTC).astimezone().date()),
        ledger=world.ledger,
        clock=clock,
        ids=world.ids,
        events=world.observing.hub,
        load=deployer.bring,
        is_safe=deployer.is_safe,
        secrets=world.chain.secrets,
    )


def _exposition(world: _Adapters, workers: TaskWorkers) -> Exposition:
    calls = call_readings(world.chain.circuits, world.chain.gates, world.chain.admission) | task_readings(workers)
    pools = pool_readings(world.threads, world.process_tools.runner)
    return world.observing.exposition(release_readings(world.registry, world.boundary) | pools | calls)


def _deployer(root: Path, settings: Settings, world: _Adapters) -> Deployer:
    ports = DeployerPorts(
        root=root,
        store=world.store,
        registry=world.registry,
        verifier=world.verifier,
        pool=world.pool,
        clock=world.clock,
        events=world.observing.hub,
        secrets=world.chain.secrets,
        compose=lambda tool, release: build_chain(tool, release=release, ports=world.chain),
        checkpointer=world.checkpointer,
        busy=lambda: world.threads.abandoned > 0,
        resources=world.chain.resources,
        accept=frozenset(settings.gate.accept),
        look_at_boundary=world.boundary.look,
    )
    return Deployer(ports)


def _proving(deployer: Deployer, settings: Settings, world: _Adapters) -> ProvingPorts:
    return ProvingPorts(
        deployer=deployer,
        registry=world.registry,
        store=world.store,
        ledger=world.ledger,
        scores=world.scores,
        clock=world.clock,
        events=world.observing.hub,
        settings=settings.canary,
    )


def _tasks(world: _Adapters, executor: Executor, settings: TasksSettings) -> tuple[TaskService, TaskWorkers]:
    """The two sides of background tasks: what callers ask of, and what runs them."""
    ports = TaskPorts(
        registry=world.registry,
        call_tool=executor.call,
        store=world.tasks,
        journal=world.chain.journal,
        artifacts=world.chain.artifacts,
        clock=world.clock,
        ids=world.ids,
        events=world.observing.hub,
    )
    options = TaskOptions(
        workers=settings.workers, queue=settings.queue, ttl_s=settings.ttl_s, lease_s=settings.lease_s
    )
    audience = Audience(store=ports.store, events=ports.events)
    workers = TaskWorkers(ports, options=options, audience=audience)
    return TaskService(ports, options=options, workers=workers, audience=audience), workers
