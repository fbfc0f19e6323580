"""The crew: starts belong to it, and neither a cancelled nor a failed wait loses a worker or a place."""

import asyncio
import logging
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from tests.unit.runners.processes.conftest import limits_of
from toolcrib.runners.pool import PoolStats
from toolcrib.runners.processes.crew import Crew
from toolcrib.runners.processes.worker import Worker

pytestmark = pytest.mark.anyio


class FakeWorker(Worker):
    """A worker without a process."""

    @property
    def usable(self) -> bool:
        return not self.lost


class Starts:
    """Starts that end when they are told to."""

    def __init__(self) -> None:
        self.pending: list[tuple[str, asyncio.Future[None]]] = []
        self.made: list[FakeWorker] = []

    async def __call__(self, release: str) -> Worker:
        allowed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pending.append((release, allowed))
        await allowed
        self.made.append(FakeWorker(release, most_bytes=0))
        return self.made[-1]

    def allow(self, error: Exception | None = None) -> None:
        _, allowed = self.pending.pop(0)
        if error:
            allowed.set_exception(error)
        else:
            allowed.set_result(None)

    @property
    def living(self) -> list[FakeWorker]:
        return [worker for worker in self.made if not worker.lost]


def crew_of(starts: Starts, *, memory_used: Callable[[], float] = lambda: 0.0, **limits: int) -> Crew:
    return Crew(start=starts, limits=limits_of(**limits), memory_used=memory_used)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def took(crew: Crew, release: str = "r-1") -> asyncio.Task[Worker]:
    task = asyncio.ensure_future(crew.take(release))
    await turns()
    return task


@pytest.mark.parametrize("early", range(6))
async def test_a_wait_that_is_cancelled_at_any_moment_leaves_the_crew_as_good_as_before(early: int) -> None:
    starts = Starts()
    crew = crew_of(starts, workers=1)
    first = await took(crew)
    starts.allow()
    for _ in range(early):
        await anyio.lowlevel.checkpoint()
    first.cancel()
    await turns()
    if not first.cancelled():
        crew.give(first.result())
    with anyio.fail_after(5):
        worker = await crew.take("r-1")
    crew.give(worker)
    assert starts.living == [worker]


async def test_a_start_that_fails_is_told_to_the_one_who_waited_longest_and_the_others_wait_on() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=2)
    first, second = await took(crew), await took(crew)
    starts.allow(ConnectionError("no"))
    starts.allow()
    await asyncio.wait([first, second])
    assert isinstance(first.exception(), ConnectionError)
    assert second.result() is starts.made[0]


async def test_a_spare_that_cannot_start_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    starts = Starts()
    crew = crew_of(starts, workers=2)
    crew.warm_up("r-1")
    await turns()
    with caplog.at_level(logging.WARNING):
        starts.allow(ConnectionError("no"))
        await turns()
    assert "worker process not started" in caplog.text


async def test_an_idle_worker_makes_room_for_another_release() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=1)
    first = await took(crew)
    starts.allow()
    crew.give(await first)
    second = await took(crew, "r-2")
    assert starts.made[0].lost
    starts.allow()
    assert (await second).release == "r-2"


async def test_a_killed_worker_is_replaced_before_anybody_asks() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=1)
    first = await took(crew)
    starts.allow()
    crew.replace(await first)
    await turns()
    assert [release for release, _ in starts.pending] == ["r-1"]


async def test_closing_ends_starts_workers_and_waits() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=2)
    first, second = await took(crew), await took(crew)
    starts.allow()
    await first
    await crew.close()
    await asyncio.wait([second])
    assert isinstance(second.exception(), ConnectionError)
    assert starts.living == []


async def test_ready_waits_for_the_first_worker_of_a_release_and_for_no_other() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=2)
    with anyio.fail_after(5):
        waiting = asyncio.ensure_future(crew.ready("r-1"))
        await turns()
        assert not waiting.done()
        starts.allow()
        await waiting
        worker = await crew.take("r-1")
        await crew.ready("r-1")  # the one there is is busy, but runs
        assert len(starts.pending) == 0
        crew.give(worker)
        await crew.close()


async def test_ready_does_not_wait_where_there_is_no_room_or_no_start() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=1)
    with anyio.fail_after(5):
        taken = await took(crew)
        starts.allow()
        await taken
        await crew.ready("r-2")
        crew.give(taken.result())
        failing = asyncio.ensure_future(crew.ready("r-3"))
        await turns()
        if starts.pending:
            starts.allow(OSError("no more processes"))
        await failing
        await crew.close()


async def started(crew: Crew, starts: Starts, *releases: str) -> list[Worker]:
    """A worker for each of these calls at once, all of them idle when this returns."""
    tasks = [await took(crew, release) for release in releases]
    while starts.pending:
        starts.allow()
    workers = [await task for task in tasks]
    for worker in workers:
        crew.give(worker)
    return workers


async def test_workers_that_idle_too_long_end_down_to_the_minimum() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=4, min_workers=1, idle_s=60)
    with anyio.fail_after(5):
        await started(crew, starts, "r-1", "r-1", "r-2")
        for now in (0.0, 59.9):
            crew.tend(now)
        assert crew.stats == PoolStats(size=3, busy=0, waiting=0, started=3, ended=0)
        crew.tend(60.0)
        assert crew.stats == PoolStats(size=1, busy=0, waiting=0, started=3, ended=2)
        assert len(starts.living) == 1
        crew.tend(1_000.0)
        assert len(starts.living) == 1


async def test_of_idle_workers_those_end_first_that_idle_longest_and_busy_ones_never() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=4, min_workers=0, idle_s=60)
    with anyio.fail_after(5):
        first, *others = await started(crew, starts, "r-1", "r-2", "r-2")
        crew.tend(0.0)
        crew.give(await crew.take("r-1"))
        busy = await crew.take("r-2")
        crew.tend(60.0)
        assert starts.living == [worker for worker in starts.made if worker in (first, busy)]
        crew.tend(120.0)
        assert starts.living == [busy]
        assert busy in others


async def test_while_memory_is_short_a_release_gets_its_first_worker_and_no_other() -> None:
    used, starts = 0.95, Starts()
    crew = crew_of(starts, workers=4, memory_used=lambda: used)
    with anyio.fail_after(5):
        calls = [await took(crew, release) for release in ("r-1", "r-1", "r-1", "r-2")]
        assert [release for release, _ in starts.pending] == ["r-1", "r-2"]
        while starts.pending:
            starts.allow()
        worker = await calls[0]
        assert (await calls[3]).release == "r-2"
        assert crew.stats == PoolStats(size=2, busy=2, waiting=2, started=2, ended=0)
        crew.give(worker)
        assert await calls[1] is worker, "calls wait for the one there is"
        used = 0.5
        crew.tend(0.0)
        await turns()
        assert [release for release, _ in starts.pending] == ["r-1"], "memory is there again"
        starts.allow()
        assert (await calls[2]) is not worker


async def test_a_worker_that_dies_is_replaced_though_memory_is_short() -> None:
    starts = Starts()
    crew = crew_of(starts, workers=4, memory_used=lambda: 1.0)
    with anyio.fail_after(5):
        first, second = await took(crew), await took(crew)
        starts.allow()
        crew.replace(await first)
        await turns()
        assert len(starts.pending) == 1
        starts.allow(ConnectionError("no"))
        await asyncio.wait([second])
        assert isinstance(second.exception(), ConnectionError)
        third, fourth = await took(crew), await took(crew)
        starts.allow(ConnectionError("no"))
        await turns()
        assert len(starts.pending) == 1, "who still waits is not forgotten"
        starts.allow()
        assert isinstance(third.exception(), ConnectionError)
        assert (await fourth).release == "r-1"


async def test_a_closed_crew_hands_out_nothing() -> None:
    crew = crew_of(Starts(), workers=1)
    await crew.close()
    with pytest.raises(ConnectionError, match="closed"):
        await crew.take("r-1")
