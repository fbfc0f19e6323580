"""A tree that does not come from the project's own directory serves, and that directory stays what it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.deployment.grounds import Ground, tree
from tests.unit.loader.projects import bundle_of
from toolcrib.core.releases import Deployment, Revision
from toolcrib.deployment.ports import Plan
from toolcrib.loader.bundle import Bundle, read_bundle

pytestmark = pytest.mark.anyio
BROKEN = {"tools/t.py": "x = ("}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    (tmp_path / "own").mkdir()
    found = Ground(root=tmp_path / "own")
    yield found
    found.pool.sweep([])


async def upload(ground: Ground, bundle: Bundle, plan: Plan | None = None) -> Deployment:
    return await ground.deployer.upload(bundle, actor="upload", who="ann@laptop", plan=plan)


async def own(ground: Ground) -> bool:
    return await ground.deployer.is_settled(read_bundle(ground.root).manifest)


async def test_the_own_directory_is_settled_until_it_changes(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    sent = await upload(ground, bundle_of(tree(2)))
    assert (sent.state, sent.previous, ground.value()) == ("active", first.release, 2)
    assert await own(ground)
    assert str(ground.deployer.problem).startswith(f"The directory's newest state, {first.release}, was replaced by")
    later = ground.restarted()
    await later.deployer.restore()
    assert (later.serving.id, await own(later)) == (sent.release, True)
    later.pool.sweep([])
    ground.write(tree(3))
    assert not await own(ground)
    assert (await ground.deploy(tree(3))).state == "active"
    assert ground.deployer.problem is None


async def test_a_directory_that_had_changed_before_is_settled_too(ground: Ground) -> None:
    await ground.deploy(tree(1))
    ground.write(tree(5))
    await upload(ground, bundle_of(tree(2)))
    assert await own(ground)
    ground.write(tree(6))
    assert not await own(ground)


async def test_a_directory_that_cannot_be_read_holds_nothing_up(ground: Ground) -> None:
    await ground.deploy(tree(1))
    seen = (await ground.store.channel()).seen_tree
    ground.root.rename(ground.root.with_name("away"))
    assert (await upload(ground, bundle_of(tree(2)))).state == "active"
    assert (await ground.store.channel()).seen_tree == seen


async def test_a_rejected_one_says_nothing_of_the_own_directory(ground: Ground) -> None:
    await ground.deploy(tree(1))
    sent = await upload(ground, bundle_of(BROKEN))
    assert (sent.state, ground.deployer.problem) == ("rejected", None)
    assert await own(ground)
    again = await upload(ground, bundle_of(BROKEN))
    assert (again.state, again.who) == ("rejected", "ann@laptop")
    assert (await ground.deploy(BROKEN)).state == "rejected"
    assert ground.deployer.problem is not None


@pytest.mark.parametrize("plan", [Plan(to="canary", percent=5), Plan(to="nobody")])
async def test_one_that_serves_a_part_or_nobody_leaves_the_own_directory_serving(ground: Ground, plan: Plan) -> None:
    first = await ground.deploy(tree(1))
    await upload(ground, bundle_of(tree(2)), plan)
    assert (ground.serving.id, ground.deployer.problem) == (first.release, None)
    assert await own(ground)


async def test_the_own_tree_sent_is_the_own_tree(ground: Ground) -> None:
    await ground.deploy(tree(1))
    assert (await upload(ground, read_bundle(ground.root))).state == "unchanged"
    assert ground.deployer.problem is None


async def test_another_directory_counts_as_sent(ground: Ground, tmp_path: Path) -> None:
    await ground.deploy(tree(1))
    other = Ground(root=tmp_path / "other")
    other.root.mkdir()
    other.write(tree(2))
    assert (await ground.deployer.deploy(other.root, actor="cli")).state == "active"
    assert await own(ground)
    ground.write(tree(3))
    assert (await ground.deployer.deploy(ground.root / ".." / "own", actor="cli")).state == "active"
    assert ground.deployer.problem is None


async def test_who_asked_and_the_sender_s_commit_are_recorded(ground: Ground) -> None:
    await ground.deploy(tree(1))
    git = Revision(commit="c" * 40, branch="main", dirty=False)
    await ground.deployer.upload(bundle_of(tree(2)), actor="upload", who="ann@laptop", git=git)
    await ground.deployer.rollback(None, actor="http", who="bob@desk")
    newest, sent, first = await ground.store.history()
    assert [(one.actor, one.who, one.git) for one in (newest, sent, first)] == [
        ("http", "bob@desk", None),
        ("upload", "ann@laptop", git),
        ("test", "", None),
    ]
