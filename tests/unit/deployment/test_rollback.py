"""Going back to a stored release, and what serves after a restart."""

import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.errors import DeploymentRejected, ReleaseNotFound
from toolcrib.core.releases import Manifest
from toolcrib.loader.bundle import read_bundle

pytestmark = pytest.mark.anyio


def tree_of(ground: Ground) -> Manifest:
    return read_bundle(ground.root).manifest


async def test_rolling_back_gives_the_identical_catalogue(ground: Ground) -> None:
    first = await ground.deploy({**tree(1), "prompts/a.md": "x"})
    catalogue = ground.serving
    second = await ground.deploy(tree(2))
    verified = len(ground.verifier.asked)
    back = await ground.deployer.rollback(None, actor="operator")
    assert ground.serving is catalogue
    assert ground.value() == 1
    assert (back.state, back.release, back.previous) == ("rolled_back", first.release, second.release)
    assert (back.generation, back.actor) == (3, "operator")
    assert len(ground.verifier.asked) == verified
    assert ground.events.names() == ["deployment.finished"] * 3
    assert (await ground.store.history())[0] == back
    assert (await ground.store.find(first.release)).state == "active"
    assert (await ground.store.find(second.release)).state == "draining"


async def test_each_plain_roll_back_goes_one_further_back_and_a_name_goes_forth(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    third = await ground.deploy(tree(3))
    for value in (2, 1):
        await ground.deployer.rollback(None, actor="test")
        assert ground.value() == value
    with pytest.raises(ReleaseNotFound, match="No release served before"):
        await ground.deployer.rollback(None, actor="test")
    await ground.deployer.rollback(third.release, actor="test")
    assert ground.value() == 3
    await ground.deployer.rollback(None, actor="test")
    assert ground.value() == 1, "what served before the third came back"


async def test_a_release_that_left_memory_comes_back_from_the_store(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    old = ground.serving
    await ground.deploy(tree(2))
    assert await ground.deployer.sweep(keep=0) == [first.release]
    assert (await ground.store.find(first.release)).state == "retired"
    back = await ground.deployer.rollback(first.release, actor="test")
    assert back.state == "rolled_back"
    assert ground.value() == 1
    assert ground.serving is not old
    assert ground.serving.manifest == old.manifest
    assert {n: t.spec for n, t in ground.serving.tools.items()} == {n: t.spec for n, t in old.tools.items()}
    assert (await ground.store.find(first.release)).state == "active"


async def test_rolling_back_to_what_serves_changes_nothing(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    before = ground.registry.current
    assert (await ground.deployer.rollback(first.release, actor="test")).state == "unchanged"
    assert ground.registry.current is before


async def test_there_is_no_way_back_to_what_never_was(ground: Ground) -> None:
    with pytest.raises(ReleaseNotFound):
        await ground.deployer.rollback(None, actor="test")
    await ground.deploy(tree(1))
    for target in (None, "r-00000000", ""):
        with pytest.raises(ReleaseNotFound):
            await ground.deployer.rollback(target, actor="test")
    assert ground.value() == 1
    assert (await ground.store.channel()).generation == 1


async def test_a_release_that_cannot_be_loaded_any_more_is_refused_and_changes_nothing(ground: Ground) -> None:
    need = "import os\nif 'TOOLCRIB_GONE' in os.environ:\n    import package_that_was_uninstalled"
    first = await ground.deploy({**tree(1, helper=need), "tools/u.py": "import helper"})
    await ground.deploy(tree(2))
    await ground.deployer.sweep(keep=0)
    before = ground.registry.current
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLCRIB_GONE", "1")
        with pytest.raises(DeploymentRejected) as caught:
            await ground.deployer.rollback(first.release, actor="test")
    (reason,) = caught.value.reasons
    assert (reason.file, reason.line) == ("helper.py", 3)
    assert ground.registry.current is before
    assert (await ground.store.channel()).generation == 2
    assert len(ground.pool) == 1


async def test_a_restart_serves_the_last_good_release_whatever_the_tree_is(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    await ground.deploy({**tree(2), "tools/u.py": "x = ("})
    later = ground.restarted()
    assert not await later.deployer.is_settled(tree_of(ground))
    assert (await later.deployer.deploy(ground.root, actor="start")).state == "rejected"
    assert await later.deployer.restore()
    assert (later.serving.id, later.value(), later.registry.generation) == (first.release, 1, 1)
    assert later.verifier.asked == [tree_of(ground).release]


async def test_without_any_release_there_is_nothing_to_restore(ground: Ground) -> None:
    assert not await ground.deployer.restore()
    assert ground.registry.generation == 0


async def test_a_rollback_holds_over_a_restart_until_the_bytes_change(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    await ground.deployer.rollback(None, actor="test")
    later = ground.restarted()
    assert await later.deployer.is_settled(tree_of(ground))
    await later.deployer.restore()
    assert later.value() == 1
    ground.write(tree(3))
    assert not await later.deployer.is_settled(tree_of(ground))
    await later.deployer.deploy(ground.root, actor="start")
    assert later.value() == 3
    ground.write(tree(2))
    assert not await later.deployer.is_settled(tree_of(ground)), "these bytes are new again"


async def test_a_tree_is_settled_when_it_serves(ground: Ground) -> None:
    ground.write(tree(1))
    assert not await ground.deployer.is_settled(tree_of(ground))
    await ground.deploy(tree(1))
    assert await ground.deployer.is_settled(tree_of(ground))
    await ground.deploy({**tree(1), "tools/u.py": "x = ("})
    assert not await ground.deployer.is_settled(tree_of(ground))


async def test_after_a_restart_with_a_new_tree_the_former_release_is_known(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    later = ground.restarted()
    later.write(tree(2))
    second = await later.deployer.deploy(ground.root, actor="start")
    assert second.previous == first.release
    assert [(change.kind, change.name) for change in second.diff] == [("tool", "value")]
    back = await later.deployer.rollback(None, actor="test")
    assert back.release == first.release
    assert later.value() == 1


async def test_restoring_fails_loudly_when_the_environment_lacks_something(ground: Ground) -> None:
    need = "import os\nif 'TOOLCRIB_GONE' in os.environ:\n    import package_that_was_uninstalled"
    await ground.deploy({**tree(1), "tools/u.py": need})
    later = ground.restarted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLCRIB_GONE", "1")
        with pytest.raises(DeploymentRejected, match="can no longer be loaded") as caught:
            await later.deployer.restore()
    assert caught.value.reasons[0].file == "tools/u.py"
    assert later.registry.generation == 0
    assert len(later.pool) == 0
