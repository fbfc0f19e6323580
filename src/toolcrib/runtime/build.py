"""Opening a project: a release to serve, and the work that goes on beside the calls.

Frameworks are imported when a project is opened, not before: the command line and `import toolcrib` stay quick.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolcrib.core.errors import DeploymentRejected
from toolcrib.core.events import Event
from toolcrib.core.ports import Clock
from toolcrib.runtime.locate import locate, read_settings

if TYPE_CHECKING:
    from toolcrib.core.reasons import Reason
    from toolcrib.runtime.compose import House
    from toolcrib.runtime.crib import Crib

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
    hooks: tuple[Hook, ...] = (),
    listeners: tuple[Listener, ...] = (),
) -> AsyncIterator["Crib"]:
    """Open a project in this process: SQLite under `.toolcrib/`, no servers.

    Args:
        root: the project's directory; by default the nearest one from here upward.
        watch: deploy each change of the directory while the project is open.
        deploy: deploy the directory now if it is not what was served last. When it is rejected, the last good release
            serves and `crib.problem` tells why; without it only what the store has is served.
        work: run background tasks while the project is open; without it they are only looked at, submitted, cancelled.
        hooks: called with every event, in order. Plain functions run in a thread beside the calls, `async` ones as a
            task; one that is slow or fails touches no call. Who falls 10,000 events behind loses the oldest. What waits
            at the end gets 2 s.
        listeners: for doors: called with every event at once, on the event loop; they must neither wait nor fail.

    Raises:
        ProjectInvalid: there is no project, or `toolcrib.yaml` has mistakes.
        DeploymentRejected: the directory is broken and there is no earlier release to serve.
    """
    directory = locate(root)
    settings = read_settings(directory)
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # LangGraph reads it when it is first imported
    from toolcrib.runtime.compose import compose

    async with AsyncExitStack() as stack:
        house = await compose(directory, settings, stack, hooks=hooks, listeners=listeners)
        if watch:
            house.deployer.warm_up()
        if deploy:
            await _first_release(directory, house)
        else:
            await house.deployer.restore()
        house.process_tools.warm_up()
        stack.push_async_callback(_cancel, _background(house, watch=watch, work=work))
        yield house.crib


async def verify_project(root: Path) -> tuple["Reason", ...]:
    """The gate alone: every reason why the directory would be rejected. Opens no store and changes nothing.

    Raises:
        ProjectInvalid: there is no such directory, or it cannot be read.
    """
    from toolcrib.loader.bundle import read_bundle
    from toolcrib.runtime.compose import make_verifier

    directory = locate(root)
    bundle = read_bundle(directory)
    verifier = make_verifier(read_settings(directory))
    try:
        return (await verifier.verify(bundle, root=str(directory))).reasons
    finally:
        await verifier.close()


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
    bundle = await asyncio.to_thread(read_bundle, root)
    if await deployer.is_settled(bundle.manifest):
        await deployer.restore()
        return
    deployment = await deployer.deploy_bundle(bundle, actor="start")
    if deployment.state == "rejected" and not await deployer.restore():
        raise DeploymentRejected("The project was rejected by the gate.", reasons=deployment.reasons)


def _background(house: "House", *, watch: bool, work: bool) -> list[asyncio.Task[None]]:
    """What goes on beside the calls: the janitor, and the tasks and the watcher when asked for."""
    jobs: dict[str, Callable[[], Awaitable[None]]] = {"janitor": lambda: _janitor(house)}
    if work:
        jobs["tasks"] = house.tasks.keep
    if watch:
        jobs["watcher"] = house.watcher().run
    return [
        asyncio.create_task(_keep_up(name, run, house.clock), name=f"toolcrib-{name}") for name, run in jobs.items()
    ]


async def _janitor(house: "House") -> None:
    """Let go of what nobody uses, and follow what other processes activate in the same store."""
    while True:
        await house.clock.sleep(BACKGROUND_S)
        house.runs.sweep()
        if await house.deployer.follow():
            house.process_tools.warm_up()
        await house.deployer.sweep()
        await house.journal.sweep(before=house.clock.now() - JOURNAL_S)
        await house.resources.trim()


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
