"""So many releases in memory and no more: those nobody uses go first, then the newcomer waits, then it is refused."""

from pathlib import Path

import pytest

from tests.unit.deployment.grounds import Ground, call, tree
from toolcrib.core.errors import ReleaseInUse
from toolcrib.deployment.room import Room

pytestmark = pytest.mark.anyio


@pytest.fixture
def small(tmp_path: Path) -> Ground:
    """A process for three releases, of which two may be used by nobody as far as the sweep is concerned."""
    return Ground(root=tmp_path, room=Room(releases=3))


def in_memory(ground: Ground) -> list[str]:
    return [release.id for release in ground.registry.residents()]


async def test_at_the_limit_the_oldest_that_nobody_uses_goes_first(small: Ground) -> None:
    ids = [(await small.deploy(tree(0))).release]
    with small.registry.lease(holder="run"):
        ids += [(await small.deploy(tree(number))).release for number in (1, 2, 3)]
        assert in_memory(small) == [ids[0], ids[2], ids[3]]


async def test_a_newcomer_is_refused_when_all_are_in_use_and_told_by_whom(small: Ground) -> None:
    first = await small.deploy(tree(0))
    with small.registry.lease(holder="run"):
        second = await small.deploy(tree(1))
        with small.registry.lease(holder="call"):
            third = await small.deploy(tree(2))
            refused = await small.deploy(tree(3))
            assert refused.state == "rejected"
            (reason,) = refused.reasons
            assert reason.code == "no_room"
            for words in (f"{first.release} (1 run", f"{second.release} (1 call", f"{third.release} (serves)"):
                assert words in reason.message
            assert small.serving.id == third.release
            assert len(in_memory(small)) == 3
        assert (await small.deploy(tree(3))).state == "active", "it is not remembered as broken"


async def test_a_newcomer_waits_for_room(tmp_path: Path) -> None:
    ground = Ground(root=tmp_path, room=Room(releases=2, wait_s=1000.0))
    await ground.deploy(tree(0))
    lease = ground.registry.lease(holder="run")
    await ground.deploy(tree(1))
    looks = 0

    def busy() -> bool:
        nonlocal looks
        looks += 1
        if looks == 5:
            lease.__exit__()
        return False

    ground.busy = busy
    assert (await ground.deploy(tree(2))).state == "active"
    assert looks >= 5


async def test_what_serves_is_never_put_out_and_a_roll_back_needs_no_room(tmp_path: Path) -> None:
    ground = Ground(root=tmp_path, room=Room(releases=2))
    first = await ground.deploy(tree(0))
    with ground.registry.lease(holder="run"):
        await ground.deploy(tree(1))
        await ground.deployer.hold("acme", ground.serving.id, actor="test")
        assert (await ground.deploy(tree(2))).state == "rejected"
        await ground.deployer.rollback(first.release, actor="test")
        assert ground.value() == 0


async def test_a_parked_thread_gets_its_release_when_there_is_room(tmp_path: Path) -> None:
    ground = Ground(root=tmp_path, room=Room(releases=2))
    first = await ground.deploy(tree(0))
    digest = (await ground.store.find(first.release)).manifest.digest
    await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    with ground.registry.lease(holder="run", release=ground.registry.residents()[0]), pytest.raises(ReleaseInUse):
        await ground.deployer.bring(digest)
    assert call(await ground.deployer.bring(digest)) == 0


async def test_above_the_limit_of_memory_nothing_stays_that_nobody_uses(tmp_path: Path) -> None:
    used = [50.0]
    ground = Ground(root=tmp_path, room=Room(memory_mb=100, used_mb=lambda: used[0]))
    for number in range(3):
        await ground.deploy(tree(number))
    assert len(in_memory(ground)) == 3
    used[0] = 101.0
    refused = await ground.deploy(tree(9))
    assert "the process uses 101 MiB, and 100 is the limit" in refused.reasons[0].message
    assert in_memory(ground) == [ground.serving.id]
