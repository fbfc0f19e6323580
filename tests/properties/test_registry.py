"""The registry against a naive model of it, under any sequence of operations; laws 1, 4 and 6 of the house."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.support import make_release
from toolcrib.core.errors import GenerationConflict, ReleaseInUse, ReleaseNotFound, ToolNotFound
from toolcrib.registry.registry import Lease, Registry
from toolcrib.registry.release import Release
from toolcrib.testing import make_tool

RELEASES = tuple(make_release(content=name) for name in "abcd")
releases = st.sampled_from(RELEASES)
holders = st.sampled_from(["run", "call", "batch"])


class RegistryMachine(RuleBasedStateMachine):
    """The model: a number, a name, a list in order of arrival, and a bag of (release, holder)."""

    leases: Bundle[tuple[Lease, Release, str]] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.generation = 0
        self.serving: Release | None = None
        self.resident: list[Release] = []
        self.held: Counter[tuple[Release, str]] = Counter()

    def in_use(self, release: Release) -> bool:
        return release is self.serving or any(held is release for held, _ in self.held)

    @rule(release=releases, late_by=st.sampled_from([0, 0, 0, 1, -1]))
    def publish(self, release: Release, late_by: int) -> None:
        expected = self.generation - late_by
        if late_by:
            with pytest.raises(GenerationConflict):
                self.registry.publish(release, expected=expected)
            return
        self.registry.publish(release, expected=expected)
        self.generation += 1
        self.serving = release
        if release not in self.resident:
            self.resident.append(release)

    @rule(release=releases)
    def admit(self, release: Release) -> None:
        assert self.registry.admit(release) is release
        if release not in self.resident:
            self.resident.append(release)

    @rule(target=leases, release=st.one_of(st.none(), releases), holder=holders)
    def lease(self, release: Release | None, holder: str) -> Any:
        wanted = release or self.serving
        if wanted is None or wanted not in self.resident:
            with pytest.raises(ReleaseNotFound):
                self.registry.lease(holder=holder, release=release)
            return multiple()
        lease = self.registry.lease(holder=holder, release=release)
        assert lease.release is wanted
        self.held[wanted, holder] += 1
        return lease, wanted, holder

    @rule(lease=consumes(leases))
    def end_lease(self, lease: tuple[Lease, Release, str]) -> None:
        made, release, holder = lease
        with made as held:
            assert held is release
        self.held[release, holder] -= 1
        self.held = +self.held

    @rule(release=releases)
    def retire(self, release: Release) -> None:
        if release not in self.resident or self.in_use(release):
            with pytest.raises(ReleaseInUse):
                self.registry.retire(release)
            return
        self.registry.retire(release)
        self.resident.remove(release)

    @invariant()
    def the_registry_says_what_the_model_says(self) -> None:
        registry = self.registry
        assert registry.generation == self.generation
        if self.serving is not None:
            assert registry.current.release is self.serving
            assert registry.current.generation == self.generation
        assert list(registry.residents()) == self.resident
        assert list(registry.idle()) == [one for one in self.resident if not self.in_use(one)]
        census = {one.id: {who: n for (held, who), n in self.held.items() if held is one} for one in self.resident}
        assert registry.census() == census

    @invariant()
    def whatever_serves_or_is_leased_is_in_memory(self) -> None:
        for release in RELEASES:
            if self.in_use(release):
                assert self.registry.resident(release.digest) is release


test_the_registry_behaves_like_its_model = RegistryMachine.TestCase

NAMES = ("add", "subtract", "get_order", "get_orders")


def no_op() -> None: ...


TOOLS = {name: make_tool(no_op, name=name) for name in NAMES}


@given(held=st.sets(st.sampled_from(NAMES)), asked=st.lists(st.sampled_from((*NAMES, "nobody", "")), max_size=8))
def test_resolving_a_name_is_a_pure_function_of_the_release(held: set[str], asked: list[str]) -> None:
    release = make_release(*(TOOLS[name] for name in sorted(held)))
    before = dict(release.tools)

    def resolve(name: str) -> Any:
        try:
            return release.tool(name)
        except ToolNotFound as error:
            return error.message, error.hint

    first = [resolve(name) for name in asked]
    backwards = [resolve(name) for name in reversed(asked)]
    assert first == backwards[::-1]
    assert [answer for answer, name in zip(first, asked, strict=True) if name in held] == [
        TOOLS[name] for name in asked if name in held
    ]
    assert release.tools == before


@given(st.lists(releases, max_size=6))
def test_publishing_and_rolling_back_gives_the_identical_catalogue(between: list[Release]) -> None:
    registry = Registry()
    first = registry.publish(RELEASES[0], expected=0)
    for release in between:
        registry.publish(release, expected=registry.generation)
    back = registry.publish(first.release, expected=registry.generation)
    assert back.release is first.release
    assert back.release.tools is first.release.tools
    assert back.generation == len(between) + 2
