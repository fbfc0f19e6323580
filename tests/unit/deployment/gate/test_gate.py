"""What the gate decides on two releases, and what becomes of it when they are deployed."""

import pytest

from tests.unit.deployment.grounds import Ground, tree
from tests.unit.loader.compat.shapes import side, tool, used
from tests.unit.loader.projects import Files, snapshot
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Deployment
from toolcrib.deployment.gate.gate import NOT_COMPARED, decide, is_lasting
from toolcrib.deployment.ports import Plan
from toolcrib.stores.memory.releases import MemoryReleaseStore

GUARDED = used(t=tool().model_copy(update={"policy": {"scopes": ["a"]}}))
OPEN = used(t=tool())


def guarded(value: int, scopes: str = "scopes=('money',)") -> Files:
    """A project whose tool `value` asks for a scope."""
    text = str(tree(value)["tools/t.py"]).replace('isolation="inline"', f'isolation="inline", {scopes}')
    return {"tools/t.py": text}


def test_the_first_release_is_compared_with_nothing() -> None:
    assert decide(side(OPEN), None, accept=()) == NOT_COMPARED
    assert NOT_COMPARED.verdict is None


def test_a_change_is_judged_and_lets_the_candidate_pass() -> None:
    decision = decide(side(used(t=tool("a", a={}))), side(OPEN), accept=())
    assert (decision.verdict, decision.reasons, decision.accepted) == ("needs_pin", (), ())
    assert decision.diff[0].detail == "required argument a added"


def test_lowered_guards_are_reasons_until_they_are_accepted() -> None:
    refused = decide(side(OPEN), side(GUARDED), accept=())
    assert [reason.code for reason in refused.reasons] == ["permissions"]
    assert (refused.verdict, refused.accepted) == ("safe", ())
    taken = decide(side(OPEN), side(GUARDED), accept=("permissions",))
    assert (taken.reasons, taken.accepted, taken.diff) == ((), refused.reasons, refused.diff)


def test_what_is_not_known_lowers_no_guard_and_is_not_safe() -> None:
    for candidate, former in ((side(OPEN), side(None)), (side(None), side(GUARDED))):
        decision = decide(candidate, former, accept=())
        assert (decision.reasons, decision.verdict) == ((), "needs_pin")


def rejected(*codes: str, verdict: str | None = None) -> Deployment:
    reasons = tuple(Reason(code=code, message="") for code in codes)
    return Deployment(state="rejected", release="r-1", reasons=reasons, verdict=verdict)  # type: ignore[arg-type]  # drawn


def test_only_what_is_wrong_with_the_tree_itself_lasts() -> None:
    assert is_lasting(rejected("syntax", "import"))
    assert not is_lasting(rejected("permissions", verdict="safe"))
    assert not is_lasting(rejected("import", "example"))
    assert not is_lasting(rejected("selftest"))


@pytest.mark.anyio
async def test_a_candidate_that_lowers_a_guard_is_refused_and_leaves_everything_as_it_was(ground: Ground) -> None:
    await ground.deploy(guarded(1))
    before, published = snapshot(ground.pool), ground.registry.current
    channel, releases = await ground.store.channel(), list(await ground.store.releases())
    deployment = await ground.deploy(guarded(2, scopes=""))
    assert deployment.state == "rejected"
    (reason,) = deployment.reasons
    assert (reason.code, reason.file, reason.line) == ("permissions", "tools/t.py", 4)
    assert reason.message == "tool 'value' no longer asks for the scope 'money'"
    assert [one.detail for one in deployment.diff] == ["policy, code"]
    assert snapshot(ground.pool) == before
    assert ground.registry.current is published
    assert list(await ground.store.releases()) == releases
    assert (await ground.store.channel()).generation == channel.generation
    assert ground.value() == 1
    assert (await ground.store.history())[0] == deployment
    assert ground.deployer.problem is not None


@pytest.mark.anyio
async def test_the_same_tree_passes_when_it_is_accepted_and_the_record_says_so(ground: Ground) -> None:
    await ground.deploy(guarded(1))
    refused = await ground.deploy(guarded(2, scopes=""))
    taken = await ground.deployer.deploy(ground.root, actor="test", plan=Plan(accept=frozenset({"permissions"})))
    assert (taken.state, taken.accepted, taken.verdict) == ("active", refused.reasons, "safe")
    assert ground.value() == 2
    assert ground.deployer.problem is None
    assert (await ground.store.history())[0].accepted == refused.reasons


@pytest.mark.anyio
async def test_a_refusal_beside_one_release_says_nothing_beside_another(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy(guarded(2))
    assert (await ground.deploy(guarded(3, scopes=""))).state == "rejected"
    await ground.deployer.rollback(None, actor="test")
    assert (await ground.deploy(guarded(3, scopes=""))).state == "active"


@pytest.mark.anyio
async def test_going_back_is_never_refused_and_tells_what_it_lowered(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy(guarded(2))
    back = await ground.deployer.rollback(None, actor="test")
    assert (back.state, [one.code for one in back.accepted]) == ("rolled_back", ["permissions"])
    assert ground.value() == 1


@pytest.mark.anyio
async def test_what_the_process_accepts_needs_no_word_each_time(ground: Ground) -> None:
    ground.accepts("permissions")
    await ground.deploy(guarded(1))
    taken = await ground.deploy(guarded(2, scopes=""))
    assert (taken.state, len(taken.accepted)) == ("active", 1)


@pytest.mark.anyio
async def test_the_shape_is_stored_with_the_release_and_compares_it_when_it_has_left_memory(ground: Ground) -> None:
    first = await ground.deploy(guarded(1))
    second = await ground.deploy(tree(2))
    assert second.state == "rejected"
    second = await ground.deploy({**guarded(2), "tools/u.py": str(tree(3)["tools/t.py"]).replace("value", "other")})
    await ground.deploy(guarded(4))
    await ground.deployer.sweep(keep=0)
    assert len(ground.registry.residents()) == 1
    shape = await ground.store.shape(second.release)
    assert shape is not None
    assert sorted(shape.tools) == ["other", "value"]
    changes = await ground.deployer.diff(first.release, second.release)
    assert [(one.kind, one.name, one.detail) for one in changes] == [("tool", "other", ""), ("tool", "value", "code")]
    assert len(ground.registry.residents()) == 1, "nothing was loaded for it"


class ForgetfulStore(MemoryReleaseStore):
    """A store from before there were shapes."""

    async def shape(self, digest: str) -> Shape | None:
        await self.find(digest)
        return None


@pytest.mark.anyio
async def test_a_release_from_before_there_were_shapes_is_loaded_to_be_compared(ground: Ground) -> None:
    first = await ground.deploy(guarded(1))
    second = await ground.deploy({**guarded(2), "tools/u.py": NEEDS})
    later = Ground(root=ground.root, store=old(ground))
    await later.deployer.restore()
    changes = await later.deployer.diff(first.release, second.release)
    assert [(one.kind, one.name) for one in changes] == [("tool", "value")]
    later.pool.sweep([])


@pytest.mark.anyio
async def test_a_release_that_can_no_longer_be_loaded_is_told_to_be_unknown(ground: Ground) -> None:
    first = await ground.deploy({**guarded(1), "tools/u.py": NEEDS})
    await ground.deploy(guarded(2))
    later = Ground(root=ground.root, store=old(ground))
    await later.deployer.restore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLCRIB_GONE", "1")
        (line,) = await later.deployer.diff(first.release, None)
        assert (line.kind, line.name, line.verdict) == ("release", first.release, "needs_pin")
    later.pool.sweep([])


NEEDS = "import os\nif 'TOOLCRIB_GONE' in os.environ:\n    import package_that_was_uninstalled"


def old(ground: Ground) -> ForgetfulStore:
    assert isinstance(ground.store, MemoryReleaseStore)
    store = ForgetfulStore()
    vars(store).update(vars(ground.store))
    return store


@pytest.mark.anyio
async def test_verifying_tells_what_would_change_beside_what_serves(ground: Ground) -> None:
    first = await ground.deploy(guarded(1))
    ground.write(guarded(2, scopes=""))
    found = await ground.deployer.verify(ground.root)
    assert found.against == first.release
    assert found.verdict == "needs_pin", "this verifier only compiles: the tree's shape is not known"
