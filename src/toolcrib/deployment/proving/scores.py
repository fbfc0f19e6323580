"""`Scores`: what calls and runs of the releases on trial came to, lately and since the trial began."""

import math
from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from toolcrib.core.errors import ArgumentsInvalid, DeadlineExceeded, IterationLimit, RunTimeout
from toolcrib.core.events import Event, RunFinished, ToolFinished
from toolcrib.core.ports import Clock
from toolcrib.core.results import ErrorInfo, RunResult, ToolResult

SCORED: frozenset[type[Event]] = frozenset({ToolFinished, RunFinished})
BUCKET_S = 1.0

Kind = Literal["runs", "calls"]
KINDS: tuple[Kind, ...] = ("runs", "calls")
Fault = Literal["errors", "timeouts", "invalid", "loops"]
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        RunTimeout.code: "timeouts",
        DeadlineExceeded.code: "timeouts",
        ArgumentsInvalid.code: "invalid",
        IterationLimit.code: "loops",
    }
)
"""Errors that are also counted on their own; `errors` are all of them."""
NO_ENDS = frozenset({"cancelled", "run_stopped", "run_cut"})
"""Codes of what ended for no reason of its own: its caller went away, an operator drained, the process ended.

They say nothing of the release, so they are no samples.
"""

GROWTH = 1.1
LOWEST, HIGHEST = -170, 150
"""Each step of a spread is a tenth higher: from 1e-7 to 1.6e6, seconds as well as dollars."""


class _Key(NamedTuple):
    """What is counted: runs or calls, which figure of them, and for spreads the step."""

    kind: Kind
    figure: str
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How measured values are spread, in steps of a tenth: so many in each step.

    Steps that grow by a constant factor give quantiles of the same relative accuracy wherever the values lie, here 5 %
    (C. Masson, J. Rim, H. Lee: DDSketch, VLDB 2019).
    """

    steps: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many values."""
        return sum(self.steps.values())

    @property
    def mean(self) -> float:
        """The mean; 0 without values."""
        return sum(_value(step) * count for step, count in self.steps.items()) / max(1, self.count)

    def quantile(self, share: float) -> float:
        """The value that this share of the values does not exceed; 0 without values."""
        rank = math.ceil(share * self.count)
        for step in sorted(self.steps):
            rank -= self.steps[step]
            if rank <= 0:
                return _value(step)
        return 0.0

    def above(self, bound: float) -> int:
        """How many values are above the bound."""
        return sum(count for step, count in self.steps.items() if _value(step) > bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What runs, or calls, came to.

    Attributes:
        ended: how many ended; cancelled ones are left out.
        faults: how many of them failed (`errors`), and how: `timeouts`, `invalid` arguments, `loops`.
        seconds: how long they took; calls that were answered from a cache or did not reach their tool are left out.
        cost_usd: what they cost, where that is known.
    """

    ended: int = 0
    faults: Mapping[Fault, int] = field(default_factory=dict)
    seconds: Spread = Spread()
    cost_usd: Spread = Spread()

    def rate(self, fault: Fault) -> float:
        """Share of those that ended so; 0 when none has ended."""
        return self.faults.get(fault, 0) / max(1, self.ended)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON-ready mapping; what nothing is known of is None."""
        return {
            "ended": self.ended,
            "errors": self.faults.get("errors", 0),
            **{fault: self.faults.get(fault, 0) for fault in FAULTS.values()},
            "p95_s": self.seconds.quantile(0.95) if self.seconds.count else None,
            "cost_usd": self.cost_usd.mean if self.cost_usd.count else None,
        }


Tallies = Mapping[Kind, Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a release did: in the window that ends now (`recent`), and since its trial began (`whole`)."""

    recent: Tallies = field(default_factory=lambda: _tallies(Counter()))
    whole: Tallies = field(default_factory=lambda: _tallies(Counter()))


class Scores:
    """The figures of the releases on trial. `hear` is a direct hook of the event hub; without a trial it does nothing.

    Memory is bounded: one bucket a second of the window and release, each with at most one number for each figure and
    step.
    """

    def __init__(self, *, clock: Clock, window_s: float) -> None:
        self._clock = clock
        self._window_s = window_s
        self._trial = ""
        self._releases: dict[str, _Score] = {}

    def begin(self, trial: str, releases: Collection[str]) -> None:
        """Count for these releases, by id, and for no other; from zero, unless this trial is what goes on already."""
        if trial != self._trial:
            self._trial = trial
            self._releases = {release: _Score() for release in releases}

    def hear(self, event: Event) -> None:
        """Count one event of a kind in `SCORED`."""
        if self._releases and isinstance(event, ToolFinished | RunFinished):
            score = self._releases.get(event.result.release)
            if score is not None and (keys := _keys(event.result)):
                score.add(keys, self._clock.monotonic(), self._window_s)

    def figures(self, release: str) -> Figures:
        """What the release did; nothing, when it is not on trial."""
        score = self._releases.get(release)
        if score is None:
            return Figures()
        score.forget(self._clock.monotonic() - self._window_s)
        return Figures(recent=_tallies(score.recent), whole=_tallies(score.whole))


class _Score:
    """Counts of one release: by second, over the window, over all."""

    def __init__(self) -> None:
        self.recent: Counter[_Key] = Counter()
        self.whole: Counter[_Key] = Counter()
        self._buckets: deque[tuple[float, Counter[_Key]]] = deque()

    def add(self, keys: list[_Key], now: float, window_s: float) -> None:
        begins = now // BUCKET_S * BUCKET_S
        if not self._buckets or self._buckets[-1][0] != begins:
            self.forget(now - window_s)
            self._buckets.append((begins, Counter()))
        for counts in (self._buckets[-1][1], self.recent, self.whole):
            for key in keys:  # of two or three keys `update` counts three times as slowly
                counts[key] += 1

    def forget(self, before: float) -> None:
        """Take the buckets that were over by then out of the window."""
        while self._buckets and self._buckets[0][0] + BUCKET_S <= before:
            self.recent -= self._buckets.popleft()[1]  # drops what comes to nothing


def _keys(result: ToolResult | RunResult) -> list[_Key]:
    """What one end counts as; nothing, when somebody else ended it."""
    kind: Kind = "runs" if isinstance(result, RunResult) else "calls"
    if result.error is not None and result.error.code in NO_ENDS:
        return []
    keys = [_Key(kind, "ended"), *_faults(kind, result.error)]
    if isinstance(result, RunResult):
        if not result.from_cache:
            keys.append(_Key(kind, "seconds", _step(result.execution_time_s)))
        if result.cost_usd is not None:
            keys.append(_Key(kind, "cost_usd", _step(float(result.cost_usd))))
    elif result.attempts and not result.cached and not result.journaled:
        keys.append(_Key(kind, "seconds", _step(result.duration_s)))
    return keys


def _faults(kind: Kind, error: ErrorInfo | None) -> list[_Key]:
    if error is None:
        return []
    more = FAULTS.get(error.code)
    return [_Key(kind, "errors"), *([_Key(kind, more)] if more else [])]


def _step(value: float) -> int:
    """The step a value lies in; all that is next to nothing shares the lowest."""
    return LOWEST if value <= 0 else min(HIGHEST, max(LOWEST, math.ceil(math.log(value, GROWTH))))


def _value(step: int) -> float:
    """What stands for the values of a step: its middle."""
    return 0.0 if step == LOWEST else float(GROWTH ** (step - 0.5))


def _tallies(counts: Counter[_Key]) -> Tallies:
    return {kind: _tally(kind, counts) for kind in KINDS}


def _tally(kind: Kind, counts: Counter[_Key]) -> Tally:
    figures: dict[str, dict[int, int]] = {}
    for key, count in counts.items():
        if key.kind == kind:
            figures.setdefault(key.figure, {})[key.step] = count
    faults: tuple[Fault, ...] = ("errors", *FAULTS.values())
    return Tally(
        ended=figures.get("ended", {}).get(0, 0),
        faults={fault: figures[fault][0] for fault in faults if fault in figures},
        seconds=Spread(steps=figures.get("seconds", {})),
        cost_usd=Spread(steps=figures.get("cost_usd", {})),
    )
