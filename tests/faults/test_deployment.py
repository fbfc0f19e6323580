"""The store fails at each of its calls, each wait is cancelled: nothing is torn, a restart agrees with the store."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import cast, get_args

import anyio
import anyio.to_thread
import pytest

from tests.faults.stores import FailingStore, StoreAway, When
from tests.unit.deployment.grounds import Gate, Ground, tree
from toolcrib.core.ports import ReleaseStore
from toolcrib.stores.memory.releases import MemoryReleaseStore

pytestmark = pytest.mark.anyio
Step = Callable[[Ground], Awaitable[object]]

STEPS: dict[str, Step] = {
    "deploy": lambda ground: ground.deploy(tree(9)),
    "reject": lambda ground: ground.deploy({**tree(9), "tools/u.py": "x = ("}),
    "unchanged": lambda ground: ground.deploy(tree(3)),
    "rollback": lambda ground: ground.deployer.rollback(None, actor="test"),
    "rollback far": lambda ground: far(ground),
    "follow": lambda ground: ground.deployer.follow(),
    "sweep": lambda ground: ground.deployer.sweep(keep=0),
}
MOST_CALLS = 16


async def far(ground: Ground) -> object:
    """Back to the first release, which has left memory."""
    (first,) = [
        one for one in await ground.store.releases() if one.at == min(r.at for r in await ground.store.releases())
    ]
    return await ground.deployer.rollback(first.manifest.release, actor="test")


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def ground(tmp_path: Path, store: FailingStore) -> Iterator[Ground]:
    found = Ground(root=tmp_path, store=cast(ReleaseStore, store))
    yield found
    found.pool.sweep([])


async def prepared(ground: Ground, store: FailingStore, *, other: bool) -> None:
    """Four releases served, the first has left memory; with `other`, another process has activated one more."""
    for number in range(4):
        await ground.deploy(tree(number))
    if other:
        elsewhere = ground.restarted()
        await elsewhere.deployer.restore()
        await elsewhere.deploy(tree(7))
        elsewhere.pool.sweep([])
    ground.write(tree(3))
    store.calls.clear()


async def whole(ground: Ground, store: FailingStore) -> None:
    """What serves is whole, a restart serves what the store says, and deployments go on."""
    store.fail_at = 0
    if ground.registry.generation == (await store.channel()).generation:
        assert ground.serving.digest == (await store.channel()).digest
    assert isinstance(ground.value(), int)
    reachable = {key for release in ground.registry.residents() for key in release.modules.reachable()}
    assert len(ground.pool) <= len(reachable), "modules of no release are left"
    later = ground.restarted()
    assert await later.deployer.restore()
    assert later.serving.digest == (await store.channel()).digest
    assert (await store.find(later.serving.digest)).state == "active"
    later.pool.sweep([])
    await ground.deployer.follow()
    assert ground.serving.digest == later.serving.digest
    assert (await ground.deploy(tree(11))).state == "active"
    assert ground.value() == 11
    await ground.deployer.rollback(None, actor="test")
    await ground.deployer.sweep(keep=0)
    assert len(ground.registry.residents()) == 1


@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("step", STEPS)
async def test_a_store_that_fails_at_any_call_tears_nothing(
    ground: Ground, store: FailingStore, step: str, when: When
) -> None:
    store.when = when
    for number in range(1, MOST_CALLS):
        store.inner = MemoryReleaseStore()
        fresh = Ground(root=ground.root, store=ground.store)
        store.fail_at = 0
        await prepared(fresh, store, other=step == "follow")
        store.fail_at = number
        try:
            await STEPS[step](fresh)
        except StoreAway:
            await whole(fresh, store)
            fresh.pool.sweep([])
            continue
        assert number > 1, "no call of the store was made to fail"
        assert len(store.calls) == number - 1, "a failure of the store was swallowed"
        fresh.pool.sweep([])
        return
    pytest.fail("more calls than expected")


@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("step", STEPS)
async def test_a_cancellation_at_any_call_of_the_store_tears_nothing(
    ground: Ground, store: FailingStore, step: str, when: When
) -> None:
    store.when = when
    for number in range(1, MOST_CALLS):
        store.inner = MemoryReleaseStore()
        fresh = Ground(root=ground.root, store=ground.store)
        store.fail_at = 0
        await prepared(fresh, store, other=step == "follow")
        reached = asyncio.Event()

        async def interrupt(reached: asyncio.Event = reached) -> None:
            reached.set()
            await asyncio.Event().wait()

        store.fail_at, store.interrupt = number, interrupt
        task = asyncio.ensure_future(STEPS[step](fresh))
        arrival = asyncio.ensure_future(reached.wait())
        with anyio.fail_after(5):
            await asyncio.wait((task, arrival), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            arrival.cancel()
            assert number > 1
            await task
            fresh.pool.sweep([])
            return
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        store.interrupt = None
        await whole(fresh, store)
        fresh.pool.sweep([])
    pytest.fail("more calls than expected")


async def test_a_deployment_cancelled_while_its_code_is_loaded_leaves_nothing(
    ground: Ground, store: FailingStore
) -> None:
    gate = Gate()
    sys.modules["toolcrib_test_gate"] = gate  # type: ignore[assignment]  # a meeting place for project code
    try:
        await prepared(ground, store, other=False)
        modules = set(sys.modules)
        code = "import toolcrib_test_gate\ntoolcrib_test_gate.pass_through()"
        task = asyncio.ensure_future(ground.deploy({**tree(9), "tools/z.py": code}))
        assert await anyio.to_thread.run_sync(gate.reached.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.open.set()
        with anyio.fail_after(5):
            await anyio.to_thread.run_sync(take_and_leave, ground)
        assert set(sys.modules) == modules
        await whole(ground, store)
    finally:
        gate.open.set()
        del sys.modules["toolcrib_test_gate"]


def take_and_leave(ground: Ground) -> None:
    """Wait until nobody loads."""
    with ground.pool.lock:
        gc.collect()
