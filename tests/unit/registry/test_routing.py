"""Routing: who sees the canary, who is held, and that each caller stays where he is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_release
from toolcrib.registry.buckets import BUCKETS, bucket
from toolcrib.registry.registry import Registry
from toolcrib.registry.routing import Published, Split

STABLE, CANARY, OLD = (make_release(content=name) for name in ("stable", "canary", "old"))
THREADS = [f"thread-{number}" for number in range(4_000)]


def published(**split: object) -> Published:
    return Published(1, STABLE, Split(**split))  # type: ignore[arg-type]  # fields of a split


def on_canary(percent: float, salt: str = "s", tenant: str = "") -> set[str]:
    both = published(canary=CANARY, percent=percent, salt=salt)
    return {thread for thread in THREADS if both.route(tenant=tenant, key=thread) is CANARY}


@pytest.mark.parametrize("percent", [1.0, 10.0, 50.0, 90.0])
def test_a_canary_is_seen_by_its_share_of_the_threads(percent: float) -> None:
    assert len(on_canary(percent)) == pytest.approx(len(THREADS) * percent / 100, abs=80)


def test_a_canary_of_nothing_is_seen_by_nobody_and_one_of_everything_by_all() -> None:
    assert on_canary(0.0) == set()
    assert on_canary(100.0) == set(THREADS)


@given(st.floats(0, 100), st.floats(0, 100), st.text(), st.text())
def test_who_sees_a_canary_goes_on_seeing_it_when_it_grows(one: float, two: float, tenant: str, key: str) -> None:
    small, large = sorted((one, two))
    sees = [
        published(canary=CANARY, percent=percent, salt="s").route(tenant=tenant, key=key) is CANARY
        for percent in (small, large)
    ]
    assert sees != [True, False]


def test_the_next_canary_chooses_other_threads() -> None:
    first, second = on_canary(10.0, salt="1"), on_canary(10.0, salt="2")
    assert len(first & second) < len(first) / 2


@given(st.text(), st.text(), st.text())
def test_a_bucket_depends_on_every_word_and_on_nothing_else(salt: str, tenant: str, key: str) -> None:
    assert 0 <= bucket(salt, tenant, key) < BUCKETS
    assert bucket(salt, tenant, key) == bucket(salt, tenant, key)


def test_words_do_not_run_into_each_other() -> None:
    assert bucket("ab", "c", "d") != bucket("a", "bc", "d")


def test_named_tenants_see_the_canary_whatever_the_percentage() -> None:
    both = published(canary=CANARY, tenants=frozenset({"acme"}), salt="s")
    assert both.route(tenant="acme", key="t") is CANARY
    assert both.route(tenant="other", key="t") is STABLE


def test_a_hold_goes_before_the_canary() -> None:
    held = published(canary=CANARY, percent=100.0, tenants=frozenset({"acme"}), held={"acme": OLD})
    assert held.route(tenant="acme", key="t") is OLD
    assert held.route(tenant="other", key="t") is CANARY


def test_everything_that_serves_anybody_is_resident_and_never_idle() -> None:
    registry = Registry()
    split = Split(canary=CANARY, percent=10.0, held={"acme": OLD, "beta": STABLE})
    registry.publish(STABLE, expected=0, split=split)
    assert registry.residents() == (STABLE, CANARY, OLD)
    assert registry.idle() == ()
    registry.publish(STABLE, expected=1)
    assert registry.idle() == (CANARY, OLD)


def test_a_lease_follows_the_route_and_a_named_release_goes_before_it() -> None:
    registry = Registry()
    registry.publish(STABLE, expected=0, split=Split(held={"acme": OLD}))
    with registry.lease(holder="run", tenant="acme", key="t") as release:
        assert release is OLD
        assert registry.census() == {STABLE.id: {}, OLD.id: {"run": 1}}
    with registry.lease(holder="run", tenant="acme", release=STABLE) as release:
        assert release is STABLE


def test_callers_without_a_key_are_spread_over_both() -> None:
    registry = Registry()
    registry.publish(STABLE, expected=0, split=Split(canary=CANARY, percent=30.0, salt="s"))
    seen = [registry.route() for _ in range(2_000)]
    assert 500 < seen.count(CANARY) < 700
