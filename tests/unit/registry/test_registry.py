"""The registry: one assignment publishes, leases keep a release, retirement is refused while it is used."""

import pytest

from tests.support import make_release
from toolcrib.core.errors import GenerationConflict, ReleaseInUse, ReleaseNotFound
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release

A, B, C = (make_release(content=name) for name in "abc")


def serving(*releases: Release) -> Registry:
    """A registry in which these were published, one after the other."""
    registry = Registry()
    for generation, release in enumerate(releases):
        registry.publish(release, expected=generation)
    return registry


def test_nothing_serves_before_the_first_release() -> None:
    registry = Registry()
    assert registry.generation == 0
    with pytest.raises(ReleaseNotFound, match="No release serves yet"):
        _ = registry.current
    with pytest.raises(ReleaseNotFound):
        registry.lease(holder="run")
    assert registry.residents() == registry.idle() == ()
    assert registry.census() == {}


def test_publishing_makes_a_release_serve_and_counts_the_generation() -> None:
    registry = serving(A)
    assert (registry.current.release, registry.current.generation, registry.generation) == (A, 1, 1)
    published = registry.publish(B, expected=1)
    assert published is registry.current
    assert (published.release, published.generation) == (B, 2)
    assert registry.residents() == (A, B)


@pytest.mark.parametrize("expected", [0, 2, -1])
def test_who_decided_on_another_generation_changes_nothing(expected: int) -> None:
    registry = serving(A)
    before = registry.current
    with pytest.raises(GenerationConflict, match=f"Generation {expected} was expected, 1 is what serves"):
        registry.publish(B, expected=expected)
    assert registry.current is before
    assert registry.residents() == (A,)


def test_what_was_read_as_current_stays_whole_when_another_is_published() -> None:
    registry = serving(A)
    read = registry.current
    registry.publish(B, expected=1)
    assert (read.release, read.generation) == (A, 1)


def test_a_replica_that_catches_up_takes_over_the_generation() -> None:
    registry = serving(A)
    assert registry.publish(B, expected=1, generation=7).generation == 7
    assert registry.generation == 7


def test_publishing_and_rolling_back_gives_the_identical_catalogue() -> None:
    registry = serving(A, B)
    rolled_back = registry.publish(A, expected=2)
    assert rolled_back.release is A
    assert registry.residents() == (A, B)


def test_a_lease_holds_what_serves_when_it_is_made() -> None:
    registry = serving(A)
    with registry.lease(holder="run") as held:
        registry.publish(B, expected=1)
        assert held is A
        with pytest.raises(ReleaseInUse, match=f"Release {A.id} is in use"):
            registry.retire(A)
    registry.retire(A)
    assert registry.residents() == (B,)


def test_a_lease_begins_when_it_is_made_not_when_it_is_entered() -> None:
    registry = serving(A, B)
    lease = registry.lease(holder="run", release=A)
    with pytest.raises(ReleaseInUse):
        registry.retire(A)
    with lease:
        pass
    registry.retire(A)


def test_a_lease_ends_also_when_its_holder_fails() -> None:
    registry = serving(A, B)
    with pytest.raises(ValueError, match="boom"), registry.lease(holder="run", release=A):
        raise ValueError("boom")
    assert registry.idle() == (A,)


def test_leases_nest_and_the_last_one_frees_the_release() -> None:
    registry = serving(A, B)
    with registry.lease(holder="run", release=A):
        with registry.lease(holder="call", release=A), registry.lease(holder="call", release=A):
            assert registry.census() == {A.id: {"run": 1, "call": 2}, B.id: {}}
        assert registry.census() == {A.id: {"run": 1}, B.id: {}}
        assert registry.idle() == ()
    assert registry.census() == {A.id: {}, B.id: {}}
    assert registry.idle() == (A,)


def test_what_serves_is_not_retired() -> None:
    registry = serving(A)
    with pytest.raises(ReleaseInUse):
        registry.retire(A)
    assert registry.current.release is A


def test_a_retired_release_cannot_be_leased_any_more() -> None:
    registry = serving(A, B)
    registry.retire(A)
    assert registry.resident(A.digest) is None
    with pytest.raises(ReleaseNotFound, match=f"Release {A.id} has been retired"):
        registry.lease(holder="run", release=A)
    assert registry.census() == {B.id: {}}


def test_a_release_that_was_never_resident_cannot_be_leased() -> None:
    with pytest.raises(ReleaseNotFound):
        serving(A).lease(holder="run", release=B)


def test_a_parked_runs_release_is_admitted_without_serving() -> None:
    registry = serving(A)
    assert registry.admit(B) is B
    assert registry.current.release is A
    assert registry.resident(B.digest) is B
    assert registry.idle() == (B,)
    with registry.lease(holder="run", release=B):
        assert registry.idle() == ()


def test_admitting_a_release_that_is_in_memory_gives_the_one_that_is() -> None:
    registry = serving(A)
    assert registry.admit(make_release(content="a")) is A


def test_a_retired_release_can_come_back() -> None:
    registry = serving(A, B)
    registry.retire(A)
    registry.admit(A)
    registry.publish(A, expected=2)
    assert registry.current.release is A
    assert registry.idle() == (B,)
