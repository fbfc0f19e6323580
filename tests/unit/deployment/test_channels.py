"""Canaries, promotion, tenants held on a release: what serves whom, in memory and in the store."""

import logging
import sys
from types import ModuleType

import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.errors import NotFound, ReleaseNotFound
from toolcrib.core.releases import Deployment, ReleaseState
from toolcrib.deployment.ports import Plan

pytestmark = pytest.mark.anyio
TENTH = Plan(to="canary", percent=10.0)


async def deploy(ground: Ground, value: object, plan: Plan) -> Deployment:
    ground.write(tree(value))
    return await ground.deployer.deploy(ground.root, actor="test", plan=plan)


async def state(ground: Ground, deployment: Deployment) -> ReleaseState:
    return (await ground.store.find(deployment.release)).state


def value_for(ground: Ground, tenant: str = "", key: str = "t") -> object:
    return ground.value(ground.registry.route(tenant=tenant, key=key))


async def test_a_canary_serves_its_part_beside_the_stable_release(ground: Ground) -> None:
    stable = await ground.deploy(tree(1))
    canary = await deploy(ground, 2, Plan(to="canary", percent=25.0, why="try it"))
    assert (canary.state, canary.previous, canary.generation, canary.why) == ("canary", stable.release, 2, "try it")
    assert [change.name for change in canary.diff] == ["value"]
    assert ground.value() == 1
    values = [value_for(ground, key=f"t{number}") for number in range(400)]
    assert 60 < values.count(2) < 140
    assert (await state(ground, stable), await state(ground, canary)) == ("active", "canary")
    assert (await ground.store.history())[0] == canary
    assert await ground.deployer.sweep(keep=0) == []


async def test_a_promoted_canary_serves_all(ground: Ground) -> None:
    stable = await ground.deploy(tree(1))
    canary = await deploy(ground, 2, TENTH)
    promoted = await ground.deployer.promote(actor="operator", why="looks well")
    assert (promoted.state, promoted.release, promoted.previous) == ("promoted", canary.release, stable.release)
    assert ground.registry.current.split is None
    assert ground.value() == 2
    assert (await state(ground, stable), await state(ground, canary)) == ("draining", "active")
    assert (await ground.deployer.rollback(None, actor="operator")).release == stable.release


async def test_a_rollback_during_a_canary_ends_it_and_leaves_the_stable_release(ground: Ground) -> None:
    stable = await ground.deploy(tree(1))
    canary = await deploy(ground, 2, TENTH)
    with ground.registry.lease(holder="run", release=ground.registry.resident(full(ground, canary))):
        back = await ground.deployer.rollback(None, actor="guard", why="errors")
        assert (back.state, back.release, back.previous) == ("withdrawn", canary.release, stable.release)
        assert await ground.deployer.sweep(keep=0) == [], "a run of it goes on"
    assert {value_for(ground, key=f"t{n}") for n in range(50)} == {1}
    assert (await state(ground, stable), await state(ground, canary)) == ("active", "draining")
    assert await ground.deployer.sweep(keep=0) == [canary.release]
    assert await state(ground, canary) == "retired"


def full(ground: Ground, deployment: Deployment) -> str:
    return next(one.digest for one in ground.registry.residents() if one.id == deployment.release)


async def test_the_same_tree_again_changes_the_percentage_and_moves_nobody_back(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await deploy(ground, 2, TENTH)
    keys = [f"t{number}" for number in range(300)]
    before = {key for key in keys if value_for(ground, key=key) == 2}
    more = await deploy(ground, 2, Plan(to="canary", percent=60.0))
    after = {key for key in keys if value_for(ground, key=key) == 2}
    assert more.state == "canary"
    assert before < after
    channel = await ground.store.channel()
    assert channel.canary is not None
    assert channel.canary.percent == 60.0


async def test_a_deployment_for_all_ends_the_canary(ground: Ground) -> None:
    await ground.deploy(tree(1))
    canary = await deploy(ground, 2, TENTH)
    assert (await ground.deploy(tree(3))).state == "active"
    assert ground.registry.current.split is None
    assert await state(ground, canary) == "draining"


async def test_the_canarys_tree_deployed_for_all_promotes_it_and_the_stable_one_ends_it(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await deploy(ground, 2, TENTH)
    assert (await ground.deploy(tree(1))).state == "active"
    assert ground.registry.current.split is None
    await deploy(ground, 2, TENTH)
    assert (await ground.deploy(tree(2))).state == "promoted"
    assert ground.value() == 2


async def test_a_release_may_be_kept_without_serving_anybody(ground: Ground) -> None:
    await ground.deploy(tree(1))
    kept = await deploy(ground, 2, Plan(to="nobody"))
    assert (kept.state, kept.generation, ground.value()) == ("inactive", 1, 1)
    assert await state(ground, kept) == "inactive"
    assert await ground.deployer.is_settled((await ground.store.find(kept.release)).manifest)
    assert (await ground.deployer.rollback(kept.release, actor="test")).state == "rolled_back"
    assert ground.value() == 2


@pytest.mark.parametrize("plan", [TENTH, Plan(to="nobody")])
async def test_the_first_release_serves_all_whatever_the_plan(ground: Ground, plan: Plan) -> None:
    assert (await deploy(ground, 1, plan)).state == "active"
    assert ground.value() == 1


@pytest.mark.parametrize("percent", [-1.0, 100.1])
def test_a_percentage_is_one(percent: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 100"):
        Plan(to="canary", percent=percent)


def test_a_canary_that_nobody_would_see_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody would see"):
        Plan(to="canary")


async def test_there_is_nothing_to_promote_without_a_canary(ground: Ground) -> None:
    await ground.deploy(tree(1))
    with pytest.raises(NotFound, match="no canary"):
        await ground.deployer.promote(actor="test")


async def test_a_tenant_stays_on_the_release_it_is_held_on(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    held = await ground.deployer.hold("acme", first.release, actor="operator")
    assert held.state == "held"
    second = await ground.deploy(tree(2))
    await deploy(ground, 3, Plan(to="canary", percent=100.0))
    assert (value_for(ground, "acme"), value_for(ground, "other"), ground.value()) == (1, 3, 2)
    assert await state(ground, first) == "active", "it serves a tenant still"
    assert await ground.deployer.sweep(keep=0) == []
    await ground.deployer.hold("acme", None, actor="operator")
    assert value_for(ground, "acme") == 3
    assert await state(ground, first) == "draining"
    assert await ground.deployer.sweep(keep=0) == [first.release]
    assert await state(ground, second) == "active"


async def test_a_tenant_is_not_held_on_what_is_not_there(ground: Ground) -> None:
    await ground.deploy(tree(1))
    before = ground.registry.current
    with pytest.raises(ReleaseNotFound):
        await ground.deployer.hold("acme", "r-00000000", actor="test")
    assert ground.registry.current is before


async def test_a_restart_serves_everybody_what_they_were_served(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    await ground.deployer.hold("acme", first.release, actor="test")
    await ground.deploy(tree(2))
    await deploy(ground, 3, Plan(to="canary", percent=40.0))
    keys = [("", f"t{number}") for number in range(100)] + [("acme", "t")]
    before = [value_for(ground, *one) for one in keys]
    later = ground.restarted()
    assert await later.deployer.restore()
    assert [value_for(later, *one) for one in keys] == before
    assert set(before) == {1, 2, 3}


async def test_another_process_follows_a_canary(ground: Ground) -> None:
    await ground.deploy(tree(1))
    other = ground.restarted()
    await other.deployer.restore()
    await deploy(ground, 2, Plan(to="canary", percent=100.0))
    assert await other.deployer.follow()
    assert value_for(other) == 2
    await ground.deployer.rollback(None, actor="test")
    assert await other.deployer.follow()
    assert value_for(other) == 1


async def test_a_canary_that_cannot_be_loaded_any_more_keeps_nobody_from_being_served(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    await ground.deploy(tree(1))
    ground.write({**tree(2), "tools/gone.py": "import toolcrib_test_gone"})
    caplog.set_level(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "toolcrib_test_gone", ModuleType("toolcrib_test_gone"))
        assert (await ground.deployer.deploy(ground.root, actor="test", plan=TENTH)).state == "canary"
    later = ground.restarted()
    assert await later.deployer.restore()
    assert {value_for(later, key=f"t{n}") for n in range(50)} == {1}
    assert "release cannot be loaded" in caplog.text
