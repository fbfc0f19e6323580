"""The adaptive limit, on calls whose latency the test decides."""

from dataclasses import dataclass

import pytest

from toolcrib.execution.state.adaptive import FIRST_LIMIT, AdaptiveLimit, Outcome


@dataclass
class Load:
    """A tool under as many calls as the limit allows: it bears `capacity` at once, then each takes longer."""

    limit: AdaptiveLimit
    capacity: int = 8
    base_s: float = 1.0
    now: float = 0.0

    def run(self, rounds: int, *, running: int | None = None) -> list[int]:
        """The limit after each round of calls."""
        seen = []
        for _ in range(rounds):
            at_once = running or self.limit.limit
            ended = self.now + self.base_s * max(1.0, at_once / self.capacity)
            for _ in range(at_once):
                self.limit.learn(began=self.now, ended=ended, running=at_once, outcome="answered")
            self.now = ended
            seen.append(self.limit.limit)
        return seen


def learnt(*, limit: int = 64, tolerance: float = 2.0) -> AdaptiveLimit:
    """A limit that has seen one call of a second, and stands at its first value."""
    adaptive = AdaptiveLimit(most=limit, tolerance=tolerance)
    adaptive.learn(began=0.0, ended=1.0, running=1, outcome="answered")
    return adaptive


def call(
    adaptive: AdaptiveLimit, took_s: float, *, began: float = 10.0, outcome: Outcome = "answered", running: int = 0
) -> int:
    adaptive.learn(began=began, ended=began + took_s, running=running or adaptive.limit, outcome=outcome)
    return adaptive.limit


@pytest.mark.parametrize(("most", "first"), [(1, 1), (2, 2), (16, FIRST_LIMIT)])
def test_it_begins_low_and_never_above_its_bound(most: int, first: int) -> None:
    assert AdaptiveLimit(most=most, tolerance=2.0).limit == first


def test_quick_calls_at_the_limit_raise_it_up_to_its_bound() -> None:
    adaptive = learnt(limit=7)
    assert [call(adaptive, 1.0) for _ in range(5)] == [5, 6, 7, 7, 7]


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    adaptive = learnt()
    assert [call(adaptive, 1.0, running=FIRST_LIMIT - 1) for _ in range(50)] == [FIRST_LIMIT] * 50


def test_a_slow_call_cuts_the_limit_by_a_tenth() -> None:
    adaptive = learnt(limit=20)
    for _ in range(16):
        call(adaptive, 1.0)
    assert adaptive.limit == 20
    assert call(adaptive, 1.99, began=50.0) == 20
    assert call(adaptive, 2.01, began=50.0) == 18


def test_the_limit_is_cut_once_for_all_calls_of_a_round() -> None:
    adaptive = learnt(limit=20)
    for _ in range(16):
        call(adaptive, 1.0)
    assert [call(adaptive, 5.0, began=50.0) for _ in range(20)] == [18] * 20
    assert call(adaptive, 5.0, began=55.0) == 16


def test_after_the_first_cut_it_takes_a_round_of_quick_calls_for_one_more() -> None:
    adaptive = learnt()
    call(adaptive, 5.0)
    assert adaptive.limit == 3
    assert [call(adaptive, 1.0, began=20.0) for _ in range(5)] == [3, 3, 3, 4, 4]


def test_the_tolerance_says_what_is_slow() -> None:
    adaptive = learnt(tolerance=4.0)
    assert call(adaptive, 3.9) == FIRST_LIMIT + 1
    assert call(adaptive, 4.5) == FIRST_LIMIT


def test_it_never_falls_below_one() -> None:
    adaptive = learnt()
    for number in range(60):
        call(adaptive, 3.0**number, began=4.0**number, outcome="timed_out")
    assert adaptive.limit == 1


def test_a_timeout_cuts_unless_the_call_had_less_than_its_usual_time() -> None:
    adaptive = learnt()
    assert call(adaptive, 0.5, outcome="timed_out") == FIRST_LIMIT
    assert call(adaptive, 1.0, outcome="timed_out") == FIRST_LIMIT - 1
    fresh = AdaptiveLimit(most=16, tolerance=2.0)
    assert call(fresh, 9.0, outcome="timed_out") == FIRST_LIMIT - 1
    assert fresh.usual_s is None


def test_calls_that_fail_early_teach_nothing() -> None:
    adaptive = learnt()
    for _ in range(100):
        call(adaptive, 0.001, outcome="other")
    assert (adaptive.limit, adaptive.usual_s) == (FIRST_LIMIT, 1.0)


def test_it_settles_where_calls_take_as_long_as_is_tolerated() -> None:
    settled = Load(AdaptiveLimit(most=200, tolerance=2.0)).run(400)[100:]
    assert min(settled) >= 12
    assert max(settled) <= 18


def test_long_overload_does_not_become_usual() -> None:
    load = Load(AdaptiveLimit(most=200, tolerance=2.0))
    load.run(5_000)
    assert load.limit.usual_s is not None
    assert load.limit.usual_s < 1.1


def test_a_tool_that_became_slower_for_good_gets_its_limit_back() -> None:
    load = Load(AdaptiveLimit(most=200, tolerance=2.0))
    load.run(200)
    load.base_s = 10.0
    seen = load.run(400)
    assert min(seen) == 1
    assert seen[-1] >= load.capacity


def test_a_lower_bound_cuts_at_once_and_a_higher_one_leaves_room_to_grow() -> None:
    adaptive = learnt(limit=8)
    for _ in range(4):
        call(adaptive, 1.0)
    adaptive.resize(most=3, tolerance=2.0)
    assert adaptive.limit == 3
    adaptive.resize(most=5, tolerance=2.0)
    assert [call(adaptive, 1.0) for _ in range(3)] == [4, 5, 5]
