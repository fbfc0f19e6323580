"""A place where background tasks run: real service and workers, faked clock, ids and events, the store in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import anyio
import anyio.lowlevel

from tests.support import Bench
from toolcrib.core.ports import IdFactory
from toolcrib.core.tasks import TaskRecord, TaskStore
from toolcrib.core.tools import Tool
from toolcrib.execution.tasks.audience import Audience
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.execution.tasks.service import TaskService
from toolcrib.execution.tasks.workers import TaskWorkers
from toolcrib.registry.registry import Registry
from toolcrib.stores.memory.tasks import MemoryTaskStore
from toolcrib.testing import CountingIds, FakeClock


class StillClock(FakeClock):
    """A clock whose sleepers sleep until the test wakes them."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        await self.awake.wait()
        await anyio.lowlevel.checkpoint()


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One process's side of background tasks; several on one store are several processes."""

    options: TaskOptions = field(default_factory=TaskOptions)
    clock: StillClock = field(default_factory=StillClock)
    store: TaskStore = field(default_factory=MemoryTaskStore)
    registry: Registry = field(default_factory=Registry)
    bench: Bench = field(default_factory=Bench)
    ids: IdFactory = field(default_factory=CountingIds)

    def serve(self, *tools: Tool, content: str = "") -> str:
        """Publish a release of these tools; its id."""
        release = self.bench.release(*tools, content=content)
        self.registry.publish(release, expected=self.registry.generation)
        return release.id

    def furnish(self) -> "Crew":
        ports = TaskPorts(
            registry=self.registry,
            call_tool=self.bench.executor.call,
            store=self.store,
            journal=self.bench.journal,
            artifacts=self.bench.artifacts,
            clock=self.clock,
            ids=self.ids,
            events=self.bench.events,
        )
        audience = Audience(store=self.store, events=self.bench.events)
        workers = TaskWorkers(ports, options=self.options, audience=audience)
        service = TaskService(ports, options=self.options, workers=workers, audience=audience)
        return Crew(service=service, workers=workers, audience=audience)

    def neighbour(self) -> "Ground":
        """Another process on the same store, with the same clock."""
        return replace(self, registry=Registry(), bench=Bench())


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The service, and the workers behind it."""

    service: TaskService
    workers: TaskWorkers
    audience: Audience

    async def ended(self, task_id: str) -> TaskRecord:
        """The task at its end."""
        record = await self.service.wait(task_id, timeout_s=5)
        assert record.ended, record
        return record


@asynccontextmanager
async def at_work(ground: Ground) -> AsyncIterator[Crew]:
    """The crew, running tasks until the block ends, and closed then."""
    crew = ground.furnish()
    keeping = asyncio.create_task(crew.workers.keep())
    try:
        yield crew
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        with anyio.fail_after(20):
            await crew.workers.close()


@dataclass(kw_only=True)
class Gate:
    """A tool's body that a test holds and lets go; counts what passes."""

    began: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    entered: int = 0
    broken_off: int = 0

    async def pass_through(self) -> str:
        self.entered += 1
        self.began.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        return "through"
