"""When a canary goes on, when it serves all, and when it must go."""

import math

import pytest

from tests.unit.deployment.proving.sides import measured, with_faults
from toolcrib.core.settings import CanarySettings
from toolcrib.deployment.proving.guardrails import judge, worse_than_before
from toolcrib.deployment.proving.proportions import surely_more, wilson
from toolcrib.deployment.proving.scores import Fault, Figures, Kind, Tallies, Tally

RULES = CanarySettings()
GOOD = measured(runs=200, calls=400)


def move(canary: Figures, stable: Figures = GOOD, *, left_s: float = 0.0, rules: CanarySettings = RULES) -> str:
    return judge(canary, stable, rules, left_s=left_s).move


def test_a_canary_that_does_as_well_is_promoted_when_its_bake_time_is_over() -> None:
    canary = measured(runs=24, calls=60)
    waits = judge(canary, GOOD, RULES, left_s=12.0)
    assert (waits.move, waits.why) == ("go_on", "12 s of its bake time are left")
    done = judge(canary, GOOD, RULES, left_s=0.0)
    assert (done.move, done.why) == (
        "promote",
        "24 runs, 60 tool calls, and nothing is worse than on the stable release",
    )


def test_a_canary_that_fails_is_rolled_back_before_its_bake_time_is_over() -> None:
    verdict = judge(measured(runs=24, failed=12), GOOD, RULES, left_s=250.0)
    assert (verdict.move, verdict.why) == ("roll_back", "12 of 24 runs failed: 50.0% against 0.0%")


def test_failures_that_the_stable_release_has_as_well_are_no_reason() -> None:
    assert move(measured(runs=40, failed=20), measured(runs=300, failed=150)) == "promote"
    assert move(measured(runs=40, failed=20), measured(runs=300, failed=60)) == "roll_back"


def test_a_canary_that_does_better_is_promoted() -> None:
    assert move(measured(runs=40, failed=4), measured(runs=300, failed=150)) == "promote"


def test_what_may_be_chance_makes_neither_and_more_samples_decide() -> None:
    few = judge(measured(runs=25, failed=3), GOOD, RULES, left_s=0.0)
    assert few.move == "go_on"
    assert few.why == "not sure yet: 3 of 25 runs failed: 12.0% against 0.0%"
    assert move(measured(runs=500, failed=60)) == "roll_back"
    assert move(measured(runs=250, failed=8)) == "promote", "three points more are allowed"


@pytest.mark.parametrize(
    ("kind", "fault", "words"),
    [
        ("runs", "timeouts", "runs timed out"),
        ("runs", "loops", "runs hit their iteration limit"),
        ("calls", "errors", "tool calls failed"),
        ("calls", "timeouts", "tool calls timed out"),
        ("calls", "invalid", "tool calls had invalid arguments"),
    ],
)
def test_each_kind_of_failure_is_compared_on_its_own(kind: Kind, fault: Fault, words: str) -> None:
    stable = with_faults(300, {"errors": 60}, kind)
    canary = with_faults(60, {"errors": 12, fault: 12 if fault != "errors" else 30} | {fault: 30}, kind)
    verdict = judge(canary, stable, RULES, left_s=100.0)
    assert verdict.move == "roll_back"
    assert words in verdict.why


def test_without_enough_samples_it_goes_on_however_long_it_takes() -> None:
    verdict = judge(measured(runs=12, calls=30), GOOD, RULES, left_s=0.0)
    assert (verdict.move, verdict.why) == ("go_on", "waits for samples: 12 of 20 runs")
    assert move(measured(runs=12, failed=12)) == "go_on", "twelve samples are none"
    fewer = RULES.model_copy(update={"min_samples": 10})
    assert move(measured(runs=12, calls=30), rules=fewer) == "promote"
    assert move(measured(runs=12, failed=12), rules=fewer) == "roll_back"


def test_calls_alone_are_enough_where_hardly_any_run_ends() -> None:
    assert move(measured(calls=30), measured(calls=200, runs=3)) == "promote"


def test_with_nothing_to_compare_it_waits_for_a_person_unless_it_surely_fails_more_often_than_not() -> None:
    nobody = measured(runs=5)
    verdict = judge(measured(runs=100), nobody, RULES, left_s=0.0)
    assert verdict.move == "go_on"
    assert "to compare with" in verdict.why
    assert move(measured(runs=100, failed=50), nobody) == "go_on"
    hopeless = judge(measured(runs=100, failed=90), nobody, RULES, left_s=100.0)
    assert (hopeless.move, hopeless.why) == (
        "roll_back",
        "90 of 100 runs failed, and there are too few others to compare with",
    )
    assert move(measured(runs=100, failed=90), measured(runs=100, failed=95)) == "promote", "it mends an outage"


def test_a_slower_canary_is_rolled_back() -> None:
    stable = measured(runs=300, seconds=[1.0, 1.2, 0.9, 1.1])
    verdict = judge(measured(runs=40, seconds=[2.0, 2.2, 1.8]), stable, RULES, left_s=100.0)
    assert verdict.move == "roll_back"
    assert verdict.why.startswith("the 95th percentile of runs is 2.")
    assert move(measured(runs=40, seconds=[1.3, 1.4, 1.2]), stable) == "promote", "half as much again is allowed"


def test_a_canary_that_hangs_now_and_then_is_rolled_back() -> None:
    stable = measured(calls=500, seconds=[0.1, 0.12])
    assert move(measured(calls=100, seconds=[*[0.1] * 4, 30.0]), stable) == "roll_back"


def test_milliseconds_are_no_reason_whatever_the_ratio() -> None:
    assert move(measured(calls=300, seconds=[0.012]), measured(calls=900, seconds=[0.002])) == "promote"
    assert move(measured(calls=300, seconds=[0.12]), measured(calls=900, seconds=[0.002])) == "roll_back"


def test_a_dearer_canary_is_rolled_back() -> None:
    stable = measured(runs=300, costs=[0.01, 0.02, 0.03])
    verdict = judge(measured(runs=60, costs=[0.05, 0.06]), stable, RULES, left_s=100.0)
    assert verdict.move == "roll_back"
    assert verdict.why.startswith("a run costs $0.05")
    assert move(measured(runs=60, costs=[0.02, 0.03]), stable) == "promote"
    assert move(measured(runs=60), stable) == "promote", "no price is known"


def test_a_canary_is_judged_by_its_last_minutes_and_by_all_since_it_began() -> None:
    good, bad = measured(runs=60), measured(runs=60, failed=30)
    late = Figures(recent=bad.whole, whole=measured(runs=1000, failed=30).whole)
    assert move(late) == "roll_back", "it broke just now"
    mild = measured(runs=400, failed=32)
    lucky = Figures(recent=good.whole, whole=mild.whole)
    assert move(lucky) == "go_on", "eight points on the whole; a good minute does not promote it"
    quiet = Figures(recent=measured(runs=2).whole, whole=good.whole)
    assert move(quiet, Figures(recent=measured(runs=2).whole, whole=GOOD.whole)) == "promote", "evidence adds up"


def test_a_release_that_serves_all_is_proven_unless_more_fails_than_before() -> None:
    before: Tallies = {"runs": Tally(ended=500, faults={"errors": 10}), "calls": Tally()}
    assert worse_than_before(measured().whole, before, RULES) == ""
    assert worse_than_before(measured(runs=50, failed=2, calls=50).whole, before, RULES) == ""
    assert (
        worse_than_before(measured(runs=50, failed=5).whole, before, RULES) == "5 of 50 runs failed: 10.0% against 2.0%"
    )
    nothing: Tallies = {"runs": Tally(), "calls": Tally()}
    assert worse_than_before(measured(calls=50, failed=20).whole, nothing, RULES) == ""
    assert "too few others" in worse_than_before(measured(calls=50, failed=49).whole, nothing, RULES)


def test_intervals_are_wilsons_and_newcombes() -> None:
    """The figures of table II in Newcombe 1998 are for z = 1.96; with our z they are wider, and inside of 0 and 1."""
    low, high = wilson(0, 20)
    assert low == 0.0
    assert math.isclose(high, 3.3**2 / (20 + 3.3**2))
    assert math.isclose(wilson(20, 20)[0], 1 - high)
    assert wilson(0, 0) == (0.0, 1.0)
    assert surely_more(56, 70, than=48, of=80) < 0.2, "the difference that was seen"
    assert surely_more(560, 700, than=480, of=800) > 0.1
    assert surely_more(0, 0, than=1, of=10) < 0
