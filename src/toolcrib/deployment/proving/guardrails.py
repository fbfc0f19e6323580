"""Guardrails: whether a canary may go on, serve all, or must go; a pure judgement of figures.

A canary is compared with the stable release over the same stretch of time: the window, and all since it began. What is
compared are shares: of runs or calls that failed, that timed out, that are slower or dearer than the stable release
allows. A difference is *seen* when it is beyond its bound in the samples, and *sure* when it is so by Newcombe's
interval (see `proportions`). A canary is rolled back for what is sure, and promoted when nothing is even seen; in
between it goes on, and more samples decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from toolcrib.core.settings import CanarySettings
from toolcrib.deployment.proving.proportions import surely_more, wilson
from toolcrib.deployment.proving.scores import KINDS, Fault, Figures, Kind, Spread, Tallies, Tally

LATENCY_NOISE_S = 0.05
"""Below this, slower is not worth a word, whatever the ratio."""
TAIL = 0.05
"""What may lie above a 95th percentile."""
HOPELESS = 0.5
"""Where nothing can be compared, a canary is rolled back when surely more than this share fails."""

FAULT_WORDS: tuple[tuple[Kind, Fault, str], ...] = (
    ("runs", "errors", "runs failed"),
    ("runs", "timeouts", "runs timed out"),
    ("runs", "loops", "runs hit their iteration limit"),
    ("calls", "errors", "tool calls failed"),
    ("calls", "timeouts", "tool calls timed out"),
    ("calls", "invalid", "tool calls had invalid arguments"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done with a canary, and why."""

    move: Literal["go_on", "promote", "roll_back"]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worse:
    """One figure that is beyond its bound in the samples; `sure` when chance hardly explains it."""

    why: str
    sure: bool


def judge(canary: Figures, stable: Figures, rules: CanarySettings, *, left_s: float) -> Verdict:
    """What is to be done with a canary of which `left_s` seconds of its bake time are left.

    It is promoted when its bake time is over, runs or calls of both sides are enough to compare, and nothing is worse.
    A canary without enough samples goes on for as long as it takes: nobody has seen yet that it works.
    """
    pairs = (canary.recent, stable.recent), (canary.whole, stable.whole)
    worse = [one for mine, other in pairs for one in _compare(mine, other, rules)]
    worse += _hopeless(canary.whole, stable.whole, rules)
    if sure := [one.why for one in worse if one.sure]:
        return Verdict(move="roll_back", why=_together(sure))
    if left_s > 0:
        return Verdict(move="go_on", why=f"{left_s:.0f} s of its bake time are left")
    if lacking := _lacking(canary.whole, stable.whole, rules.min_samples):
        return Verdict(move="go_on", why=lacking)
    if worse:
        return Verdict(move="go_on", why=f"not sure yet: {_together([one.why for one in worse])}")
    seen = ", ".join(f"{canary.whole[kind].ended} {_noun(kind)}" for kind in KINDS if canary.whole[kind].ended)
    return Verdict(move="promote", why=f"{seen}, and nothing is worse than on the stable release")


def worse_than_before(now: Tallies, before: Tallies, rules: CanarySettings) -> str:
    """Why a release that serves all is not taken for proven: more of its runs or calls fail than before. Or empty."""
    worse = [*_compare(now, before, rules, rates_only=True), *_hopeless(now, before, rules)]
    return _together([one.why for one in worse])


def _compare(mine: Tallies, other: Tallies, rules: CanarySettings, *, rates_only: bool = False) -> Iterator[_Worse]:
    """Everything that is worse, where there are samples enough on both sides."""
    for kind, fault, words in FAULT_WORDS:
        if _enough(kind, mine, other, rules.min_samples):
            yield from _more_faults(mine[kind], other[kind], fault, words, rules.max_error_rate_increase)
    for kind in () if rates_only else KINDS:
        if _enough(kind, mine, other, rules.min_samples):
            yield from _slower(mine[kind].seconds, other[kind].seconds, _noun(kind), rules)
            yield from _dearer(mine[kind].cost_usd, other[kind].cost_usd, rules)


def _more_faults(mine: Tally, other: Tally, fault: Fault, words: str, allowed: float) -> Iterator[_Worse]:
    if mine.rate(fault) - other.rate(fault) > allowed:
        part, than = mine.faults.get(fault, 0), other.faults.get(fault, 0)
        sure = surely_more(part, mine.ended, than=than, of=other.ended) > allowed
        why = f"{part} of {mine.ended} {words}: {mine.rate(fault):.1%} against {other.rate(fault):.1%}"
        yield _Worse(why=why, sure=sure)


def _slower(mine: Spread, other: Spread, noun: str, rules: CanarySettings) -> Iterator[_Worse]:
    """The 95th percentile is beyond its bound; surely, when surely more than one in twenty are, and more than there.

    That needs fewer samples than an interval of the percentile itself, which 20 samples do not have.
    """
    if min(mine.count, other.count) < rules.min_samples:
        return
    now, usual = mine.quantile(1 - TAIL), other.quantile(1 - TAIL)
    bound = max(usual * rules.max_latency_ratio, usual + LATENCY_NOISE_S)
    if now > bound:
        part, than = mine.above(bound), other.above(bound)
        sure = wilson(part, mine.count)[0] > TAIL and surely_more(part, mine.count, than=than, of=other.count) > 0
        yield _Worse(why=f"the 95th percentile of {noun} is {now:.3g} s against {usual:.3g} s", sure=sure)


def _dearer(mine: Spread, other: Spread, rules: CanarySettings) -> Iterator[_Worse]:
    if min(mine.count, other.count) < rules.min_samples:
        return
    bound = other.mean * rules.max_cost_ratio
    if mine.mean > bound:
        more = surely_more(mine.above(bound), mine.count, than=other.above(bound), of=other.count)
        yield _Worse(why=f"a run costs ${mine.mean:.3g} against ${other.mean:.3g}", sure=more > TAIL)


def _hopeless(mine: Tallies, other: Tallies, rules: CanarySettings) -> Iterator[_Worse]:
    """What surely fails more often than not, where there is nothing to compare it with."""
    for kind in KINDS:
        tally = mine[kind]
        if tally.ended >= rules.min_samples > other[kind].ended:
            failed = tally.faults.get("errors", 0)
            if wilson(failed, tally.ended)[0] > HOPELESS:
                why = f"{failed} of {tally.ended} {_noun(kind)} failed, and there are too few others to compare with"
                yield _Worse(why=why, sure=True)


def _lacking(mine: Tallies, other: Tallies, least: int) -> str:
    """Which samples are still lacking: of runs; where hardly any end on the stable release, of calls."""
    kind = next((kind for kind in KINDS if other[kind].ended >= least), None)
    if kind is None:
        return f"too few runs and calls end on the stable release to compare with; {least} of either are needed"
    return "" if mine[kind].ended >= least else f"waits for samples: {mine[kind].ended} of {least} {_noun(kind)}"


def _enough(kind: Kind, mine: Tallies, other: Tallies, least: int) -> bool:
    return min(mine[kind].ended, other[kind].ended) >= least


def _together(reasons: list[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))


def _noun(kind: Kind) -> str:
    return "tool calls" if kind == "calls" else kind
