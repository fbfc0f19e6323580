"""`Crew`: the workers of all releases, at most so many: who is free, who waits for one, who is being started."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from operator import itemgetter

from toolcrib.runners.pool import PoolStats
from toolcrib.runners.processes.limits import Limits
from toolcrib.runners.processes.worker import Worker

log = logging.getLogger(__name__)
SCARCE = 0.9
"""So much of the memory in use leaves none for another worker."""
Start = Callable[[str], Awaitable[Worker]]


@dataclass(slots=True, eq=False)
class _Post:
    """The workers of one release: `idle` the last used last, `waiting` the first come first."""

    idle: list[Worker] = field(default_factory=list)
    waiting: "deque[asyncio.Future[Worker]]" = field(default_factory=deque)
    starting: "set[asyncio.Task[None]]" = field(default_factory=set)


class Crew:
    """Hands out workers. A start belongs to the crew, not to the call that waits: a cancelled call leaks none.

    A release that has no worker gets its first one in any case. Further ones are started only while memory is not
    short; calls then wait for those there are.

    Args:
        start: starts a worker for a release.
        limits: how many workers, and how long they may idle.
        memory_used: the part of the memory this process may use that is in use, 0 to 1.
    """

    def __init__(self, *, start: Start, limits: Limits, memory_used: Callable[[], float]) -> None:
        self._start = start
        self._limits = limits
        self._memory_used = memory_used
        self._started_ever = 0
        self._posts: dict[str, _Post] = {}
        self._busy: dict[Worker, _Post] = {}
        self._closed = False

    async def take(self, release: str) -> Worker:
        """A worker for this release, for one call; give it back or let it go.

        Raises:
            ConnectionError: the crew was closed.
            Exception: whatever kept a worker from starting.
        """
        if self._closed:
            raise _closed()
        post = self._posts.setdefault(release, _Post())
        while post.idle:
            worker = post.idle.pop()
            if worker.usable:
                self._busy[worker] = post
                return worker
            worker.kill()
        future: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        post.waiting.append(future)
        self._hire_for_those_who_wait(release, post)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.give(future.result())
            elif future in post.waiting:
                post.waiting.remove(future)
            raise

    def give(self, worker: Worker) -> None:
        """The call is over; the worker is as good as before."""
        self._place(worker, self._busy.pop(worker))

    def replace(self, worker: Worker) -> None:
        """Kill a worker and start another one in its place at once."""
        post = self._busy.pop(worker)
        worker.kill()
        if self._posts.get(worker.release) is post and self._size() < self._limits.workers:
            self._hire(worker.release, post)
        self._hire_for_those_who_wait(worker.release, post)

    def warm_up(self, release: str) -> None:
        """Have a worker ready for this release, or on its way, if there is room."""
        post = self._posts.setdefault(release, _Post())
        if not post.idle and not post.starting and self._size() < self._limits.workers:
            self._hire(release, post)

    async def ready(self, release: str) -> None:
        """Wait until there is a worker for this release; one that cannot be started is told of when it is taken."""
        post = self._posts.get(release)
        if post is not None and (any(one.usable for one in post.idle) or post in self._busy.values()):
            return
        self.warm_up(release)
        if starting := self._posts[release].starting:  # none where other releases have all the places
            await asyncio.wait(set(starting))

    def retire(self, release: str) -> None:
        """The release is no more: its idle workers end now, busy ones after their call."""
        post = self._posts.pop(release, _Post())
        for worker in post.idle:
            worker.kill()
        post.idle.clear()

    def tend(self, now: float) -> None:
        """End workers that idle too long, those that idle longest first; start those for whom memory was too short.

        To be called now and then.

        Args:
            now: reading of a monotonic clock; a worker's idling counts from the first time it is seen idle here.
        """
        idle: list[tuple[float, Worker, _Post]] = []
        for post in self._posts.values():
            for worker in post.idle:
                worker.seen_idle = now if worker.seen_idle is None else worker.seen_idle
                idle.append((worker.seen_idle, worker, post))
        for since, worker, post in sorted(idle, key=itemgetter(0)):
            if now - since < self._limits.idle_s or self._size() <= self._limits.min_workers:
                break
            post.idle.remove(worker)
            worker.kill()
        for release, post in self._posts.items():
            self._hire_for_those_who_wait(release, post)

    @property
    def stats(self) -> PoolStats:
        """How the crew does now; those who wait are the ones whose release has no free worker."""
        posts = self._posts.values()
        size = len(self._busy) + sum(not worker.lost for post in posts for worker in post.idle)
        return PoolStats(
            size=size,
            busy=len(self._busy),
            waiting=sum(len(post.waiting) for post in posts),
            started=self._started_ever,
            ended=self._started_ever - size,
        )

    async def close(self) -> None:
        """End all workers; whoever waits is told."""
        self._closed = True
        posts = list(self._posts.values())
        starting = {task for post in posts for task in post.starting}
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        for worker in [*self._busy, *(worker for post in posts for worker in post.idle)]:
            worker.kill()
        for future in (future for post in posts for future in post.waiting if not future.done()):
            future.set_exception(_closed())

    def _size(self) -> int:
        posts = self._posts.values()
        idle = sum(not worker.lost for post in posts for worker in post.idle)
        return len(self._busy) + idle + sum(len(post.starting) for post in posts)

    def _hire_for_those_who_wait(self, release: str, post: _Post) -> None:
        while len(post.starting) < len(post.waiting) and not self._closed and self._may_grow(post):
            self._hire(release, post)

    def _may_grow(self, post: _Post) -> bool:
        """Whether memory allows the release another worker; its first one in any case, else its calls wait for ever."""
        has_one = post.starting or post.idle or post in self._busy.values()
        return not has_one or self._memory_used() < SCARCE

    def _hire(self, release: str, post: _Post) -> None:
        """Start one more worker; an idle one of another release makes room, the one whose release came first."""
        if self._size() >= self._limits.workers:
            other = next((other for other in self._posts.values() if other.idle), None)
            if other:
                other.idle.pop(0).kill()
        task = asyncio.create_task(self._started(release, post), name=f"toolcrib-worker-start-{release}")
        post.starting.add(task)

    async def _started(self, release: str, post: _Post) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            worker = await self._start(release)
        except asyncio.CancelledError:
            post.starting.discard(task)
            raise
        except Exception as error:  # noqa: BLE001 - outer guard: told to the call that waits, else logged
            post.starting.discard(task)
            self._failed(release, post, error)
            return
        post.starting.discard(task)
        self._started_ever += 1
        self._place(worker, post)

    def _failed(self, release: str, post: _Post, error: Exception) -> None:
        for future in post.waiting:
            if not future.done():
                post.waiting.remove(future)
                future.set_exception(error)
                self._hire_for_those_who_wait(release, post)
                return
        log.warning("worker process not started", extra={"release": release, "reason": str(error)})

    def _place(self, worker: Worker, post: _Post) -> None:
        """To the first who waits for its release, else among the idle, if its release and the room are still there."""
        while post.waiting and worker.usable:
            future = post.waiting.popleft()
            if not future.done():
                self._busy[worker] = post
                future.set_result(worker)
                return
        current = self._posts.get(worker.release) is post
        if self._closed or not current or not worker.usable or self._size() >= self._limits.workers:
            worker.kill()
            self._hire_for_those_who_wait(worker.release, post)
        else:
            worker.seen_idle = None
            post.idle.append(worker)


def _closed() -> ConnectionError:
    return ConnectionError("the worker processes were closed")
