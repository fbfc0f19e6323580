"""What is counted of a release on trial, for how long, and in how much memory."""

import math
import tracemalloc

import pytest

from tests.unit.deployment.proving.sides import a_call, a_run
from toolcrib.core.errors import ArgumentsInvalid, DeadlineExceeded, IterationLimit, RunTimeout, ToolFailed
from toolcrib.core.events import Event, RunStarted
from toolcrib.deployment.proving.scores import Scores, Spread
from toolcrib.testing import FakeClock


def scores(clock: FakeClock | None = None, window_s: float = 300.0) -> Scores:
    made = Scores(clock=clock or FakeClock(), window_s=window_s)
    made.begin("trial", ("r-1", "r-2"))
    return made


def test_ends_are_counted_for_the_release_that_served_them() -> None:
    mine = scores()
    for event in (
        a_run("r-1"),
        a_run("r-1", RunTimeout.code),
        a_run("r-2"),
        a_call("r-2", ToolFailed.code),
        a_run("r-3"),
    ):
        mine.hear(event)
    one, two = mine.figures("r-1").whole, mine.figures("r-2").whole
    assert (one["runs"].ended, dict(one["runs"].faults), one["calls"].ended) == (2, {"errors": 1, "timeouts": 1}, 0)
    assert (two["runs"].ended, dict(two["runs"].faults)) == (1, {})
    assert (two["calls"].ended, dict(two["calls"].faults)) == (1, {"errors": 1})
    assert mine.figures("r-3").whole["runs"].ended == 0, "it is not on trial"


@pytest.mark.parametrize(
    ("event", "kind", "fault"),
    [
        (a_run(code=RunTimeout.code), "runs", "timeouts"),
        (a_run(code=IterationLimit.code), "runs", "loops"),
        (a_call(code=DeadlineExceeded.code), "calls", "timeouts"),
        (a_call(code=ArgumentsInvalid.code, attempts=0), "calls", "invalid"),
    ],
)
def test_some_failures_are_also_counted_by_their_kind(event: Event, kind: str, fault: str) -> None:
    mine = scores()
    mine.hear(event)
    told = mine.figures("r-1").whole[kind].to_dict()  # type: ignore[index]  # a parameter
    others = {"timeouts", "loops", "invalid"} - {fault}
    assert (told["ended"], told["errors"], told[fault]) == (1, 1, 1)
    assert {told[other] for other in others} == {0}


def test_what_its_caller_cancelled_says_nothing() -> None:
    mine = scores()
    mine.hear(a_run(code="cancelled"))
    mine.hear(a_call(code="cancelled"))
    assert [tally.ended for tally in mine.figures("r-1").whole.values()] == [0, 0]


def test_only_calls_that_reached_their_tool_and_runs_that_ran_are_timed() -> None:
    mine = scores()
    for event in (
        a_call(cached=True),
        a_call(journaled=True),
        a_call(code=ArgumentsInvalid.code, attempts=0),
        a_run(from_cache=True),
    ):
        mine.hear(event)
    told = mine.figures("r-1").whole
    assert [(tally.ended, tally.seconds.count) for tally in (told["calls"], told["runs"])] == [(3, 0), (1, 0)]
    assert told["calls"].to_dict()["p95_s"] is None


def test_the_window_forgets_and_the_whole_does_not() -> None:
    clock = FakeClock()
    mine = scores(clock, window_s=10)
    mine.hear(a_run())
    clock.advance(6)
    mine.hear(a_run(code=RunTimeout.code))
    assert mine.figures("r-1").recent["runs"].ended == 2
    clock.advance(5)
    recent = mine.figures("r-1").recent["runs"]
    assert (recent.ended, recent.faults["errors"], recent.seconds.count) == (1, 1, 1)
    clock.advance(100)
    told = mine.figures("r-1")
    assert (told.recent["runs"].ended, told.whole["runs"].ended) == (0, 2)


def test_a_new_trial_begins_from_zero_and_the_same_one_goes_on() -> None:
    mine = scores()
    mine.hear(a_run())
    mine.begin("trial", ("r-1", "r-2"))
    assert mine.figures("r-1").whole["runs"].ended == 1
    mine.begin("another", ("r-1",))
    assert mine.figures("r-1").whole["runs"].ended == 0


def test_without_a_trial_nothing_is_kept() -> None:
    mine = scores()
    mine.begin("", ())
    for _ in range(100):
        mine.hear(a_run())
    assert mine.figures("r-1").whole["runs"].ended == 0


def test_other_events_are_none_of_its_business() -> None:
    mine = scores()
    mine.hear(RunStarted(run_id="1", thread_id="t", agent="a", release="r-1"))
    assert mine.figures("r-1").whole["runs"].ended == 0


def test_memory_has_an_end_however_much_happens() -> None:
    clock = FakeClock()
    mine = scores(clock, window_s=60)

    def an_hour() -> None:
        for number in range(3600):
            clock.advance(1)
            mine.hear(a_run(seconds=0.001 * (1 + number % 500), cost_usd=0.001 * (1 + number % 99)))

    an_hour()
    tracemalloc.start()
    try:
        an_hour()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3):
            an_hour()
        assert tracemalloc.get_traced_memory()[0] - before < 50_000
    finally:
        tracemalloc.stop()
    assert mine.figures("r-1").recent["runs"].ended <= 61


@pytest.mark.parametrize("value", [1e-9, 0.001, 0.1, 1.0, 7.3, 900.0])
def test_a_spread_knows_its_values_to_five_percent(value: float) -> None:
    mine = scores()
    for _ in range(20):
        mine.hear(a_run(seconds=value))
    spread = mine.figures("r-1").whole["runs"].seconds
    assert math.isclose(spread.quantile(0.95), value, rel_tol=0.051, abs_tol=1e-7)
    assert math.isclose(spread.mean, value, rel_tol=0.051, abs_tol=1e-7)
    assert (spread.above(value * 1.2), spread.above(value / 1.2 - 1e-6)) == (0, 20)


def test_a_quantile_is_the_value_that_so_many_do_not_exceed() -> None:
    mine = scores()
    for number in range(100):
        mine.hear(a_run(seconds=10.0 if number < 6 else 1.0))
    spread = mine.figures("r-1").whole["runs"].seconds
    assert spread.quantile(0.95) > 9
    assert spread.quantile(0.94) < 1.1
    assert (Spread().quantile(0.95), Spread().mean) == (0.0, 0.0)


def test_nothing_costs_nothing() -> None:
    mine = scores()
    mine.hear(a_run(cost_usd=0.0, seconds=0.0))
    told = mine.figures("r-1").whole["runs"].to_dict()
    assert (told["cost_usd"], told["p95_s"]) == (0.0, 0.0)
