"""Bulkheads by key: whose terms hold while two releases serve, what is remembered, and when it is let go."""

import pytest

from toolcrib.core.policies import Concurrency
from toolcrib.execution.state.adaptive import FIRST_LIMIT
from toolcrib.execution.state.gate import GateState
from toolcrib.execution.state.gates import GUESS_S, Bulkhead, GateKey, Gates, Terms

pytestmark = pytest.mark.anyio
KEY = GateKey("report")


def begin(gates: Gates, terms: Terms, key: GateKey = KEY) -> Bulkhead:
    """A call that runs."""
    bulkhead = gates.enter(key, terms)
    assert bulkhead.gate.take()
    return bulkhead


def end(bulkhead: Bulkhead, terms: Terms, took_s: float = 1.0) -> None:
    bulkhead.finish(terms, began=0.0, ended=took_s, outcome="answered")


def test_each_key_has_one_gate_that_all_chains_share() -> None:
    gates = Gates()
    old, new = gates.terms(Concurrency(limit=4)), gates.terms(Concurrency(limit=4))
    begin(gates, old)
    begin(gates, new)
    begin(gates, new, GateKey("report", "t-1"))
    assert gates.snapshot() == {
        GateKey("report"): GateState(running=2, waiting=0, limit=4),
        GateKey("report", "t-1"): GateState(running=1, waiting=0, limit=4),
    }


def test_the_snapshot_is_a_value_of_its_own() -> None:
    gates = Gates()
    terms = gates.terms(Concurrency(limit=1))
    before = gates.snapshot()
    begin(gates, terms)
    assert before == {}


def test_the_limits_of_a_newer_release_take_effect_with_its_first_call() -> None:
    gates = Gates()
    old, new = gates.terms(Concurrency(limit=2, queue=3)), gates.terms(Concurrency(limit=5, queue=7))
    bulkhead = begin(gates, old)
    assert (bulkhead.gate.limit, bulkhead.gate.queue) == (2, 3)
    assert begin(gates, new) is bulkhead
    assert (bulkhead.gate.limit, bulkhead.gate.queue) == (5, 7)


def test_calls_of_the_older_release_do_not_bring_its_limits_back_while_the_newer_has_calls() -> None:
    gates = Gates()
    old, new = gates.terms(Concurrency(limit=2)), gates.terms(Concurrency(limit=5))
    bulkhead = begin(gates, new)
    begin(gates, old)
    assert bulkhead.gate.limit == 5


def test_after_a_roll_back_the_older_limits_return_although_the_gate_is_never_idle() -> None:
    gates = Gates()
    good, bad = gates.terms(Concurrency(limit=8)), gates.terms(Concurrency(limit=1))
    bulkhead = begin(gates, bad)
    gates.enter(KEY, good)
    assert (bulkhead.gate.limit, bulkhead.is_idle) == (1, False)
    end(bulkhead, bad)
    assert not bulkhead.is_idle
    gates.enter(KEY, good)
    assert bulkhead.gate.limit == 8


def test_a_call_that_only_waited_counts_for_its_release_too() -> None:
    gates = Gates()
    old, new = gates.terms(Concurrency(limit=8)), gates.terms(Concurrency(limit=1))
    bulkhead = gates.enter(KEY, new)
    gates.enter(KEY, old)
    assert bulkhead.gate.limit == 1
    bulkhead.leave(new)
    bulkhead.leave(old)
    assert bulkhead.is_idle
    gates.enter(KEY, old)
    assert bulkhead.gate.limit == 8


def test_idle_gates_go_when_there_are_too_many_and_busy_ones_stay() -> None:
    gates = Gates(keep=10)
    terms = gates.terms(Concurrency(by="tenant"))
    busy = begin(gates, terms, GateKey("report", "busy"))
    for number in range(1_000):
        key = GateKey("report", f"t-{number}")
        end(begin(gates, terms, key), terms)
        assert len(gates.snapshot()) <= 10
    assert gates.enter(GateKey("report", "busy"), terms) is busy


def test_more_busy_gates_than_are_kept_are_all_kept() -> None:
    gates = Gates(keep=2)
    terms = gates.terms(Concurrency())
    busy = [begin(gates, terms, GateKey("report", str(number))) for number in range(20)]
    assert len(gates.snapshot()) == 20
    for one in busy:
        end(one, terms)
    for number in range(100):
        end(begin(gates, terms, GateKey("other", str(number))), terms)
    assert len(gates.snapshot()) <= 42


async def test_the_time_to_wait_follows_from_recent_calls_and_the_length_of_the_line() -> None:
    gates = Gates()
    terms = gates.terms(Concurrency(limit=2))
    bulkhead = begin(gates, terms)
    assert bulkhead.free_in_s() == GUESS_S / 2
    end(bulkhead, terms, took_s=6.0)
    assert bulkhead.free_in_s() == 3.0
    end(begin(gates, terms), terms, took_s=16.0)
    assert bulkhead.free_in_s() == pytest.approx(3.5)
    bulkhead.gate.waiting = 3
    assert bulkhead.free_in_s() == pytest.approx(14.0)


def test_an_adaptive_limit_begins_low_and_moves_the_gate() -> None:
    gates = Gates()
    terms = gates.terms(Concurrency(limit=50, adaptive=True))
    calls = [begin(gates, terms) for _ in range(FIRST_LIMIT)]
    assert calls[0].gate.limit == FIRST_LIMIT
    for bulkhead in calls:
        end(bulkhead, terms)
    assert calls[0].gate.limit == FIRST_LIMIT + 1


def test_what_an_adaptive_limit_learnt_outlives_a_release() -> None:
    gates = Gates()
    old, new = (gates.terms(Concurrency(limit=50, adaptive=True)) for _ in range(2))
    calls = [begin(gates, old) for _ in range(FIRST_LIMIT)]
    for bulkhead in calls:
        end(bulkhead, old)
    assert gates.enter(KEY, new).gate.limit == FIRST_LIMIT + 1
    fixed, lower = gates.terms(Concurrency(limit=50)), gates.terms(Concurrency(limit=3, adaptive=True))
    assert gates.enter(KEY, fixed).gate.limit == 50
    assert gates.enter(KEY, lower).gate.limit == 3
