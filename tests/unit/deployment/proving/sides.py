"""Figures made of words: so many runs and calls, so many of them failed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from toolcrib.core.errors import RunFailed, ToolFailed
from toolcrib.core.events import RunFinished, ToolFinished
from toolcrib.core.results import ErrorInfo, RunResult, ToolResult
from toolcrib.deployment.proving.scores import Fault, Figures, Kind, Scores, Tallies, Tally
from toolcrib.testing import FakeClock


def a_run(
    release: str = "r-1",
    code: str = "",
    seconds: float = 0.1,
    *,
    cost_usd: float | None = None,
    from_cache: bool = False,
) -> RunFinished:
    error = ErrorInfo(code=code, message="it broke") if code else None
    result = RunResult(
        output=None,
        success=not code,
        error=error,
        execution_time_s=seconds,
        cost_usd=None if cost_usd is None else Decimal(str(cost_usd)),
        from_cache=from_cache,
        release=release,
    )
    return RunFinished(result=result, agent="a")


def a_call(
    release: str = "r-1",
    code: str = "",
    seconds: float = 0.1,
    *,
    attempts: int = 1,
    cached: bool = False,
    journaled: bool = False,
) -> ToolFinished:
    error = ErrorInfo(code=code, message="it broke") if code else None
    result = ToolResult(
        ok=not code,
        error=error,
        attempts=attempts,
        duration_s=seconds,
        cached=cached,
        journaled=journaled,
        tool="t",
        release=release,
    )
    return ToolFinished(result=result)


def measured(
    *, runs: int = 0, calls: int = 0, failed: int = 0, seconds: Sequence[float] = (), costs: Sequence[float] = ()
) -> Figures:
    """Figures of a release that all happened just now; `failed` of the runs and of the calls failed."""
    clock = FakeClock()
    scores = Scores(clock=clock, window_s=300)
    scores.begin("trial", ("r-1",))
    for number in range(runs):
        took = seconds[number % len(seconds)] if seconds else 0.1
        cost = costs[number % len(costs)] if costs else None
        scores.hear(a_run(code=RunFailed.code if number < failed else "", seconds=took, cost_usd=cost))
    for number in range(calls):
        took = seconds[number % len(seconds)] if seconds else 0.1
        scores.hear(a_call(code=ToolFailed.code if number < failed else "", seconds=took))
    return scores.figures("r-1")


def with_faults(ended: int, faults: Mapping[Fault, int], kind: Kind = "runs") -> Figures:
    """Figures with faults of certain kinds."""
    mine, nothing = Tally(ended=ended, faults=faults), Tally()
    tallies: Tallies = {"runs": mine, "calls": nothing} if kind == "runs" else {"runs": nothing, "calls": mine}
    return Figures(recent=tallies, whole=tallies)
