"""The composition root: the one place that chooses adapters. LangGraph is imported when a project is opened, not before."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolcrib.core.errors import DeploymentRejected
from toolcrib.core.events import Event
from toolcrib.core.ports import Clock
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds
from toolcrib.runtime.locate import find_project, read_settings

if TYPE_CHECKING:
    from toolcrib.core.reasons import Reason
    from toolcrib.core.settings import Settings
    from toolcrib.deployment.deployer import Deployer
    from toolcrib.runs.service import RunService
    from toolcrib.runtime.crib import Crib

log = logging.getLogger(__name__)
CHECK = "toolcrib.deployment.check:check"
STATE_DIRECTORY = ".toolcrib"
JANITOR_S = 2.0
Hook = Callable[[Event], None]


@asynccontextmanager
async def open_project(
    root: str | Path | None = None, *, watch: bool = False, deploy: bool = True, hooks: tuple[Hook, ...] = ()
) -> AsyncIterator["Crib"]:
    """Open a project in this process: SQLite under `.toolcrib/`, no servers.

    Args:
        root: the project's directory; by default the nearest one from here upward.
        watch: deploy each change of the directory while the project is open.
        deploy: deploy the directory now if it is not what was served last. When it is rejected, the last good release
            serves and `crib.problem` tells why; without it only what the store has is served.
        hooks: called with every event, on the event loop; keep them short.

    Raises:
        ProjectInvalid: there is no project, or `toolcrib.yaml` has mistakes.
        DeploymentRejected: the directory is broken and there is no earlier release to serve.
    """
    directory = Path(root).resolve() if root is not None else find_project(Path.cwd())
    settings = read_settings(directory)
    async with AsyncExitStack() as stack:
        crib, deployer, runs = await _build(directory, settings, hooks, stack)
        if deploy:
            await _first_release(directory, deployer, crib)
        else:
            await deployer.restore()
        stack.push_async_callback(_cancel, _background(crib, deployer, runs, watch=watch))
        yield crib


async def verify_project(root: Path) -> tuple["Reason", ...]:
    """The gate alone: every reason why the directory would be rejected. Opens no store and changes nothing.

    Raises:
        ProjectInvalid: there is no project, or it cannot be read.
    """
    from toolcrib.loader.bundle import read_bundle
    from toolcrib.loader.verifier.client import Verifier

    directory = root.resolve()
    bundle = read_bundle(directory)
    verifier = Verifier(check=CHECK, timeout_s=read_settings(directory).verify.timeout_s)
    try:
        return (await verifier.verify(bundle, root=str(directory))).reasons
    finally:
        await verifier.close()


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """JSON Schema of each YAML file of a project, by file name."""
    from toolcrib.loader.json_schemas import schemas as make_schemas

    return make_schemas()


async def _build(
    root: Path, settings: "Settings", hooks: tuple[Hook, ...], stack: AsyncExitStack
) -> tuple["Crib", "Deployer", "RunService"]:
    """Every adapter, put together; closed by `stack` in reverse order."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # read by LangGraph when it is first imported
    from toolcrib.agents.models import Models
    from toolcrib.deployment.deployer import Deployer, DeployerPorts
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
    from toolcrib.runtime.crib import Crib
    from toolcrib.stores.checkpoints import open_checkpointer
    from toolcrib.stores.sql import open_sqlite
    from toolcrib.stores.sql_ledger import SqlRunLedger
    from toolcrib.stores.sql_releases import SqlReleaseStore

    state = root / STATE_DIRECTORY
    verifier = Verifier(check=CHECK, timeout_s=settings.verify.timeout_s)
    stack.push_async_callback(verifier.close)
    engine = await stack.enter_async_context(open_sqlite(state / "toolcrib.db"))
    checkpointer = await stack.enter_async_context(open_checkpointer(state / "threads.db"))
    clock, ids, registry = SystemClock(), TimeOrderedIds(), Registry()
    hub = EventHub((log_event, *hooks))
    stack.callback(hub.close)
    threads = ThreadRunner(workers=settings.threads.workers)
    stack.callback(threads.close)
    chain = ChainPorts(clock=clock, random=SystemRandom(), events=hub, inline=InlineRunner(), threads=threads)
    store, ledger, executor = SqlReleaseStore(engine), SqlRunLedger(engine), Executor(ids=ids, clock=clock)
    deployer = Deployer(
        DeployerPorts(
            root=root,
            store=store,
            registry=registry,
            verifier=verifier,
            pool=ModulePool(),
            clock=clock,
            events=hub,
            env=os.environ,
            compose=lambda tool, release: build_chain(tool, release=release, ports=chain),
            checkpointer=checkpointer,
            busy=lambda: threads.abandoned > 0,
        )
    )
    ports = RunPorts(
        registry=registry,
        executor=executor,
        models=Models(today=lambda: _today(clock)),
        ledger=ledger,
        clock=clock,
        ids=ids,
        events=hub,
        load=deployer.bring,
    )
    runs = RunService(ports, concurrency=settings.runs.concurrency)
    stack.push_async_callback(runs.close)
    crib = Crib(
        root=root,
        settings=settings,
        registry=registry,
        executor=executor,
        runs=runs,
        deployer=deployer,
        store=store,
        ledger=ledger,
        hub=hub,
    )
    return crib, deployer, runs


async def _first_release(root: Path, deployer: "Deployer", crib: "Crib") -> None:
    """Serve something: the tree when it is new and good, else the last good release.

    A tree that was rolled back from does not come back by a restart: it must change first. A tree that was rejected is
    looked at again, since what was missing may have been installed.
    """
    from toolcrib.loader.bundle import read_bundle

    bundle = await asyncio.to_thread(read_bundle, root)
    if await deployer.is_settled(bundle.manifest):
        await deployer.restore()
        return
    deployment = await deployer.deploy_bundle(bundle, actor="start")
    if deployment.state == "rejected" and not await deployer.restore():
        raise DeploymentRejected("The project was rejected by the gate.", reasons=deployment.reasons)


def _background(crib: "Crib", deployer: "Deployer", runs: "RunService", *, watch: bool) -> list[asyncio.Task[None]]:
    """What goes on beside the calls: the watcher, and the janitor who retires releases and follows other processes."""
    from toolcrib.deployment.watch import Watcher, WatchOptions

    clock = SystemClock()
    work: dict[str, Callable[[], Awaitable[None]]] = {"janitor": lambda: _janitor(deployer, runs, clock)}
    if watch:
        deployer.warm_up()
        options = WatchOptions(
            debounce_s=crib.settings.watch.debounce_s,
            poll_s=crib.settings.watch.poll_s,
            force_polling=crib.settings.watch.force_polling,
        )
        work["watcher"] = Watcher(crib.root, options=options, clock=clock, deployer=deployer).run
    return [asyncio.create_task(_keep_up(name, run, clock), name=f"toolcrib-{name}") for name, run in work.items()]


async def _keep_up(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run background work for ever: a failure is logged, and the work begun anew."""
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - outer guard: a watcher that died in silence would deploy nothing for ever
            log.exception("background work failed", extra={"work": name})
        await clock.sleep(JANITOR_S)


async def _janitor(deployer: "Deployer", runs: "RunService", clock: Clock) -> None:
    while True:
        await clock.sleep(JANITOR_S)
        runs.sweep()
        await deployer.follow()
        await deployer.sweep()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.now(), UTC).astimezone().date()
