"""Tallies: what is counted of each variant."""

import pytest

from toolcrib.core.experiments.arms import Arm
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.observability.experiments import LATEST, MAX_ARMS, Tallies

A, B = Arm("e", "a"), Arm("e", "b")


def test_calls_and_runs_are_counted_for_each_of_their_variants() -> None:
    tallies = Tallies()
    for milliseconds in range(1, 101):
        tallies.call(ToolResult(ok=milliseconds > 25, duration_s=milliseconds / 1000, variants=(A,)))
    tallies.run(RunResult(output="", success=True, execution_time_s=2.0, variants=(A, B)))
    tallies.run(RunResult(output="", success=True, interrupts=("who?",), variants=(A,)))
    told = tallies.of(A)
    assert told["calls"] == {
        "count": 100,
        "failed": 25,
        "success": 0.75,
        "mean_s": pytest.approx(0.0505),
        "p50_s": 0.05,
        "p95_s": 0.095,
    }
    assert told["runs"] == tallies.of(B)["runs"]
    assert told["runs"]["count"] == 1
    assert tallies.of(B)["calls"] == {
        "count": 0,
        "failed": 0,
        "success": None,
        "mean_s": None,
        "p50_s": None,
        "p95_s": None,
    }


def test_what_is_kept_has_an_end() -> None:
    tallies = Tallies()
    for number in range(MAX_ARMS + 5):
        tallies.call(ToolResult(ok=True, duration_s=1.0, variants=(Arm("e", str(number)),)))
    assert [tallies.of(Arm("e", str(number)))["calls"]["count"] for number in (0, MAX_ARMS)] == [1, 0]
    for _ in range(LATEST):
        tallies.call(ToolResult(ok=True, duration_s=3.0, variants=(Arm("e", "0"),)))
    calls = tallies.of(Arm("e", "0"))["calls"]
    assert (calls["count"], calls["mean_s"]) == (LATEST + 1, 3.0)
