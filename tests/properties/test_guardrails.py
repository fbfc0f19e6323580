"""Guardrails in the long run: how often chance ends a good canary, and how soon a broken one is seen."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.deployment.proving.sides import a_call, a_run
from toolcrib.core.errors import RunFailed, RunTimeout, ToolFailed
from toolcrib.core.settings import CanarySettings
from toolcrib.deployment.proving.guardrails import judge
from toolcrib.deployment.proving.proportions import surely_more, wilson
from toolcrib.deployment.proving.scores import FAULTS, Figures, Kind, Scores, Spread, Tally
from toolcrib.testing import FakeClock

RULES = CanarySettings()
LOOK_AT = 25
TRIALS = 100
counts = st.integers(0, 400)


class Traffic:
    """Runs, each with two calls, of a canary and a stable release; `look` judges what there is so far."""

    def __init__(self, seed: int, share: float) -> None:
        self.chance = random.Random(seed)
        self.share = share
        self.clock = FakeClock()
        self.scores = Scores(clock=self.clock, window_s=RULES.window_s)
        self.scores.begin("trial", ("canary", "stable"))
        self.canary_runs = 0

    def run(self, fails: float, slow: float = 1.0, *, canary: bool | None = None) -> None:
        mine = self.chance.random() < self.share if canary is None else canary
        self.canary_runs += mine
        release = "canary" if mine else "stable"
        failed = self.chance.random() < fails
        took = slow * math.exp(self.chance.gauss(0, 1))
        cost = 0.01 * math.exp(self.chance.gauss(0, 1))
        code = self.chance.choice([RunFailed.code, RunTimeout.code]) if failed else ""
        self.scores.hear(a_run(release, code, took, cost_usd=cost))
        for _ in range(2):
            code = ToolFailed.code if self.chance.random() < fails else ""
            self.scores.hear(a_call(release, code, slow * math.exp(self.chance.gauss(-2, 1))))
        self.clock.advance(self.chance.random())

    def look(self, left_s: float = 1.0) -> str:
        canary, stable = self.scores.figures("canary"), self.scores.figures("stable")
        return judge(canary, stable, RULES, left_s=left_s).move


@pytest.mark.parametrize(("share", "fails"), [(0.1, 0.02), (0.1, 0.3), (0.5, 0.1), (0.9, 0.5)])
def test_of_canaries_that_behave_like_the_stable_release_fewer_than_one_in_a_hundred_is_rolled_back(
    share: float, fails: float
) -> None:
    """Each is looked at 16 times over 400 runs and their 800 calls; chance is drawn from fixed seeds."""
    ended = 0
    for seed in range(TRIALS):
        traffic = Traffic(seed, share)
        for _ in range(400 // LOOK_AT):
            for _ in range(LOOK_AT):
                traffic.run(fails)
            if traffic.look() == "roll_back":
                ended += 1
                break
    assert ended <= TRIALS // 100


def canary_runs_until_rolled_back(seed: int, spoil: Callable[[Traffic, bool], None], most: int) -> int:
    traffic = Traffic(seed, 0.1)
    while traffic.canary_runs < most:
        mine = traffic.chance.random() < traffic.share
        spoil(traffic, mine)
        if mine and traffic.look() == "roll_back":
            return traffic.canary_runs
    return most


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_a_canary_that_fails_every_second_time_is_rolled_back_within_forty_of_its_runs(seed: int) -> None:
    def spoil(traffic: Traffic, mine: bool) -> None:
        traffic.run(0.5 if mine else 0.01, canary=mine)

    assert RULES.min_samples // 2 <= canary_runs_until_rolled_back(seed, spoil, 60) <= 40, "a run makes two calls"


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_a_canary_that_is_four_times_as_slow_is_rolled_back_within_a_hundred_of_its_runs(seed: int) -> None:
    def spoil(traffic: Traffic, mine: bool) -> None:
        traffic.run(0.01, slow=4.0 if mine else 1.0, canary=mine)

    assert canary_runs_until_rolled_back(seed, spoil, 150) <= 100


@given(part=counts, rest=counts, than=counts, others=counts)
def test_what_is_sure_is_less_than_what_is_seen_and_grows_with_the_samples(
    part: int, rest: int, than: int, others: int
) -> None:
    whole, of = part + rest, than + others
    low, high = wilson(part, whole)
    assert 0 <= low <= (part / whole if whole else 1) + 1e-9
    assert (part / whole if whole else 0) - 1e-9 <= high <= 1
    if whole and of:
        sure = surely_more(part, whole, than=than, of=of)
        assert sure <= part / whole - than / of + 1e-9
        assert surely_more(4 * part, 4 * whole, than=4 * than, of=4 * of) >= sure - 1e-9


figures = st.builds(
    lambda runs, calls: Figures(recent={"runs": runs, "calls": calls}, whole={"runs": runs, "calls": calls}),
    *[
        st.builds(
            lambda ended, errors, more, fault, steps: Tally(
                ended=ended + errors + more,
                faults={"errors": errors + more, fault: more},
                seconds=Spread(steps=steps),
                cost_usd=Spread(steps=steps),
            ),
            counts,
            counts,
            counts,
            st.sampled_from(sorted(set(FAULTS.values()))),
            st.dictionaries(st.integers(-100, 100), st.integers(1, 100), max_size=5),
        )
    ]
    * 2,
)


@given(canary=figures, stable=figures, left_s=st.floats(0, 100))
def test_a_verdict_follows_its_rules_whatever_the_figures(canary: Figures, stable: Figures, left_s: float) -> None:
    verdict = judge(canary, stable, RULES, left_s=left_s)
    kinds: tuple[Kind, ...] = ("runs", "calls")
    enough = any(min(side.whole[kind].ended for side in (canary, stable)) >= RULES.min_samples for kind in kinds)
    assert verdict.why
    if verdict.move == "promote":
        assert left_s == 0
        assert enough
        assert all(
            canary.whole[kind].rate("errors") - stable.whole[kind].rate("errors") <= RULES.max_error_rate_increase
            for kind in kinds
            if min(canary.whole[kind].ended, stable.whole[kind].ended) >= RULES.min_samples
        )
    if verdict.move == "roll_back":
        assert max(canary.whole[kind].ended for kind in kinds) >= RULES.min_samples
    assert judge(canary, canary, RULES, left_s=left_s).move != "roll_back", "nobody is worse than himself"
