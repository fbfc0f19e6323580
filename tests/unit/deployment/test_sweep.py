"""Releases nobody uses leave memory, and nothing else does, whatever goes on at the same time."""

import sys
import threading

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.unit.deployment.grounds import Gate, Ground, call, tree
from toolcrib.core.errors import ReleaseNotFound
from toolcrib.core.events import ReleaseRetired
from toolcrib.core.releases import Channel, Deployment
from toolcrib.registry.registry import Lease

pytestmark = pytest.mark.anyio


async def served(ground: Ground, count: int) -> list[str]:
    """Deploy so many releases; their ids."""
    return [(await ground.deploy(tree(number))).release for number in range(count)]


async def test_idle_releases_beyond_the_newest_two_are_retired(ground: Ground) -> None:
    ids = await served(ground, 5)
    assert [release.id for release in ground.registry.residents()] == ids[2:]
    assert [(await ground.store.find(one)).state for one in ids] == [
        *("retired", "retired", "draining", "draining", "active")
    ]
    retired = [event for event in ground.events.events if isinstance(event, ReleaseRetired)]
    assert retired == [ReleaseRetired(release=one, modules=1) for one in ids[:2]]
    assert len(ground.pool) == 3
    assert len([name for name in sys.modules if name.endswith("tools.t")]) == 3


async def test_a_leased_release_is_never_retired(ground: Ground) -> None:
    await ground.deploy(tree(0))
    with ground.registry.lease(holder="run") as held:
        for number in range(1, 5):
            await ground.deploy(tree(number))
        assert await ground.deployer.sweep(keep=0) != []
        assert held in ground.registry.residents()
        assert call(held) == 0
        assert (await ground.store.find(held.id)).state == "draining"
    assert await ground.deployer.sweep(keep=0) == [held.id]
    with pytest.raises(ReleaseNotFound):
        ground.registry.lease(holder="run", release=held)


async def test_code_that_may_still_run_postpones_the_sweep(ground: Ground) -> None:
    ground.busy = lambda: True
    await served(ground, 5)
    assert await ground.deployer.sweep(keep=0) == []
    assert len(ground.registry.residents()) == 5
    ground.busy = lambda: False
    assert len(await ground.deployer.sweep(keep=0)) == 4


async def test_a_sweep_stops_when_code_is_abandoned_meanwhile(ground: Ground) -> None:
    answers = iter([True] * 3 + [False, True])
    ground.busy = lambda: next(answers)
    await served(ground, 3)
    assert len(await ground.deployer.sweep(keep=0)) == 1


async def test_a_release_leased_while_another_is_swept_stays(ground: Ground) -> None:
    """Which releases are idle is asked anew for each: a sweep takes its time."""
    await served(ground, 3)
    first, second, _ = ground.registry.residents()
    leases: list[Lease] = []
    ground.busy = lambda: False

    real = ground.store.move

    async def move(digest: str, state: str) -> None:
        if not leases:
            leases.append(ground.registry.lease(holder="run", release=second))
        await real(digest, state)  # type: ignore[arg-type]  # handed on as it came

    ground.store.move = move  # type: ignore[method-assign]  # the lease comes at this very moment
    assert await ground.deployer.sweep(keep=0) == [first.id]
    assert call(second) == 1


async def test_a_shared_module_outlives_the_release_that_brought_it(ground: Ground) -> None:
    helper = "TABLE = {}\ndef table(): return TABLE"
    for number in range(6):
        await ground.deploy({**tree(number, shared=helper), "tools/u.py": "import shared"})
    module = ground.serving.modules.load("shared")
    assert len(ground.registry.residents()) == 3
    assert module.table() == {}
    assert len(ground.pool) == 3 + 2


async def test_a_sweep_leaves_a_candidate_alone_that_is_just_being_loaded(ground: Ground) -> None:
    """Nobody but its deployment knows it yet, so nothing but that keeps its modules."""
    gate = Gate()
    sys.modules["toolcrib_test_gate"] = gate  # type: ignore[assignment]  # a meeting place for project code
    try:
        await served(ground, 3)
        slow = {**tree(9), "tools/z.py": "import toolcrib_test_gate\ntoolcrib_test_gate.pass_through()"}
        async with anyio.create_task_group() as group:
            group.start_soon(ground.deploy, slow)
            with anyio.fail_after(5):
                assert await anyio.to_thread.run_sync(gate.reached.wait, 5)
            group.start_soon(lambda: ground.deployer.sweep(keep=0))
            await anyio.wait_all_tasks_blocked()
            gate.open.set()
    finally:
        del sys.modules["toolcrib_test_gate"]
    assert ground.value() == 9
    assert len(ground.registry.residents()) == 1


async def test_a_sweep_leaves_a_release_alone_that_is_just_rolled_back_to(ground: Ground) -> None:
    ids = await served(ground, 3)
    real = ground.store.point
    reached, go_on = anyio.Event(), anyio.Event()

    async def point(channel: Channel, *, deployment: Deployment | None = None) -> Channel:
        reached.set()
        await go_on.wait()
        return await real(channel, deployment=deployment)

    ground.store.point = point  # type: ignore[method-assign]  # holds up the activation
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: ground.deployer.rollback(ids[0], actor="test"))
        with anyio.fail_after(5):
            await reached.wait()
        group.start_soon(lambda: ground.deployer.sweep(keep=0))
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert ground.serving.id == ids[0]
    assert ground.value() == 0


async def test_a_module_that_is_just_being_imported_does_not_stop_the_event_loop(ground: Ground) -> None:
    await served(ground, 3)
    taken, let_go = threading.Event(), threading.Event()
    told: list[bool] = []

    def hold() -> None:
        with ground.pool.lock:
            taken.set()
            told.append(let_go.wait(3))

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(5)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: ground.deployer.sweep(keep=0))
            with anyio.fail_after(5):
                while len(ground.registry.residents()) == 3:
                    await anyio.lowlevel.checkpoint()
            let_go.set()
    finally:
        let_go.set()
        thread.join(5)
    assert told == [True], "the event loop stood still until the import was over"
    assert len(ground.registry.residents()) == 1


async def test_a_parked_run_may_bring_a_retired_release_back_once(ground: Ground) -> None:
    ids = await served(ground, 4)
    digest = (await ground.store.find(ids[0])).manifest.digest
    found = []

    async def bring() -> None:
        found.append(await ground.deployer.bring(digest))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(bring)
    assert len({id(release) for release in found}) == 1
    assert call(found[0]) == 0
    assert ground.value() == 3
    with pytest.raises(ReleaseNotFound):
        await ground.deployer.bring("0" * 64)


async def test_a_running_tool_shares_no_module_with_a_candidate_before_that_has_passed(ground: Ground) -> None:
    lazy = {"tools/u.py": "def later():\n    import lazy\n    return lazy", "lazy.py": "x = 1"}
    await ground.deploy({**tree(1), **lazy})
    later = ground.serving.modules.load("tools.u").later
    gate, done = Gate(), anyio.Event()
    found = []

    async def ask() -> None:
        found.append(await anyio.to_thread.run_sync(later))
        done.set()

    sys.modules["toolcrib_test_gate"] = gate  # type: ignore[assignment]  # a meeting place for project code
    try:
        fails = "import toolcrib_test_gate\ntoolcrib_test_gate.pass_through()\n1 / 0"
        async with anyio.create_task_group() as group:
            group.start_soon(ground.deploy, {**tree(2), **lazy, "tools/a.py": "import lazy", "tools/z.py": fails})
            assert await anyio.to_thread.run_sync(gate.reached.wait, 5)
            group.start_soon(ask)
            with anyio.move_on_after(0.2):
                await done.wait()
            gate.open.set()
    finally:
        del sys.modules["toolcrib_test_gate"]
    assert ground.deployer.problem is not None
    assert sys.modules[found[0].__name__] is found[0]
