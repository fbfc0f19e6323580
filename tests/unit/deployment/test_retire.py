"""What is left of a retired release: its resources are closed before its modules go, and what still runs is told."""

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import anyio
import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.events import ReleaseRetired

pytestmark = pytest.mark.anyio

POOL = """
from typing import Annotated
import toolcrib_test_place as place
from toolcrib.core.decorator import Resource, resource, tool

@resource
async def pool():
    yield "open"
    place.closed.append((pool.__name__, __name__ in place.modules()))

@tool
def use(pool: Annotated[str, Resource(pool)]) -> str:
    "Use the pool."
    return pool
"""

LEAKS = """
import asyncio
import threading
import toolcrib_test_place as place

async def tick():
    await wait_for_it()

async def wait_for_it():
    await place.forever.wait()

class Feed:
    def poll(self):
        place.started.release()
        place.let_go.wait(10)

def leak():
    place.tasks.append(asyncio.create_task(asyncio.wait_for(tick(), 60)))
    for _ in range(2):
        place.threads.append(threading.Thread(target=Feed().poll))
        place.threads[-1].start()
"""


class Place(ModuleType):
    """Where project code and a test meet."""

    def __init__(self) -> None:
        super().__init__("toolcrib_test_place")
        self.closed: list[tuple[str, bool]] = []
        self.started = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.forever = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.threads: list[threading.Thread] = []

    def modules(self) -> frozenset[str]:
        return frozenset(sys.modules)


@pytest.fixture
def place() -> Iterator[Place]:
    found = Place()
    sys.modules[found.__name__] = found
    yield found
    del sys.modules[found.__name__]
    found.let_go.set()
    for thread in found.threads:
        thread.join(5)


async def use(ground: Ground) -> None:
    loan = await ground.resources.borrow(ground.serving.tools["use"].needs)
    loan.end()


def retired(ground: Ground) -> dict[str, ReleaseRetired]:
    return {event.release: event for event in ground.events.events if isinstance(event, ReleaseRetired)}


async def test_a_resource_is_closed_once_with_the_last_release_that_has_it_while_its_modules_are_there(
    ground: Ground, place: Place
) -> None:
    for number in range(4):
        await ground.deploy({**tree(number), "tools/pool.py": POOL})
        await use(ground)
    assert await ground.deployer.sweep(keep=0) != []
    assert place.closed == []
    assert ground.resources.snapshot()["pool"].opened == 1
    await ground.deploy(tree(9))
    await ground.deployer.sweep(keep=0)
    assert place.closed == [("pool", True)]
    assert not [name for name in sys.modules if name.endswith(".tools.pool")]


async def test_a_leased_release_keeps_its_resource_and_a_newer_one_has_another(ground: Ground, place: Place) -> None:
    await ground.deploy({**tree(0), "tools/pool.py": POOL})
    await use(ground)
    with ground.registry.lease(holder="run"):
        await ground.deploy({**tree(0), "tools/pool.py": POOL + "\n# edited"})
        await use(ground)
        await ground.deployer.sweep(keep=0)
        assert place.closed == []
        assert ground.resources.snapshot()["pool"].open == 2
    await ground.deployer.sweep(keep=0)
    assert place.closed == [("pool", True)]
    assert ground.resources.snapshot()["pool"].open == 1
    await ground.resources.close()


async def test_threads_and_tasks_left_behind_are_told_by_name(
    ground: Ground, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    first = await ground.deploy({**tree(0), "tools/leaks.py": LEAKS})
    ground.serving.modules.load("tools.leaks").leak()
    with anyio.fail_after(5):
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            assert await asyncio.to_thread(place.started.acquire, timeout=5)
    second = await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    with caplog.at_level(logging.WARNING):
        await ground.deployer.sweep(keep=0)
    for task in place.tasks:
        task.cancel()
    expected = ("2 x thread Feed.poll (tools.leaks:13)", "task tick (tools.leaks:6)")
    assert retired(ground)[first.release].leaks == expected
    assert retired(ground)[second.release].leaks == ()
    (record,) = [record for record in caplog.records if "left code running" in record.message]
    assert (record.__dict__["release"], record.__dict__["leaks"]) == (first.release, expected)


async def test_what_runs_in_a_module_that_stays_is_no_leak(ground: Ground, place: Place) -> None:
    first = await ground.deploy({**tree(0), "tools/leaks.py": LEAKS})
    ground.serving.modules.load("tools.leaks").leak()
    await ground.deploy({**tree(1), "tools/leaks.py": LEAKS})
    await ground.deployer.sweep(keep=0)
    for task in place.tasks:
        task.cancel()
    assert retired(ground)[first.release].leaks == ()
