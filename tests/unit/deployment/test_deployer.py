"""Deployments: what passes serves from then on, what does not changes nothing."""

import os
from functools import partial

import anyio
import pytest

from tests.unit.deployment.grounds import Ground, call, tree
from tests.unit.loader.projects import snapshot
from toolcrib.core.errors import DeploymentRejected, ProjectInvalid, ReleaseNotFound
from toolcrib.core.events import Deployed
from toolcrib.core.releases import Change
from toolcrib.loader.bundle import read_bundle

pytestmark = pytest.mark.anyio


async def test_a_good_tree_serves(ground: Ground) -> None:
    deployment = await ground.deploy(tree(1))
    assert (deployment.state, deployment.generation, deployment.actor, deployment.previous) == ("active", 1, "test", "")
    assert deployment.release == ground.serving.id
    assert ground.value() == 1
    assert set(deployment.timings_s) == {"scan", "verify", "load", "activate", "total"}
    stored = await ground.store.find(deployment.release)
    assert stored.state == "active"
    assert (await ground.store.channel()).digest == ground.serving.digest
    assert list(await ground.store.history()) == [deployment]
    assert ground.events.events == [Deployed(deployment=deployment)]


async def test_the_next_release_tells_what_it_changed(ground: Ground) -> None:
    first = await ground.deploy({**tree(1), "prompts/a.md": "one\n"})
    second = await ground.deploy({**tree(2), "prompts/a.md": "one\ntwo\n", "tools/u.py": tree(3)["tools/t.py"]})
    assert second.state == "rejected"
    other = str(tree(3)["tools/t.py"]).replace("value", "other")
    third = await ground.deploy({**tree(2), "prompts/a.md": "one\ntwo\n", "tools/u.py": other})
    assert (third.state, third.previous, third.generation) == ("active", first.release, 2)
    assert third.diff == (
        Change(kind="tool", name="other", change="added", verdict="safe"),
        Change(kind="tool", name="value", change="changed", detail="code", verdict="safe"),
        Change(kind="prompt", name="prompts/a.md", change="changed", detail="+1 -0 lines", verdict="safe"),
    )
    assert third.verdict == "safe"
    assert (first.verdict, second.verdict) == (None, None)
    assert (await ground.store.find(first.release)).state == "draining"
    assert await ground.deployer.diff(None, None) == third.diff
    assert await ground.deployer.diff(third.release, first.release) != third.diff


BROKEN = (
    {**tree(2), "tools/u.py": "x = ("},
    {**tree(2), "tools/u.py": "import not_there_at_all"},
    {**tree(2), "tools/u.py": "import logging\nlogging.getLogger(__name__)\n1 / 0"},
    {**tree(2), "tools.yaml": "tools: [1]"},
    {**tree(2), "agents.yaml": "agents:\n  a:\n    model: nobody:none\n    prompt: x\n"},
    {"README.md": "nothing"},
)


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_rejected_candidate_leaves_everything_as_it_was(ground: Ground, broken: dict[str, str]) -> None:
    await ground.deploy(tree(1))
    with ground.registry.lease(holder="run") as running:
        before = snapshot(ground.pool)
        published, channel = ground.registry.current, await ground.store.channel()
        residents, releases = ground.registry.residents(), list(await ground.store.releases())
        deployment = await ground.deploy(broken)
        assert deployment.state == "rejected"
        assert deployment.reasons
        assert deployment.previous == running.id
        assert snapshot(ground.pool) == before
        assert ground.registry.current is published
        assert ground.registry.residents() == residents
        assert list(await ground.store.releases()) == releases
        after = await ground.store.channel()
        assert (after.digest, after.generation) == (channel.digest, channel.generation)
        assert call(running) == 1
    assert isinstance(ground.deployer.problem, DeploymentRejected)
    assert ground.deployer.problem.reasons == deployment.reasons
    assert ground.events.events[-1] == Deployed(deployment=deployment)
    assert (await ground.store.history())[0] == deployment


async def test_a_rejected_tree_is_remembered_until_its_bytes_change(ground: Ground) -> None:
    await ground.deploy(tree(1))
    broken = {**tree(2), "tools/u.py": "x = ("}
    first = await ground.deploy(broken)
    asked = len(ground.verifier.asked)
    again = await ground.deploy(broken)
    assert (again.state, again.reasons, len(ground.verifier.asked)) == ("rejected", first.reasons, asked)
    assert (await ground.deploy({**broken, "tools/u.py": "x = [ "})).state == "rejected"
    assert len(ground.verifier.asked) == asked + 1
    assert (await ground.deploy(tree(2))).state == "active"
    assert ground.deployer.problem is None
    assert (await ground.deploy(broken)).state == "rejected"
    assert len(ground.verifier.asked) == asked + 3


async def test_a_restart_looks_at_a_rejected_tree_again(ground: Ground) -> None:
    await ground.deploy({**tree(1), "tools/u.py": "import colorsys_that_is_missing"})
    later = ground.restarted()
    deployment = await later.deployer.deploy(ground.root, actor="start")
    assert deployment.state == "rejected"
    assert len(later.verifier.asked) == 1


async def test_the_verifier_is_told_what_has_passed_before(ground: Ground) -> None:
    await ground.deploy(tree(1))
    helped = {**tree(2), "tools/u.py": "VALUE = 1"}
    await ground.deploy(helped)
    await ground.deploy({**tree(3), "tools/u.py": "VALUE = 1"})
    nothing, first, second = ground.verifier.passed
    assert (nothing, len(first), len(second)) == (frozenset(), 1, 2)
    assert first.isdisjoint(second)
    assert {len(one) for one in second} == {16}


async def test_the_tree_that_serves_is_unchanged(ground: Ground) -> None:
    first = await ground.deploy(tree(1))
    before = ground.registry.current
    again = await ground.deploy({**tree(1), "README.md": "no part of it"})
    assert (again.state, again.release, again.previous) == ("unchanged", first.release, first.release)
    assert ground.registry.current is before
    assert len(ground.verifier.asked) == 1


async def test_a_problem_is_over_when_the_tree_that_serves_is_back(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy({**tree(1), "tools/u.py": "x = ("})
    assert ground.deployer.problem is not None
    await ground.deploy(tree(1))
    assert ground.deployer.problem is None


async def test_a_tree_that_was_rolled_back_from_is_a_problem_here_after_a_restart_and_for_another_process(
    ground: Ground,
) -> None:
    await ground.deploy(tree(1))
    second = (await ground.deploy(tree(2))).release
    other = ground.restarted()
    await other.deployer.restore()
    assert other.deployer.problem is None
    await ground.deployer.rollback(None, actor="test")
    later = ground.restarted()
    await later.deployer.restore()
    await other.deployer.follow()
    for one in (ground, later, other):
        assert one.deployer.problem is not None
        assert f"{second}, was rolled back from" in one.deployer.problem.message
    await ground.deployer.rollback(second, actor="test")
    await other.deployer.follow()
    assert (ground.deployer.problem, other.deployer.problem) == (None, None)
    later.pool.sweep([])
    other.pool.sweep([])


async def test_a_rejected_tree_stays_a_problem_when_something_else_is_rolled_back_to(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy(tree(2))
    rejected = await ground.deploy({**tree(3), "tools/u.py": "x = ("})
    await ground.deployer.rollback(None, actor="test")

    assert isinstance(ground.deployer.problem, DeploymentRejected)
    assert ground.deployer.problem.reasons == rejected.reasons


async def test_verifying_alone_changes_nothing(ground: Ground) -> None:
    ground.write({"tools/u.py": "x = ("})
    (reason,) = (await ground.deployer.verify(ground.root)).reasons
    assert (reason.code, reason.file) == ("syntax", "tools/u.py")
    assert ground.registry.residents() == ()
    assert list(await ground.store.history()) == []


async def test_a_directory_that_is_none_is_told_so(ground: Ground) -> None:
    with pytest.raises(ProjectInvalid):
        await ground.deployer.deploy(ground.root / "none", actor="test")


async def test_deployments_come_one_after_the_other(ground: Ground) -> None:
    bundles = []
    for number in range(4):
        ground.write(tree(number))
        bundles.append(read_bundle(ground.root))
    async with anyio.create_task_group() as group:
        for bundle in bundles:
            group.start_soon(partial(ground.deployer.deploy_bundle, bundle, actor="test"))
    history = list(await ground.store.history())
    assert [one.generation for one in history] == [4, 3, 2, 1]
    assert [one.previous for one in history[:3]] == [one.release for one in history[1:]]


async def test_an_unknown_release_has_no_difference(ground: Ground) -> None:
    await ground.deploy(tree(1))
    with pytest.raises(ReleaseNotFound):
        await ground.deployer.diff(None, None)
    with pytest.raises(ReleaseNotFound):
        await ground.deployer.diff("r-00000000", None)


BREAK = "import os\nraise RuntimeError(os.environ['TOOLCRIB_TEST_KEY'])\n"
GRAPH = "import os\ndef graph():\n    raise RuntimeError(os.environ['TOOLCRIB_TEST_KEY'])\n"
AGENTS = "agents:\n  a: {kind: graph, graph: 'graphs/g.py:graph', description: '${secret:TOOLCRIB_TEST_KEY}'}\n"


@pytest.mark.parametrize("code", [{"tools/u.py": BREAK}, {}])
async def test_why_a_candidate_cannot_be_loaded_is_told_without_secrets(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, code: dict[str, str]
) -> None:
    monkeypatch.setenv("TOOLCRIB_TEST_KEY", "hunter2-hunter2")
    aware = Ground(root=ground.root, env=os.environ)
    deployment = await aware.deploy({**tree(2), "agents.yaml": AGENTS, "graphs/g.py": GRAPH, **code})
    assert deployment.state == "rejected"
    (reason,) = deployment.reasons
    assert "[secret:TOOLCRIB_TEST_KEY]" in reason.message
    assert "hunter2" not in str(aware.events.events)
