"""What is open of one resource: one shared instance, or a pool with one user for each."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from toolcrib.core.errors import Conflict
from toolcrib.core.ports import Clock
from toolcrib.core.tools import ResourceSpec
from toolcrib.tools.resources.instance import Borrow, Instance, unopened
from toolcrib.tools.resources.opening import invoke

log = logging.getLogger(__name__)
HEALTH_S = 5.0
"""A health check that takes longer has failed."""


class Supply:
    """The instances of one resource.

    Attributes:
        spec: the resource, as the release that opened it first knows it.
        opened, failed: instances opened, and attempts that failed.
        waiting: who waits for an instance.
    """

    def __init__(self, spec: ResourceSpec, *, borrow: Borrow, clock: Clock, close_s: float) -> None:
        self.spec = spec
        self.opened = self.failed = self.waiting = 0
        self._borrow = borrow
        self._clock = clock
        self._close_s = close_s
        self._slots = asyncio.Semaphore(spec.size) if spec.size > 1 else None
        self._ready: list[Instance] = []  # those that may be lent; a shared one stays here while it is lent
        self._all: set[Instance] = set()
        self._renewal: asyncio.Task[Instance] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def open(self) -> int:
        """Instances that are open, also those that are only used up."""
        return sum(instance.is_open for instance in self._all)

    @property
    def in_use(self) -> int:
        """Loans that hold an instance."""
        return sum(instance.users for instance in self._all)

    async def take(self) -> Instance:
        """An instance that is well, opened when there is none; `give_back` it.

        Raises:
            ToolFailed: it cannot be opened.
        """
        self.waiting += 1
        try:
            instance = await (self._share() if self._slots is None else self._draw(self._slots))
        except Exception as error:  # outer guard: a factory is project code
            raise unopened(self.spec.name, error) from error  # one of its own for each of those who waited together
        finally:
            self.waiting -= 1
        instance.users += 1
        return instance

    def give_back(self, instance: Instance) -> None:
        """End one use of an instance."""
        instance.users -= 1
        instance.used_at = self._clock.monotonic()
        if self._slots is not None:
            self._ready.append(instance)
            self._slots.release()
        if self._closed or self._is_worn(instance):
            self._discard(instance)

    def trim(self) -> None:
        """Let go of instances that are too old, or were not used for too long."""
        now, idle_s = self._clock.monotonic(), self.spec.idle_s
        for instance in tuple(self._ready):
            is_idle = idle_s is not None and instance.users == 0 and now - instance.used_at >= idle_s
            if is_idle or self._is_worn(instance):
                self._discard(instance)

    async def close(self) -> None:
        """Close everything, lent or not; whoever asks from now on is refused."""
        self._closed = True
        self._ready.clear()
        await asyncio.gather(*(self._end(instance) for instance in tuple(self._all)))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._close_s)

    async def _share(self) -> Instance:
        """The one instance: whoever comes while it is opened or looked at waits for the same task."""
        while True:
            if self._ready and self._is_fresh(self._ready[0]):
                return self._ready[0]
            if self._renewal is None:
                self._renewal = self._start(self._renew())
            instance = await asyncio.shield(self._renewal)
            if not self._is_worn(instance):
                return instance

    async def _renew(self) -> Instance:
        try:
            instance = await self._prepare()
            self._ready = [instance]
            return instance
        finally:
            self._renewal = None

    async def _draw(self, slots: asyncio.Semaphore) -> Instance:
        """An instance of the pool, for one user."""
        await slots.acquire()
        try:
            if self._ready and self._is_fresh(self._ready[-1]):
                return self._ready.pop()
            preparing = self._start(self._prepare())
        except BaseException:
            slots.release()
            raise
        try:
            return await asyncio.shield(preparing)
        except asyncio.CancelledError:
            preparing.add_done_callback(lambda task: self._put_in(task, slots))
            raise
        except BaseException:
            slots.release()
            raise

    def _put_in(self, task: asyncio.Task[Instance], slots: asyncio.Semaphore) -> None:
        """What was prepared for a cancelled call is for the next one; until then it kept its place in the pool."""
        if not task.cancelled() and task.exception() is None:
            self._ready.append(task.result())
            if self._closed:
                self._discard(task.result())
        slots.release()

    async def _prepare(self) -> Instance:
        """An instance that may be lent: the newest ready one that is well, else a new one."""
        while self._ready:
            instance = self._ready.pop()
            if not self._is_worn(instance) and await self._is_well(instance):
                return instance
            self._discard(instance)
        return await self._open()

    async def _open(self) -> Instance:
        if self._closed:
            raise Conflict(f"Resource {self.spec.name!r} is closed: its release was retired.")
        instance = Instance(self.spec, borrow=self._borrow, clock=self._clock)
        self._all.add(instance)
        try:
            await instance.ready()
        except BaseException:
            self._all.discard(instance)
            self.failed += 1
            raise
        self.opened += 1
        return instance

    def _is_fresh(self, instance: Instance) -> bool:
        """Whether it may be lent without a further look."""
        return not self._is_worn(instance) and not self._is_due(instance)

    def _is_worn(self, instance: Instance) -> bool:
        limit = self.spec.max_age_s
        return (
            instance.is_discarded
            or instance.is_gone
            or (limit is not None and self._clock.monotonic() - instance.opened_at >= limit)
        )

    def _is_due(self, instance: Instance) -> bool:
        spec = self.spec
        return spec.health is not None and self._clock.monotonic() - instance.checked_at >= spec.health_every_s

    async def _is_well(self, instance: Instance) -> bool:
        if self.spec.health is None or not self._is_due(instance):
            return True
        try:
            async with asyncio.timeout(HEALTH_S):
                answer = bool(await invoke(self.spec.health, instance.value))
        except Exception as error:  # outer guard: project code; a check that fails says that the instance is not well
            log.info("resource health check failed", extra={"resource": self.spec.name}, exc_info=error)
            answer = False
        instance.checked_at = self._clock.monotonic()
        return answer

    def _discard(self, instance: Instance) -> None:
        """Lend it no more; it is closed when its last user has given it back."""
        instance.is_discarded = True
        if instance in self._ready:
            self._ready.remove(instance)
        if instance.users == 0 and instance in self._all:
            self._start(self._end(instance))

    async def _end(self, instance: Instance) -> None:
        await instance.close(within_s=self._close_s)
        self._all.discard(instance)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of this supply: it goes on when the call that began it is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever still waits for it; else nobody needs it
