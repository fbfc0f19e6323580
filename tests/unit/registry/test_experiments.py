"""Experiments: who is in which variant, that all stay there, and what a release makes of it."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_manifest
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.experiments.values import Experiment, Unit, Variant
from toolcrib.registry.experiments import absence, choose
from toolcrib.registry.release import Release
from toolcrib.testing import make_tool

CHAIN: Any = object()
KEYS = [f"key-{number}" for number in range(10_000)]
weights = st.lists(st.floats(0, 100), min_size=1, max_size=5).filter(any)


def search() -> None: ...


def experiment(*each: float, by: Unit = "thread", salt: str = "s", name: str = "e") -> Experiment:
    variants = {f"v{number}": Variant(weight=weight) for number, weight in enumerate(each)}
    return Experiment(name=name, by=by, salt=salt, variants=variants)


def variant(one: Experiment, *, tenant: str = "", user: str = "", thread: str = "") -> str:
    arm = choose(one, tenant=tenant, user=user, thread=thread)
    return arm.variant if arm else ""


def everybody(one: Experiment) -> dict[str, str]:
    return {key: variant(one, thread=key) for key in KEYS}


@pytest.mark.parametrize("each", [(90, 10), (50, 50), (1, 1, 1), (0.2, 0, 0.8), (0, 7), (99.5, 0.5)])
def test_each_variant_has_its_share_of_the_keys(each: tuple[float, ...]) -> None:
    counted = Counter(everybody(experiment(*each)).values())
    for number, weight in enumerate(each):
        assert counted[f"v{number}"] == pytest.approx(len(KEYS) * weight / sum(each), abs=170)
        assert weight or not counted[f"v{number}"]
    assert sum(counted.values()) == len(KEYS)


@given(weights, st.text(), st.text(min_size=1), st.text())
def test_the_same_words_are_always_in_the_same_variant_whatever_was_asked_between(
    each: list[float], tenant: str, thread: str, other: str
) -> None:
    one = experiment(*each)
    first = variant(one, tenant=tenant, thread=thread)
    variant(one, tenant=tenant, thread=other or "x")
    assert variant(experiment(*each), tenant=tenant, thread=thread, user=other) == first
    assert one.variants[first].weight > 0


@given(weights, st.floats(0.001, 1000), st.text(min_size=1))
def test_only_the_proportion_of_the_weights_counts(each: list[float], factor: float, thread: str) -> None:
    tenth = [round(weight * 10) for weight in each]
    if any(tenth):
        one, other = experiment(*tenth), experiment(*(weight * 1024.0 for weight in tenth))
        assert variant(one, thread=thread) == variant(other, thread=thread)


def test_other_weights_move_those_between_the_borders_and_nobody_else() -> None:
    before, after = everybody(experiment(90, 10)), everybody(experiment(80, 20))
    moved = {key for key in KEYS if before[key] != after[key]}
    assert len(moved) == pytest.approx(1_000, abs=100)
    assert {(before[key], after[key]) for key in moved} == {("v0", "v1")}


def test_another_salt_is_another_draw() -> None:
    first, second = everybody(experiment(50, 50)), everybody(experiment(50, 50, salt="t"))
    assert sum(first[key] == second[key] for key in KEYS) == pytest.approx(5_000, abs=200)


@pytest.mark.parametrize("by", ["tenant", "user", "thread"])
def test_an_experiment_goes_by_what_it_says_and_by_nothing_else(by: Unit) -> None:
    one, who = experiment(1, 1, by=by), {"tenant": "acme", "user": "ada", "thread": "t1"}
    others = [name for name in who if name not in (by, "tenant")]
    kept = {variant(one, **{**who, **{name: f"{number}" for name in others}}) for number in range(20)}
    assert len(kept) == 1
    assert len({variant(one, **{**who, by: f"{number}"}) for number in range(20)}) == 2


def test_users_and_threads_of_two_tenants_are_not_the_same_ones() -> None:
    one = experiment(1, 1, by="user")
    assert {(variant(one, tenant="a", user=key), variant(one, tenant="b", user=key)) for key in KEYS[:50]} == {
        (a, b) for a in ("v0", "v1") for b in ("v0", "v1")
    }


def test_who_lacks_what_it_goes_by_takes_no_part_and_is_told_why() -> None:
    one = experiment(1, by="user")
    assert variant(one, tenant="acme", thread="t1") == ""
    assert absence(one, tenant="acme", user="", thread="t1") == "it goes by user, and the caller has none"
    outside = replace(one, outside=frozenset({"acme"}))
    assert variant(outside, tenant="acme", user="ada") == ""
    assert "otherwise than all others" in absence(outside, tenant="acme", user="ada", thread="")
    assert variant(outside, tenant="globex", user="ada") == "v0"
    assert absence(outside, tenant="globex", user="ada", thread="") == ""


def test_a_release_finds_the_tool_of_the_variant_and_an_agent_s_own_word_before_it() -> None:
    base, fast, faster, mine = (make_tool(search) for _ in range(4))
    arm = Arm("e", "v1")

    release = Release(
        id="r",
        manifest=make_manifest(),
        tools={"search": base},
        chains={"search": CHAIN},
        variants={
            ("search", "", arm): (fast, CHAIN),
            ("search", "support", arm): (faster, CHAIN),
            ("search", "support", ""): (mine, CHAIN),
        },
        withheld={("search", "shy", arm): "tools.yaml:1"},
        experiments={"e": replace(experiment(0, 1), tools=frozenset({"search"}), agents=frozenset({"shy"}))},
    )
    arms = release.arms(thread="t1")
    assert arms == (arm,)
    assert release.arms(tenant="acme") == ()
    assert release.find("search", arms=arms) is fast
    assert release.find("search", arms=arms, agent="support") is faster
    assert release.find("search", arms=arms, agent="shy") is None
    assert release.find("search", agent="support") is mine
    assert release.find("search", arms=(Arm("e", "v0"),)) is base
    assert release.concerning(arms, tools=("search",)) == release.concerning(arms, agent="shy") == arms
    assert release.concerning(arms, agent="support", tools=("other",)) == ()
