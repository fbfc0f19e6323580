"""The guard: what it does with a canary and with a release that serves all, alone and beside another process."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.unit.deployment.grounds import Ground, tree
from tests.unit.deployment.proving.sides import a_call, a_run
from toolcrib.core.errors import GenerationConflict, NotFound, RunFailed, ToolFailed
from toolcrib.core.events import CanaryRolledBack, Deployed
from toolcrib.core.releases import Deployment
from toolcrib.core.settings import CanarySettings
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.deployment.ports import Basis, Plan
from toolcrib.deployment.proving.canaries import Canaries
from toolcrib.deployment.proving.guard import Guard
from toolcrib.deployment.proving.ports import ProvingPorts
from toolcrib.deployment.proving.scores import Scores
from toolcrib.stores.memory.ledger import MemoryRunLedger
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio
TENTH = Plan(to="canary", percent=10.0)


@dataclass(kw_only=True)
class Post:
    """One process's guard over its ground; its clock is the wall's and its own."""

    ground: Ground
    clock: FakeClock = field(default_factory=lambda: FakeClock(now=0.0))
    ledger: MemoryRunLedger = field(default_factory=MemoryRunLedger)
    settings: CanarySettings = field(default_factory=CanarySettings)

    def __post_init__(self) -> None:
        self.scores = Scores(clock=self.clock, window_s=self.settings.window_s)
        ports = ProvingPorts(
            deployer=self.ground.deployer,
            registry=self.ground.registry,
            store=self.ground.store,
            ledger=self.ledger,
            scores=self.scores,
            clock=self.clock,
            events=self.ground.events,
            settings=self.settings,
        )
        self.canaries = Canaries(ports)
        self.guard = Guard(ports, self.canaries)

    def serve(self, release: str, runs: int, *, failed: int = 0) -> None:
        for number in range(runs):
            self.scores.hear(a_run(release, RunFailed.code if number < failed else ""))

    async def begin(self, plan: Plan = TENTH) -> tuple[str, str]:
        """A stable release and a canary, and the guard's first look; their ids."""
        stable = await self.ground.deploy(tree(1))
        self.ground.write(tree(2))
        canary = await self.ground.deployer.deploy(self.ground.root, actor="test", plan=plan)
        await self.guard.look()
        return stable.release, canary.release

    async def newest(self) -> Deployment:
        return (await self.ground.store.history())[0]

    async def state(self, release: str) -> str:
        return (await self.ground.store.find(release)).state


@pytest.fixture
def post(ground: Ground) -> Post:
    return Post(ground=ground)


async def test_a_good_canary_is_promoted_after_its_bake_time_and_the_history_says_why(post: Post) -> None:
    stable, canary = await post.begin()
    post.serve(stable, 200)
    post.serve(canary, 25)
    post.clock.at_now = 299.0
    await post.guard.look()
    assert (await post.newest()).state == "canary"
    post.clock.at_now = 320.0
    await post.guard.look()
    done = await post.newest()
    assert (done.state, done.release, done.previous, done.actor) == ("promoted", canary, stable, "guard")
    assert done.why.startswith("25 runs")
    assert done.figures["canary"]["whole"]["runs"]["ended"] == 25
    assert done.figures["stable"]["whole"]["runs"]["ended"] == 200
    assert post.ground.value() == 2


async def test_a_broken_canary_is_rolled_back_at_once_and_is_an_incident(post: Post) -> None:
    stable, canary = await post.begin()
    post.serve(stable, 200)
    post.serve(canary, 25, failed=13)
    await post.guard.look()
    done = await post.newest()
    assert (done.state, done.release, done.previous, done.actor) == ("withdrawn", canary, stable, "guard")
    assert done.why == "13 of 25 runs failed: 52.0% against 0.0%"
    assert (post.ground.value(), post.ground.registry.current.split) == (1, None)
    (incident,) = post.ground.events.of(CanaryRolledBack)
    assert (incident.release, incident.stable, incident.why) == (canary, stable, done.why)
    assert incident.figures["canary"]["recent"]["runs"]["errors"] == 13
    assert await post.state(canary) == "draining"
    await post.guard.look()
    assert await post.newest() == done, "the stable release is not rolled back behind it"


async def test_without_samples_a_canary_waits_for_as_long_as_it_takes(post: Post) -> None:
    stable, canary = await post.begin()
    post.serve(stable, 200)
    post.serve(canary, 19, failed=19)
    post.clock.at_now = 1e6
    await post.guard.look()
    assert (await post.newest()).state == "canary"
    assert (await post.canaries.status()).verdict.why == "waits for samples: 19 of 20 runs"
    post.serve(canary, 1, failed=1)
    await post.guard.look()
    assert (await post.newest()).state == "withdrawn"


async def test_what_was_asked_for_one_canary_goes_before_the_settings(post: Post) -> None:
    stable, canary = await post.begin(replace(TENTH, bake_s=20.0, min_samples=3))
    status = await post.canaries.status()
    assert (status.bake_s, status.min_samples) == (20.0, 3)
    post.serve(stable, 3)
    post.serve(canary, 3)
    post.clock.at_now = 40.0
    await post.guard.look()
    assert (await post.newest()).state == "promoted"


async def test_the_bake_time_counts_on_over_a_restart_and_the_figures_begin_anew(post: Post) -> None:
    stable, canary = await post.begin()
    post.serve(stable, 200)
    post.serve(canary, 200)
    later = Post(ground=post.ground.restarted(), clock=FakeClock(now=1_000.0))
    assert await later.ground.deployer.restore()
    await later.guard.look()
    status = await later.canaries.status()
    assert (status.left_s, status.verdict.move) == (0.0, "go_on")
    later.serve(stable, 20)
    later.serve(canary, 20)
    await later.guard.look()
    assert (await later.newest()).state == "promoted"
    assert later.ground.value() == 2


async def test_of_two_processes_the_first_one_decides_and_the_other_follows(post: Post) -> None:
    stable, canary = await post.begin()
    other = Post(ground=post.ground.restarted())
    assert await other.ground.deployer.restore()
    await other.guard.look()
    for one in (post, other):
        one.serve(stable, 50)
        one.serve(canary, 50, failed=40)
    await post.guard.look()
    await other.guard.look()
    assert len(other.ground.events.of(CanaryRolledBack)) == 0
    assert len(post.ground.events.of(CanaryRolledBack)) == 1
    assert await other.ground.deployer.follow()
    assert other.ground.value() == 1
    await other.guard.look()
    states = [deployment.state for deployment in await post.ground.store.history()]
    assert states == ["withdrawn", "canary", "active"]


async def test_a_decision_on_what_has_changed_meanwhile_changes_nothing(post: Post) -> None:
    _, canary = await post.begin()
    deployer = post.ground.deployer
    judged = Basis(generation=2)
    await deployer.hold("acme", canary, actor="operator")
    before = await post.ground.store.channel()
    for decide in (deployer.withdraw, deployer.promote):
        with pytest.raises(GenerationConflict):
            await decide(actor="guard", basis=judged)
    with pytest.raises(GenerationConflict):
        await deployer.adjust(TENTH, actor="test", basis=judged)
    assert await post.ground.store.channel() == before
    await post.canaries.end(actor="operator")
    with pytest.raises(NotFound):
        await post.canaries.end()
    assert post.ground.value() == 1


async def test_a_withdrawal_does_not_wait_for_a_deployment_that_is_being_verified(post: Post) -> None:
    _, canary = await post.begin()
    async with post.ground.deployer._lock:  # held for the whole of a deployment
        assert (await post.canaries.end(why="hurry")).release == canary
    assert post.ground.registry.current.split is None


async def test_figures_of_an_earlier_canary_are_not_held_against_the_same_tree(post: Post) -> None:
    stable, canary = await post.begin()
    post.serve(stable, 50)
    post.serve(canary, 50, failed=50)
    await post.guard.look()
    again = await post.ground.deployer.deploy(post.ground.root, actor="test", plan=TENTH)
    assert (again.state, again.release) == ("canary", canary)
    await post.guard.look()
    assert (await post.newest()).state == "canary"
    assert (await post.canaries.status()).figures["canary"]["whole"]["runs"]["ended"] == 0


async def test_the_part_is_changed_without_a_look_at_the_tree_and_keeps_what_is_not_named(post: Post) -> None:
    _, canary = await post.begin(Plan(to="canary", percent=10.0, tenants=("acme",), bake_s=60.0))
    post.ground.write(tree(3))
    changed = await post.canaries.change(25.0, why="so far so good")
    assert (changed.state, changed.release, changed.why) == ("canary", canary, "so far so good")
    status = await post.canaries.status()
    assert (status.percent, status.tenants, status.bake_s) == (25.0, ("acme",), 60.0)
    await post.canaries.change(0.0)
    with pytest.raises(ValueError, match="nobody would see"):
        await post.canaries.change(tenants=())
    assert (await post.canaries.status()).tenants == ("acme",)


def a_record(run: int, status: str, release: str = "old") -> RunRecord:
    return RunRecord(
        run_id=str(run), thread_id=str(run), agent="a", release=release, started_at=float(run), status=status
    )


async def test_a_release_becomes_permanent_after_its_bake_time(post: Post) -> None:
    release = (await post.ground.deploy(tree(1))).release
    await post.guard.look()
    post.clock.advance(299)
    await post.guard.look()
    assert await post.state(release) == "active"
    post.clock.advance(1)
    await post.guard.look()
    assert await post.state(release) == "permanent"
    assert len(post.ground.events.of(Deployed)) == 1, "nothing was deployed"
    next_one = (await post.ground.deploy(tree(2))).release
    assert (await post.state(release), await post.state(next_one)) == ("draining", "active")


async def test_a_release_of_which_more_runs_fail_than_before_stays_provisional(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    for run in range(100):
        status = "error" if run % 20 == 0 else "cancelled" if run % 20 == 1 else "success"
        await post.ledger.accept(a_record(run, "running"))
        await post.ledger.finish(replace(a_record(run, status), finished_at=float(run)))
    release = (await post.ground.deploy(tree(1))).release
    await post.guard.look()
    post.serve(release, 20, failed=4)
    post.clock.advance(301)
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        await post.guard.look()
    assert await post.state(release) == "active"
    (told,) = [record for record in caplog.records if record.message == "release stays provisional"]
    assert vars(told)["why"] == "4 of 20 runs failed: 20.0% against 5.3%"
    post.serve(release, 100)
    await post.guard.look()
    assert await post.state(release) == "permanent"


async def test_a_release_whose_calls_all_fail_stays_provisional(post: Post) -> None:
    release = (await post.ground.deploy(tree(1))).release
    await post.guard.look()
    for _ in range(40):
        post.scores.hear(a_call(release, ToolFailed.code))
    post.clock.advance(301)
    await post.guard.look()
    assert await post.state(release) == "active"


async def test_while_nothing_is_on_trial_nothing_is_counted_and_no_store_is_asked(post: Post) -> None:
    release = (await post.ground.deploy(tree(1))).release
    await post.guard.look()
    post.clock.advance(301)
    await post.guard.look()
    assert await post.state(release) == "permanent"

    async def nobody_asks(name: str) -> None:
        raise AssertionError(name)

    post.ground.store.find = nobody_asks  # type: ignore[method-assign, assignment]  # a look that asks would fail
    post.ground.store.channel = nobody_asks  # type: ignore[method-assign, assignment]  # fails the test
    post.serve(release, 10)
    await post.guard.look()
    assert post.scores.figures(release).whole["runs"].ended == 0


async def test_before_the_first_release_there_is_nothing_to_guard(tmp_path: Path) -> None:
    await Post(ground=Ground(root=tmp_path)).guard.look()


async def test_another_process_that_proved_the_release_is_believed(post: Post) -> None:
    release = (await post.ground.deploy(tree(1))).release
    other = Post(ground=post.ground.restarted())
    await other.ground.deployer.restore()
    for one in (post, other):
        await one.guard.look()
        one.clock.advance(301)
        await one.guard.look()
    assert await post.state(release) == "permanent"
    later = Post(ground=post.ground.restarted())
    await later.ground.deployer.restore()
    await later.guard.look()
    later.serve(release, 5)
    assert later.scores.figures(release).whole["runs"].ended == 0
