"""Two processes on one store: one wins, the other follows, and the store's word about a release stays true."""

import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.errors import GenerationConflict
from toolcrib.core.releases import Channel

pytestmark = pytest.mark.anyio


async def test_a_process_follows_what_another_has_activated(ground: Ground) -> None:
    await ground.deploy(tree(1))
    other = ground.restarted()
    await other.deployer.restore()
    assert not await other.deployer.follow()
    await ground.deploy(tree(2))
    assert other.value() == 1
    assert await other.deployer.follow()
    assert (other.value(), other.registry.generation) == (2, 2)
    assert other.verifier.asked == []
    await other.deployer.rollback(None, actor="test")
    assert await ground.deployer.follow()
    assert (ground.value(), ground.registry.generation) == (1, 3)
    assert not await ground.deployer.follow()


async def test_who_comes_second_changes_nothing(ground: Ground) -> None:
    await ground.deploy(tree(1))
    other = ground.restarted()
    await other.deployer.restore()
    real = ground.store.channel
    first = True

    async def channel() -> Channel:
        nonlocal first
        found = await real()
        if first:
            first = False
            await other.deploy(tree(2))
        return found

    ground.store.channel = channel  # type: ignore[method-assign]  # the other comes between reading and writing
    before = ground.registry.current
    with pytest.raises(GenerationConflict):
        await ground.deploy(tree(3))
    assert ground.registry.current is before
    assert len(ground.pool) == 1
    assert len(ground.registry.residents()) == 1
    assert await ground.deployer.follow()
    assert ground.value() == other.value() == 2
    assert (await ground.deploy(tree(3))).state == "active"
    assert await other.deployer.follow()
    assert other.value() == 3


async def test_retiring_in_one_process_leaves_the_state_of_what_serves_elsewhere(ground: Ground) -> None:
    """Otherwise the store calls the release that serves `retired`, and no deployment can succeed it."""
    first = await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    other = ground.restarted()
    await other.deployer.restore()
    await other.deployer.rollback(first.release, actor="test")
    assert await ground.deployer.sweep(keep=0) == [first.release]
    assert (await ground.store.find(first.release)).state == "active"
    assert (await other.deploy(tree(3))).state == "active"
    assert (await ground.store.find(first.release)).state == "draining"


async def test_a_release_that_was_only_resumed_on_is_retired_without_a_word_to_the_store(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    other = ground.restarted()
    await other.deployer.restore()
    await ground.store.move((await ground.store.find(first.release)).manifest.digest, "drained")
    await other.deployer.bring((await ground.store.find(first.release)).manifest.digest)
    assert await other.deployer.sweep(keep=0) == [first.release]
    assert (await ground.store.find(first.release)).state == "retired"
