"""`Tallies`: how the variants of experiments do in this process, counted from the ends of calls and runs."""

from collections import deque
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from toolcrib.core.experiments.arms import Arm
from toolcrib.core.results import RunResult, ToolResult

MAX_ARMS = 1_000
LATEST = 1_000
"""So many durations of each variant are kept, the newest."""


class Tallies:
    """Counts by variant since the process began. Variants beyond 1,000 are not counted."""

    def __init__(self) -> None:
        self._tallies: dict[Arm, _Tally] = {}

    def call(self, result: ToolResult) -> None:
        """Count a call that ended."""
        for arm in result.variants:
            if tally := self._of(arm):
                tally.calls.add(result.ok, result.duration_s)

    def run(self, result: RunResult) -> None:
        """Count a run that ended; one that waits for a person has not."""
        for arm in () if result.interrupts else result.variants:
            if tally := self._of(arm):
                tally.runs.add(result.success, result.execution_time_s)

    def of(self, arm: Arm) -> Mapping[str, Any]:
        """What was counted, as JSON-ready mapping; the same shape with zeros where nothing was."""
        return (self._tallies.get(arm) or _Tally()).to_dict()

    def _of(self, arm: Arm) -> "_Tally | None":
        tally = self._tallies.get(arm)
        if tally is None and len(self._tallies) < MAX_ARMS:
            tally = self._tallies[arm] = _Tally()
        return tally


class _Tally:
    """One variant."""

    def __init__(self) -> None:
        self.calls = _Ends()
        self.runs = _Ends()

    def to_dict(self) -> dict[str, Any]:
        return {"calls": self.calls.to_dict(), "runs": self.runs.to_dict()}


class _Ends:
    """How often something ended, how often well, and how long it took."""

    def __init__(self) -> None:
        self._count = 0
        self._failed = 0
        self._durations: deque[float] = deque(maxlen=LATEST)

    def add(self, good: bool, duration_s: float) -> None:
        self._count += 1
        self._failed += not good
        self._durations.append(duration_s)

    def to_dict(self) -> dict[str, Any]:
        """`success` is a share from 0 to 1; it and the times are null before the first end."""
        times = sorted(self._durations)
        return {
            "count": self._count,
            "failed": self._failed,
            "success": (self._count - self._failed) / self._count if self._count else None,
            "mean_s": fmean(times) if times else None,
            "p50_s": _percentile(times, 0.50),
            "p95_s": _percentile(times, 0.95),
        }


def _percentile(times: list[float], share: float) -> float | None:
    """The smallest time that at least this share of all do not exceed (nearest rank)."""
    return times[max(0, -(-len(times) * round(share * 100) // 100) - 1)] if times else None
