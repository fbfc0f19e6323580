"""The adapters, chosen and put together: SQLite, threads, the system's clock; imported only to open a project."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toolcrib.agents.models import Models
from toolcrib.core.events import Event
from toolcrib.core.ports import ReleaseStore, Resources, RunLedger
from toolcrib.core.settings import Settings
from toolcrib.deployment.deployer import Deployer, DeployerPorts
from toolcrib.deployment.watch import Watcher, WatchOptions
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.verifier.client import Verifier
from toolcrib.observability.hub import EventHub
from toolcrib.observability.logs import log_event
from toolcrib.registry.registry import Registry
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runs.service import RunPorts, RunService
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds
from toolcrib.runtime.crib import Crib
from toolcrib.stores.checkpoints import open_checkpointer
from toolcrib.stores.sql import open_sqlite
from toolcrib.stores.sql_ledger import SqlRunLedger
from toolcrib.stores.sql_releases import SqlReleaseStore
from toolcrib.tools.resources.pool import ResourcePool

CHECK = "toolcrib.deployment.check:check"
STATE_DIRECTORY = ".toolcrib"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An open project and the parts that work beside it."""

    crib: Crib
    deployer: Deployer
    runs: RunService
    resources: Resources
    clock: SystemClock

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


async def compose(
    root: Path, settings: Settings, hooks: tuple[Callable[[Event], None], ...], stack: AsyncExitStack
) -> House:
    """Open stores and start what a project needs; `stack` closes it all in reverse order."""
    clock = SystemClock()
    hub = EventHub((log_event, *hooks))
    stack.callback(hub.close)
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
        resources=resources,
    )
    ports = DeployerPorts(
        root=root,
        store=SqlReleaseStore(engine),
        registry=Registry(),
        verifier=verifier,
        pool=pool,
        clock=clock,
        events=hub,
        env=os.environ,
        compose=lambda tool, release: build_chain(tool, release=release, ports=chain),
        checkpointer=checkpointer,
        busy=lambda: threads.abandoned > 0,
        resources=resources,
    )
    return _furnish(ports, settings, SqlRunLedger(engine), hub, stack)


def _furnish(
    ports: DeployerPorts, settings: Settings, ledger: RunLedger, hub: EventHub, stack: AsyncExitStack
) -> House:
    """The wings on their ports, and the facade before them."""
    clock, ids = SystemClock(), TimeOrderedIds()
    deployer = Deployer(ports)
    executor = Executor(ids=ids, clock=clock)
    runs = RunService(
        RunPorts(
            registry=ports.registry,
            call_tool=executor.call,
            models=Models(today=lambda: datetime.fromtimestamp(clock.now(), UTC).astimezone().date()),
            ledger=ledger,
            clock=clock,
            ids=ids,
            events=hub,
            load=deployer.bring,
        ),
        concurrency=settings.runs.concurrency,
    )
    stack.push_async_callback(runs.close)
    store: ReleaseStore = ports.store
    crib = Crib(
        root=ports.root,
        settings=settings,
        registry=ports.registry,
        executor=executor,
        runs=runs,
        deployer=deployer,
        store=store,
        ledger=ledger,
        hub=hub,
        resources=ports.resources,
    )
    return House(crib=crib, deployer=deployer, runs=runs, resources=ports.resources, clock=clock)
