"""A ground whose directory is watched, on real files with real file events."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.ports import Clock
from toolcrib.core.releases import Deployment
from toolcrib.deployment.ports import Plan
from toolcrib.deployment.watching.looks import WatchOptions
from toolcrib.deployment.watching.watch import Watcher
from toolcrib.loader.bundle import Bundle
from toolcrib.runtime.clock import SystemClock

EVENTS_ONLY = WatchOptions(debounce_s=0.02, poll_s=30)
WITH_POLL = WatchOptions(debounce_s=0.02, poll_s=0.1)
POLLING = WatchOptions(debounce_s=0.02, poll_s=0.1, force_polling=True)


@dataclass(slots=True)
class Watched:
    """A ground whose directory is watched; it keeps what the watcher has deployed.

    Attributes:
        looks: states of the watcher's deployments.
        values: what the tool `value` gave after each of them.
        idle: set while the watcher waits for events.
    """

    ground: Ground
    looks: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    changed: anyio.Event = field(default_factory=anyio.Event)
    idle: anyio.Event = field(default_factory=anyio.Event)

    @property
    def root(self) -> Path:
        return self.ground.root

    @property
    def tool(self) -> Path:
        return self.root / "tools" / "t.py"

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until a deployment by the watcher has made it true."""
        with anyio.fail_after(10):
            while not done():
                self.changed = anyio.Event()
                if not done():
                    await self.changed.wait()

    async def serves(self, value: object) -> None:
        """Wait until this value is served and the watcher looks no longer: what comes next it must be told of."""
        await self.until(lambda: self.ground.value() == value)
        with anyio.fail_after(10):
            await self.idle.wait()

    def forget(self) -> None:
        self.looks.clear()
        self.values.clear()


@asynccontextmanager
async def watching(ground: Ground, options: WatchOptions, clock: Clock | None = None) -> AsyncIterator[Watched]:
    """The watcher at work, from the moment its directory is watched."""
    await ground.deploy(tree(0))
    watched = Watched(ground)
    real = ground.deployer.deploy_bundle

    async def deploy_bundle(bundle: Bundle, **how: Any) -> Deployment:
        assert not how.get("plan", Plan()).accept, "the watcher accepts nothing"
        deployment = await real(bundle, **how)
        watched.looks.append(deployment.state)
        watched.values.append(ground.value() if "value" in ground.serving.tools else None)
        watched.changed.set()
        return deployment

    ground.deployer.deploy_bundle = deploy_bundle  # type: ignore[method-assign]  # counted, otherwise itself
    watcher = Watcher(ground.root, options=options, clock=clock or SystemClock(), deployer=ground.deployer)
    really_look = watcher._look

    async def look() -> None:
        watched.idle = anyio.Event()
        try:
            await really_look()
        finally:
            watched.idle.set()

    watcher._look = look  # type: ignore[method-assign]  # observed, otherwise itself
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await proof_of_watching(watched)
        yield watched
        group.cancel_scope.cancel()


async def proof_of_watching(watched: Watched) -> None:
    """Until the operating system has the watch, write again and again."""
    watched.forget()
    with anyio.fail_after(10):
        number = 0
        while not watched.looks:
            number += 1
            watched.tool.write_text(source(f"start {number}"))
            with anyio.move_on_after(0.2):
                await watched.until(lambda: bool(watched.looks))
    await watched.serves(f"start {number}")
    watched.forget()


async def told(caplog: pytest.LogCaptureFixture, text: str, because: str = "") -> None:
    """Wait until the log has this text, and gives this cause."""
    with anyio.fail_after(10):
        while not any(text in r.message and because in getattr(r, "because", "") for r in list(caplog.records)):
            with anyio.move_on_after(0.01):
                await anyio.Event().wait()


def source(value: object) -> str:
    """The file of the tool `value`."""
    return str(tree(value)["tools/t.py"])


def importing(line: str) -> str:
    """The file of the tool `value`, which gives the VALUE that this line imports."""
    return source("").replace("return tool and ''", f"{line}\n    return VALUE")
