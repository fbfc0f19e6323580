"""The adapters, chosen and put together: SQLite, threads, the system's clock; imported only to open a project."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolcrib.agents.models import Models
from toolcrib.core.events import Event
from toolcrib.core.ports import CallJournal, Resources
from toolcrib.core.settings import Settings, TasksSettings
from toolcrib.deployment.deployer import Deployer, DeployerPorts
from toolcrib.deployment.watch import Watcher, WatchOptions
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.gates import Gates
from toolcrib.execution.tasks.audience import Audience
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.execution.tasks.service import TaskService
from toolcrib.execution.tasks.workers import TaskWorkers
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.verifier.client import Verifier
from toolcrib.observability.exposition import Exposition
from toolcrib.observability.hooks import Hook
from toolcrib.registry.registry import Registry
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runs.service import RunPorts, RunService
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds
from toolcrib.runtime.crib import Crib, Wings
from toolcrib.runtime.observing import Observing, call_readings, release_readings, thread_readings
from toolcrib.runtime.process_tools import ProcessTools
from toolcrib.stores.checkpoints import open_checkpointer
from toolcrib.stores.locks import MemoryLocks
from toolcrib.stores.memory_use import memory_reader
from toolcrib.stores.rate_limits import MemoryRateLimiter
from toolcrib.stores.result_cache import MemoryResultCache
from toolcrib.stores.sql import open_sqlite
from toolcrib.stores.sql_journal import SqlJournal
from toolcrib.stores.sql_ledger import SqlRunLedger
from toolcrib.stores.sql_releases import SqlReleaseStore
from toolcrib.stores.sql_tasks import SqlTaskStore
from toolcrib.tools.resources.pool import ResourcePool

CHECK = "toolcrib.deployment.check:check"
STATE_DIRECTORY = ".toolcrib"
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An open project and the parts that work beside it."""

    crib: Crib
    deployer: Deployer
    runs: RunService
    tasks: TaskWorkers
    journal: CallJournal
    resources: Resources
    clock: SystemClock
    process_tools: ProcessTools

    def watcher(self) -> Watcher:
        """A watcher of the project's directory, as `toolcrib.yaml` wants it."""
        settings = self.crib.settings.watch
        options = WatchOptions(
            debounce_s=settings.debounce_s, poll_s=settings.poll_s, force_polling=settings.force_polling
        )
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
    threads: ThreadRunner
    process_tools: ProcessTools
    chain: ChainPorts
    registry: Registry
    store: SqlReleaseStore
    ledger: SqlRunLedger
    tasks: SqlTaskStore
    checkpointer: Any
    verifier: Verifier
    pool: ModulePool


async def compose(
    root: Path,
    settings: Settings,
    stack: AsyncExitStack,
    *,
    hooks: tuple[Hook, ...] = (),
    listeners: tuple[Callable[[Event], None], ...] = (),
) -> House:
    """Open stores and start what a project needs; `stack` closes it all in reverse order."""
    registry = Registry()
    process_tools = ProcessTools(registry=registry, settings=settings.processes)
    observing = Observing(hooks, (process_tools.hear, *listeners))
    stack.push_async_callback(observing.close)
    stack.push_async_callback(process_tools.runner.close)
    world = await _adapters(root, settings, observing, process_tools, stack)
    return _furnish(root, settings, world, stack)


async def _adapters(
    root: Path, settings: Settings, observing: Observing, process_tools: ProcessTools, stack: AsyncExitStack
) -> _Adapters:
    """Open what is to be opened, in the order in which it may be closed again."""
    clock, hub = SystemClock(), observing.hub
    threads = ThreadRunner(workers=settings.threads.workers)
    stack.callback(threads.close)
    verifier = make_verifier(settings)
    stack.push_async_callback(verifier.close)
    state = root / STATE_DIRECTORY
    engine = await stack.enter_async_context(open_sqlite(state / "toolcrib.db"))
    checkpointer = await stack.enter_async_context(open_checkpointer(state / "threads.db"))
    pool = ModulePool()
    stack.callback(pool.close)
    resources = ResourcePool(env=os.environ, clock=clock)
    stack.push_async_callback(resources.close)  # before the modules go whose code closes them
    chain = ChainPorts(
        clock=clock,
        random=SystemRandom(),
        events=hub,
        inline=InlineRunner(),
        threads=threads,
        processes=process_tools.runner,
        circuits=Circuits(events=hub),
        rates=MemoryRateLimiter(clock=clock),
        journal=SqlJournal(engine),
        gates=Gates(),
        locks=MemoryLocks(),
        cache=await _open_cache(settings, clock),
        resources=resources,
    )
    return _Adapters(
        clock=clock,
        ids=TimeOrderedIds(),
        observing=observing,
        threads=threads,
        process_tools=process_tools,
        chain=chain,
        registry=process_tools.registry,
        store=SqlReleaseStore(engine),
        ledger=SqlRunLedger(engine),
        tasks=SqlTaskStore(engine),
        checkpointer=checkpointer,
        verifier=verifier,
        pool=pool,
    )


async def _open_cache(settings: Settings, clock: SystemClock) -> MemoryResultCache:
    """The result cache, on this machine's memory."""
    memory_used = await asyncio.to_thread(memory_reader)
    return MemoryResultCache(max_bytes=settings.cache.max_mb * MIB, clock=clock, memory_used=memory_used)


def _furnish(root: Path, settings: Settings, world: _Adapters, stack: AsyncExitStack) -> House:
    """The wings on their ports, and the facade before them."""
    clock, ids, hub, chain = world.clock, world.ids, world.observing.hub, world.chain
    deployer = _deployer(root, world)
    executor = Executor(ids=ids, clock=clock, events=hub, circuits=chain.circuits)
    runs = RunService(
        RunPorts(
            registry=world.registry,
            calls=executor,
            models=Models(today=lambda: datetime.fromtimestamp(clock.now(), UTC).astimezone().date()),
            ledger=world.ledger,
            clock=clock,
            ids=ids,
            events=hub,
            load=deployer.bring,
        ),
        concurrency=settings.runs.concurrency,
    )
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
            store=world.store,
            ledger=world.ledger,
            cache=chain.cache,
            journal=chain.journal,
            resources=chain.resources,
            hub=hub,
            exposition=_exposition(world),
        )
    )
    return House(
        crib=crib,
        deployer=deployer,
        runs=runs,
        tasks=workers,
        journal=chain.journal,
        resources=chain.resources,
        clock=clock,
        process_tools=world.process_tools,
    )


def _exposition(world: _Adapters) -> Exposition:
    calls = call_readings(world.chain.circuits, world.chain.gates)
    return world.observing.exposition(release_readings(world.registry) | thread_readings(world.threads) | calls)


def _deployer(root: Path, world: _Adapters) -> Deployer:
    ports = DeployerPorts(
        root=root,
        store=world.store,
        registry=world.registry,
        verifier=world.verifier,
        pool=world.pool,
        clock=world.clock,
        events=world.observing.hub,
        env=os.environ,
        compose=lambda tool, release: build_chain(tool, release=release, ports=world.chain),
        checkpointer=world.checkpointer,
        busy=lambda: world.threads.abandoned > 0,
        resources=world.chain.resources,
    )
    return Deployer(ports)


def _tasks(world: _Adapters, executor: Executor, settings: TasksSettings) -> tuple[TaskService, TaskWorkers]:
    """The two sides of background tasks: what callers ask of, and what runs them."""
    ports = TaskPorts(
        registry=world.registry,
        call_tool=executor.call,
        store=world.tasks,
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
