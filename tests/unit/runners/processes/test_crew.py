"""The crew: starts belong to it, and neither a cancelled nor a failed wait loses a worker or a place."""

import asyncio
import logging

import anyio
import anyio.lowlevel
import pytest

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
    crew = Crew(start=starts, workers=1)
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
    crew = Crew(start=starts, workers=2)
    first, second = await took(crew), await took(crew)
    starts.allow(ConnectionError("no"))
    starts.allow()
    await asyncio.wait([first, second])
    assert isinstance(first.exception(), ConnectionError)
    assert second.result() is starts.made[0]


async def test_a_spare_that_cannot_start_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    starts = Starts()
    crew = Crew(start=starts, workers=2)
    crew.warm_up("r-1")
    await turns()
    with caplog.at_level(logging.WARNING):
        starts.allow(ConnectionError("no"))
        await turns()
    assert "worker process not started" in caplog.text


async def test_an_idle_worker_makes_room_for_another_release() -> None:
    starts = Starts()
    crew = Crew(start=starts, workers=1)
    first = await took(crew)
    starts.allow()
    crew.give(await first)
    second = await took(crew, "r-2")
    assert starts.made[0].lost
    starts.allow()
    assert (await second).release == "r-2"


async def test_a_killed_worker_is_replaced_before_anybody_asks() -> None:
    starts = Starts()
    crew = Crew(start=starts, workers=1)
    first = await took(crew)
    starts.allow()
    crew.replace(await first)
    await turns()
    assert [release for release, _ in starts.pending] == ["r-1"]


async def test_closing_ends_starts_workers_and_waits() -> None:
    starts = Starts()
    crew = Crew(start=starts, workers=2)
    first, second = await took(crew), await took(crew)
    starts.allow()
    await first
    await crew.close()
    await asyncio.wait([second])
    assert isinstance(second.exception(), ConnectionError)
    assert starts.living == []


async def test_ready_waits_for_the_first_worker_of_a_release_and_for_no_other() -> None:
    starts = Starts()
    crew = Crew(start=starts, workers=2)
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
    crew = Crew(start=starts, workers=1)
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
