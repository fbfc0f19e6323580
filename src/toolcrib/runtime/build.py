"""Opening a project: a release to serve, and the work that goes on beside the calls.

Frameworks are imported when a project is opened, not before: the command line and `import toolcrib` stay quick.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from toolcrib.core.errors import DeploymentRejected, ProjectInvalid
from toolcrib.core.events import Event
from toolcrib.core.ports import Clock
from toolcrib.core.redaction import Secrets
from toolcrib.loader.cold.environment import set_declared, with_declared
from toolcrib.runtime.locate import locate, read_settings

if TYPE_CHECKING:
    from toolcrib.core.compat.shapes import Shape, Side
    from toolcrib.core.releases import Acceptable, ColdChange, Verification
    from toolcrib.deployment.gate.parked import Parked
    from toolcrib.runtime.crib import Crib
    from toolcrib.runtime.wiring.compose import House

T = TypeVar("T")
log = logging.getLogger(__name__)
BACKGROUND_S = 2.0
JOURNAL_S = 7 * 86_400.0
"""Ended calls are forgotten after a week: a run that comes back later than that is a new one."""
Listener = Callable[[Event], None]
Hook = Listener | Callable[[Event], Awaitable[None]]


@asynccontextmanager
async def open_project(
    root: str | Path | None = None,
    *,
    watch: bool = False,
    deploy: bool = True,
    work: bool = True,
    accept: Iterable["Acceptable"] = (),
    hooks: tuple[Hook, ...] = (),
    listeners: tuple[Listener, ...] = (),
    secrets: Secrets | None = None,
) -> AsyncIterator["Crib"]:
    """Open a project in this process: SQLite under `.toolcrib/`, no servers.

    Args:
        root: the project's directory; by default the nearest one from here upward.
        watch: deploy each change of the directory while the project is open.
        deploy: deploy the directory now if it is not what was served last. When it is rejected, the last good release
            serves and `crib.problem` tells why; without it only what the store has is served.
        work: run background tasks and guard the canary while the project is open; without it tasks are only looked at,
            submitted, cancelled. A process that works also counts as the one that serves: what it takes from the
            project when it starts is what `restart_needed` compares with, in other processes too.
        accept: what every deployment may do without being asked, beside what `gate.accept` in `toolcrib.yaml` says:
            `permissions` lets one lower the guards of tools and agents, with a warning; `stranded` lets one go where
            threads that wait cannot follow, and holds these on their releases.
        hooks: called with every event, in order. Plain functions run in a thread beside the calls, `async` ones as a
            task; one that is slow or fails touches no call. Who falls 10,000 events behind loses the oldest. What waits
            at the end gets 2 s.
        listeners: for doors: called with every event at once, on the event loop; they must neither wait nor fail.
        secrets: for doors: where secrets are read, and become known to those who must not tell them.

    Raises:
        ProjectInvalid: there is no project, or `toolcrib.yaml` has mistakes.
        DeploymentRejected: the directory is broken and there is no earlier release to serve.
    """
    directory = locate(root)
    settings = read_settings(directory)
    load_frameworks()
    from toolcrib.runtime.wiring.adapters import open_adapters
    from toolcrib.runtime.wiring.compose import compose

    gate = settings.gate.model_copy(update={"accept": (*settings.gate.accept, *accept)})
    settings = settings.model_copy(update={"gate": gate})
    async with _closed_whatever_comes() as stack:
        stack.enter_context(set_declared(directory, os.environ))
        world = await _to_its_end(
            open_adapters(directory, settings, stack, serves=work, hooks=hooks, listeners=listeners, secrets=secrets)
        )
        house = compose(directory, settings, world, stack)
        stack.callback(house.crib.shut)
        if watch:
            house.deployer.warm_up()
        if deploy:
            await _first_release(directory, house)
        else:
            await house.deployer.restore()
        house.process_tools.warm_up()
        stack.push_async_callback(_cancel, _background(house, watch=watch, work=work))
        yield house.crib


def load_frameworks() -> None:
    """Import what opening a project needs. It takes a second or two, in which an event loop would hear nothing."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # LangGraph reads it when it is first imported
    import_module("toolcrib.runtime.wiring.compose")


async def verify_project(root: Path, *, accept: Iterable["Acceptable"] = ()) -> "Verification":
    """The gate alone: why the directory would be rejected, and what it would change beside what serves.

    All its examples and selftests are tried. Nothing of the project is changed, and no database is made.

    Raises:
        ProjectInvalid: there is no such directory, or it cannot be read.
    """
    from toolcrib.deployment.gate.judge import verification
    from toolcrib.loader.bundle import read_bundle
    from toolcrib.runtime.wiring.adapters import make_verifier

    directory = locate(root)
    bundle, settings = read_bundle(directory), read_settings(directory)
    verifier = make_verifier(settings)
    with set_declared(directory, os.environ):
        try:
            verdict = await verifier.verify(bundle, root=str(directory), compare=True)
        finally:
            await verifier.close()
    former, parked = await _stored(directory, verdict.shape)
    return verification(bundle, verdict, former, accept={*settings.gate.accept, *accept}, parked=parked)


def missing_keys(root: Path) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Agents with a model, of variants too, that has no key: name -> for each the variables of which one has to be set.

    Raises:
        ProjectInvalid: there is no such directory, or it cannot be read.
    """
    from toolcrib.agents.models.plans import missing_keys as keys_of
    from toolcrib.loader.bundle import read_bundle
    from toolcrib.loader.config import read_config
    from toolcrib.loader.reading.experiments import specs_in_variants

    env = with_declared(root, os.environ)
    config = read_config(read_bundle(root).contents, env=env)[0]
    found: dict[str, dict[tuple[str, ...], None]] = {}
    for name, spec in (*config.agents.items(), *specs_in_variants(config.agents, config.experiments)):
        if spec.kind != "graph":
            found.setdefault(name, {}).update(dict.fromkeys(keys_of(spec, env)))
    return {name: tuple(keys) for name, keys in found.items() if keys}


def restart_needed(root: Path) -> tuple["ColdChange", ...]:
    """What the process that serves this project has to be restarted for; nothing when none does. Opens no store."""
    from toolcrib.loader.cold.started import restart_needed as compare
    from toolcrib.runtime.wiring.adapters import STATE_DIRECTORY

    return compare(root, root / STATE_DIRECTORY, env=with_declared(root, os.environ))


@asynccontextmanager
async def _closed_whatever_comes() -> AsyncIterator[AsyncExitStack]:
    """A stack whose closing is not broken off by a cancellation."""
    stack = AsyncExitStack()
    try:
        yield stack
    finally:
        await _to_its_end(stack.aclose())


async def _to_its_end(work: Awaitable[T]) -> T:
    """Its result; cancellation waits until it is over. A database that is half open, or half closed, stays so."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    result = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return result


async def _stored(root: Path, candidate: "Shape | None") -> "tuple[Side | None, Parked]":
    """What serves, and what would become of threads, as far as the project's database knows."""
    from toolcrib.deployment.gate.judge import stored_shape, stored_side
    from toolcrib.deployment.gate.parked import NOBODY, look_at_threads
    from toolcrib.runtime.wiring.adapters import DATABASE, STATE_DIRECTORY
    from toolcrib.stores.sql.database import open_sqlite
    from toolcrib.stores.sql.ledger import SqlRunLedger
    from toolcrib.stores.sql.releases import SqlReleaseStore

    path = root / STATE_DIRECTORY / DATABASE
    if not path.is_file():
        return None, NOBODY
    async with open_sqlite(path) as engine:
        store = SqlReleaseStore(engine)
        channel = await store.channel()
        if not channel.digest:
            return None, NOBODY
        parked = NOBODY
        if candidate is not None:
            parked = await look_at_threads(candidate, SqlRunLedger(engine), lambda digest: stored_shape(digest, store))
        return await stored_side(channel.digest, store), parked


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """JSON Schema of each YAML file of a project, by file name."""
    from toolcrib.loader.json_schemas import schemas as make_schemas

    return make_schemas()


async def _first_release(root: Path, house: "House") -> None:
    """Serve something: the tree when it is new and good, else the last good release.

    A tree that was rolled back from does not come back by a restart: it must change first. A tree that was rejected is
    looked at again, since what was missing may have been installed.
    """
    from toolcrib.loader.bundle import read_bundle

    deployer = house.deployer
    try:
        bundle = await asyncio.to_thread(read_bundle, root)
    except ProjectInvalid as error:
        if not await deployer.restore():
            raise
        deployer.unreadable = error
        return
    if await deployer.is_settled(bundle.manifest):
        await deployer.restore()
        return
    deployment = await deployer.deploy_bundle(bundle, actor="start")
    if deployment.state == "rejected" and not await deployer.restore():
        raise DeploymentRejected("The project was rejected by the gate.", reasons=deployment.reasons)


def _background(house: "House", *, watch: bool, work: bool) -> list[asyncio.Task[None]]:
    """What goes on beside the calls: the janitor, the guard and the tasks, and the watcher when asked for."""
    jobs: dict[str, Callable[[], Awaitable[None]]] = {"janitor": lambda: _janitor(house)}
    if work:
        jobs["tasks"] = house.tasks.keep
        jobs["guard"] = house.guard.run
        jobs["collector"] = house.collector.run
        jobs["resumer"] = lambda: _take_up(house)
    if watch:
        jobs["watcher"] = house.watcher().run
    return [
        asyncio.create_task(_keep_up(name, run, house.clock), name=f"toolcrib-{name}") for name, run in jobs.items()
    ]


async def _janitor(house: "House") -> None:
    """Let go of what nobody uses, follow what others activate in the same store, see whether a restart is due."""
    while True:
        await house.clock.sleep(BACKGROUND_S)
        house.runs.sweep()
        await house.accounts.tend()
        await house.boundary.look()
        if await house.deployer.follow():
            house.process_tools.warm_up()
        await house.deployer.sweep()
        await house.journal.sweep(before=house.clock.now() - JOURNAL_S)
        await house.history.flush()
        await house.crib.artifacts.sweep()
        await house.resources.trim()
        house.threads.trim(house.clock.monotonic())
        house.process_tools.runner.tend(house.clock.monotonic())


async def _take_up(house: "House") -> None:
    """Let runs go on that the end of a process stopped: this one's predecessor, or another one's."""
    while True:
        await house.runs.resumer.take_up()
        await house.clock.sleep(BACKGROUND_S)


async def _keep_up(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run background work for ever: a failure is logged, and the work begun anew."""
    while True:
        try:
            await run()
        except Exception:  # outer guard: a watcher that died in silence would deploy nothing
            log.exception("background work failed", extra={"work": name})
        await clock.sleep(BACKGROUND_S)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
