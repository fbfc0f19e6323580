"""What serves whom, against a naive model of it, under any sequence of deployments, runs, sweeps and restarts.

The model knows nothing of stores, generations or locks: who serves is three variables, and the state of a release
follows from them.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.errors import NotFound, ReleaseNotFound
from toolcrib.core.releases import ReleaseState
from toolcrib.deployment.ports import Plan
from toolcrib.registry.registry import Lease

values = st.integers(0, 4)
tenants = st.sampled_from(["acme", "beta"])


class Rollout(RuleBasedStateMachine):
    """Releases are named by the value their one tool gives; a canary is for all threads or for one tenant, or both."""

    leases: Bundle[tuple[Lease, int]] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.ground = Ground(root=Path(self.folder.name))
        self.ids: dict[int, str] = {}
        self.states: dict[int, ReleaseState] = {}
        self.stable = -1
        self.way: list[int] = []
        self.canary: tuple[int, bool, tuple[str, ...]] | None = None
        self.held: dict[str, int] = {}
        self.leased: Counter[int] = Counter()
        self.restarts = 0
        self.resident: set[int] = set()

    def teardown(self) -> None:
        self.runner.run(self.ground.resources.close())
        self.runner.close()
        self.folder.cleanup()

    # The model.

    def serving(self) -> set[int]:
        return {self.stable, *self.held.values(), *([self.canary[0]] if self.canary else [])}

    def now_serves(self, before: set[int], was_canary: int | None) -> None:
        """The states that follow from who serves."""
        canary = self.canary[0] if self.canary else None
        for value in before - self.serving():
            self.states[value] = "draining"
        for value in self.serving():
            if value not in before:
                self.states[value] = "canary" if value == canary else "active"
            elif value == was_canary != canary:
                self.states[value] = "active"

    def change(
        self, *, stable: int | None = None, canary: tuple[int, bool, tuple[str, ...]] | None = None, **held: int | None
    ) -> None:
        before, was = self.serving(), self.canary[0] if self.canary else None
        if stable is not None:
            if stable != self.stable:
                self.way.append(stable)
            self.stable = stable
        self.canary = canary
        for tenant, value in held.items():
            if value is None:
                self.held.pop(tenant, None)
            else:
                self.held[tenant] = value
        self.now_serves(before, was)

    def expected(self, tenant: str) -> int:
        if tenant in self.held:
            return self.held[tenant]
        if self.canary and (self.canary[1] or tenant in self.canary[2]):
            return self.canary[0]
        return self.stable

    # What is done.

    def deploy(self, value: int, plan: Plan) -> str:
        self.ground.write(tree(value))
        deployment = self.runner.run(self.ground.deployer.deploy(self.ground.root, actor="test", plan=plan))
        self.ids[value] = deployment.release
        self.states.setdefault(value, "verified")
        return deployment.state

    def note_who_left(self) -> None:
        """A deployment sweeps too: what left memory was of no use to anybody, and is retired if it ever served."""
        now = self.resident_values()
        for value in self.resident - now:
            assert value not in self.serving()
            assert not self.leased[value]
            if self.states[value] == "draining":
                self.states[value] = "retired"
        self.resident = now

    def resident_values(self) -> set[int]:
        residents = {release.id for release in self.ground.registry.residents()}
        return {value for value, release in self.ids.items() if release in residents}

    @initialize(value=values)
    def first(self, value: int) -> None:
        assert self.deploy(value, Plan()) == "active"
        self.stable = value
        self.way.append(value)
        self.states[value] = "active"

    @rule(value=values)
    def deploy_for_all(self, value: int) -> None:
        state = self.deploy(value, Plan())
        if value == self.stable and self.canary is None:
            assert state == "unchanged"
            return
        assert state == ("promoted" if self.canary and self.canary[0] == value else "active")
        self.change(stable=value)

    @rule(value=values, everybody=st.booleans(), tenant=tenants)
    def deploy_as_canary(self, value: int, everybody: bool, tenant: str) -> None:
        plan = Plan(to="canary", percent=100.0 if everybody else 0.0, tenants=(tenant,))
        state = self.deploy(value, plan)
        if value == self.stable:
            assert state == "unchanged"
            return
        assert state == "canary"
        self.change(canary=(value, everybody, (tenant,)))

    @rule(value=values)
    def deploy_for_nobody(self, value: int) -> None:
        state = self.deploy(value, Plan(to="nobody"))
        if value == self.stable:
            assert state == "unchanged"
            return
        assert state == "inactive"
        if self.states[value] == "verified":
            self.states[value] = "inactive"

    @rule()
    def promote(self) -> None:
        if self.canary is None:
            self.fails(self.ground.deployer.promote(actor="test"), NotFound)
            return
        assert self.runner.run(self.ground.deployer.promote(actor="test")).state == "promoted"
        self.change(stable=self.canary[0])

    @rule()
    def roll_back(self) -> None:
        former = None if self.canary or len(self.way) < 2 else self.way[-2]
        if self.canary is None and former is None:
            self.fails(self.ground.deployer.rollback(None, actor="test"), ReleaseNotFound)
            return
        expected = "withdrawn" if self.canary else "rolled_back"
        assert self.runner.run(self.ground.deployer.rollback(None, actor="test")).state == expected
        self.change()
        if former is not None:
            self.go_back(former)

    @rule(value=values)
    def roll_back_to(self, value: int) -> None:
        if value not in self.ids:
            return
        state = self.runner.run(self.ground.deployer.rollback(self.ids[value], actor="test")).state
        assert state == ("unchanged" if value == self.stable and not self.canary else "rolled_back")
        if state == "rolled_back":
            self.go_back(value)

    def go_back(self, value: int) -> None:
        """A way back is shortened; one that leads elsewhere is a way on."""
        if value in self.way:
            del self.way[self.way.index(value) + 1 :]
            self.way.pop()
        self.change(stable=value)
        if self.way[-1:] != [value]:
            self.way.append(value)

    @rule(tenant=tenants, value=values)
    def hold(self, tenant: str, value: int) -> None:
        if value in self.ids:
            self.runner.run(self.ground.deployer.hold(tenant, self.ids[value], actor="test"))
            self.change(canary=self.canary, **{tenant: value})

    @rule(tenant=tenants)
    def let_go(self, tenant: str) -> None:
        self.runner.run(self.ground.deployer.hold(tenant, None, actor="test"))
        self.change(canary=self.canary, **{tenant: None})

    @rule(target=leases, tenant=st.one_of(tenants, st.just("")), key=st.text(max_size=3))
    def begin_run(self, tenant: str, key: str) -> Any:
        lease = self.ground.registry.lease(holder="run", tenant=tenant, key=key)
        value = self.ground.value(lease.release)
        assert value == self.expected(tenant)
        self.leased[value] += 1
        return lease, value, self.restarts

    @rule(run=consumes(leases))
    def end_run(self, run: tuple[Lease, int, int]) -> None:
        lease, value, life = run
        if life != self.restarts:
            return  # its process died
        with lease as release:
            assert self.ground.value(release) == value, "a run sees its own release to its end"
        self.leased[value] -= 1
        self.leased = +self.leased

    @rule()
    def sweep(self) -> None:
        self.runner.run(self.ground.deployer.sweep(keep=0))
        assert self.resident_values() == self.serving() | set(self.leased)

    @rule()
    def restart(self) -> None:
        self.runner.run(self.ground.resources.close())
        self.ground = self.ground.restarted()
        self.restarts += 1
        self.leased.clear()
        self.resident = set()
        assert self.runner.run(self.ground.deployer.restore())

    # What is always so.

    @invariant()
    def everybody_is_served_what_the_model_says(self) -> None:
        if self.stable >= 0:
            route = self.ground.registry.route
            seen = {tenant: self.ground.value(route(tenant=tenant, key="k")) for tenant in ("", "acme", "beta")}
            assert seen == {tenant: self.expected(tenant) for tenant in seen}

    @invariant()
    def the_store_knows_the_state_of_every_release(self) -> None:
        self.note_who_left()
        for value, release in self.ids.items():
            assert self.runner.run(self.ground.store.find(release)).state == self.states[value], release

    @invariant()
    def what_serves_or_is_leased_is_in_memory(self) -> None:
        residents = {release.id for release in self.ground.registry.residents()}
        assert {self.ids[value] for value in self.serving() | set(self.leased) if value >= 0} <= residents

    @invariant()
    def registry_and_store_agree_on_the_generation(self) -> None:
        channel = self.runner.run(self.ground.store.channel())
        assert channel.generation == self.ground.registry.generation

    def fails(self, work: Any, kind: type[Exception]) -> None:
        try:
            self.runner.run(work)
        except kind:
            return
        raise AssertionError(f"{kind.__name__} was expected")


Rollout.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
test_the_rollout_behaves_like_its_model = Rollout.TestCase
