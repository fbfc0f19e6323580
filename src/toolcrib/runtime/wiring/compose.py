"""`compose`: the wings of an open project on their adapters, and the facade before them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toolcrib.agents.models.catalogue import Models
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import PursePorts
from toolcrib.core.ports import CallJournal, Resources
from toolcrib.core.settings import Settings, TasksSettings
from toolcrib.deployment.boundary import Boundary
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.draining.collect import Collector, CollectorPorts
from toolcrib.deployment.draining.drain import Drain
from toolcrib.deployment.draining.ports import DrainPorts
from toolcrib.deployment.ports import DeployerPorts
from toolcrib.deployment.proving.canaries import Canaries
from toolcrib.deployment.proving.guard import Guard
from toolcrib.deployment.proving.ports import ProvingPorts
from toolcrib.deployment.room import Room
from toolcrib.deployment.watching.looks import WatchOptions
from toolcrib.deployment.watching.watch import Watcher
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.tasks.audience import Audience
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.execution.tasks.service import TaskService
from toolcrib.execution.tasks.workers import TaskWorkers
from toolcrib.observability.exposition import Exposition
from toolcrib.observability.history import ErrorHistory
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runs.accounts import Accounts
from toolcrib.runs.ports import RunPorts
from toolcrib.runs.service import RunService
from toolcrib.runtime.clock import SystemClock
from toolcrib.runtime.crib import Crib
from toolcrib.runtime.whoami import local_user
from toolcrib.runtime.wings import Wings
from toolcrib.runtime.wiring.adapters import Adapters
from toolcrib.runtime.wiring.observing import call_readings, pool_readings, release_readings, task_readings
from toolcrib.runtime.wiring.process_tools import ProcessTools
from toolcrib.stores.memory.use import process_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An open project and the parts that work beside it."""

    crib: Crib
    deployer: Deployer
    collector: Collector
    guard: Guard
    runs: RunService
    accounts: Accounts
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


def compose(root: Path, settings: Settings, world: Adapters, stack: AsyncExitStack) -> House:
    """The wings on their ports, and the facade before them."""
    clock, ids, hub, chain = world.clock, world.ids, world.observing.hub, world.chain
    deployer = _deployer(root, settings, world)
    proving = _proving(deployer, settings, world)
    canaries = Canaries(proving)
    executor = Executor(ids=ids, clock=clock, events=hub, circuits=chain.circuits)
    accounts = _accounts(world)
    runs = RunService(_run_ports(world, executor, deployer, accounts), concurrency=settings.runs.concurrency)
    stack.push_async_callback(runs.close)
    tasks, workers = _tasks(world, executor, settings.tasks)
    stack.push_async_callback(workers.close)
    collector = _collector(deployer, settings, world)
    crib = Crib(
        Wings(
            root=root,
            settings=settings,
            registry=world.registry,
            executor=executor,
            runs=runs,
            accounts=accounts,
            tasks=tasks,
            deployer=deployer,
            canaries=canaries,
            drain=Drain(_drain_ports(world, deployer, runs, workers)),
            collector=collector,
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
            tallies=world.observing.tallies,
            secrets=chain.secrets,
            has_ended=world.processes.has_ended,
        )
    )
    guard = Guard(proving, canaries)
    return _house(
        world, crib, deployer=deployer, collector=collector, guard=guard, runs=runs, tasks=workers, accounts=accounts
    )


def _house(
    world: Adapters,
    crib: Crib,
    *,
    deployer: Deployer,
    collector: Collector,
    guard: Guard,
    runs: RunService,
    tasks: TaskWorkers,
    accounts: Accounts,
) -> House:
    return House(
        crib=crib,
        deployer=deployer,
        collector=collector,
        guard=guard,
        runs=runs,
        accounts=accounts,
        tasks=tasks,
        journal=world.chain.journal,
        history=world.history,
        resources=world.chain.resources,
        boundary=world.boundary,
        clock=world.clock,
        threads=world.threads,
        process_tools=world.process_tools,
    )


def _accounts(world: Adapters) -> Accounts:
    ports = PursePorts(
        store=world.budgets,
        book=PriceBook(),
        clock=world.clock,
        ids=world.ids,
        emit=world.observing.hub.emit,
        process=world.processes.name,
    )
    return Accounts(ports, has_ended=world.processes.has_ended)


def _run_ports(world: Adapters, executor: Executor, deployer: Deployer, accounts: Accounts) -> RunPorts:
    clock = world.clock
    return RunPorts(
        registry=world.registry,
        calls=executor,
        models=Models(today=lambda: datetime.fromtimestamp(clock.now(), UTC).astimezone().date()),
        ledger=world.ledger,
        clock=clock,
        random=world.chain.random,
        ids=world.ids,
        events=world.observing.hub,
        load=deployer.bring,
        is_safe=deployer.is_safe,
        secrets=world.chain.secrets,
        cache=world.chain.cache,
        accounts=accounts,
        process=world.processes.name,
        has_ended=world.processes.has_ended,
    )


def _exposition(world: Adapters, workers: TaskWorkers) -> Exposition:
    calls = call_readings(world.chain.circuits, world.chain.gates, world.chain.admission) | task_readings(workers)
    pools = pool_readings(world.threads, world.process_tools.runner)
    return world.observing.exposition(release_readings(world.registry, world.boundary) | pools | calls)


def _deployer(root: Path, settings: Settings, world: Adapters) -> Deployer:
    ports = DeployerPorts(
        root=root,
        store=world.store,
        ledger=world.ledger,
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
        forget=world.chain.cache.forget,
        accept=frozenset(settings.gate.accept),
        rehearse=settings.gate.rehearse,
        look_at_boundary=world.boundary.look,
        who=local_user(),
        room=Room(
            releases=settings.releases.in_memory,
            memory_mb=settings.releases.memory_mb,
            used_mb=process_reader(),
            wait_s=settings.releases.wait_s,
        ),
    )
    return Deployer(ports)


def _drain_ports(world: Adapters, deployer: Deployer, runs: RunService, workers: TaskWorkers) -> DrainPorts:
    return DrainPorts(
        registry=world.registry,
        deployer=deployer,
        store=world.store,
        ledger=world.ledger,
        runs=runs.active,
        tasks=workers,
        clock=world.clock,
        events=world.observing.hub,
    )


def _collector(deployer: Deployer, settings: Settings, world: Adapters) -> Collector:
    ports = CollectorPorts(
        registry=world.registry,
        deployer=deployer,
        store=world.store,
        ledger=world.ledger,
        tasks=world.tasks,
        clock=world.clock,
    )
    return Collector(ports, keep=settings.releases.keep)


def _proving(deployer: Deployer, settings: Settings, world: Adapters) -> ProvingPorts:
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


def _tasks(world: Adapters, executor: Executor, settings: TasksSettings) -> tuple[TaskService, TaskWorkers]:
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
