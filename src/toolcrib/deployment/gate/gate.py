"""The gate's decision on a candidate that loads: what it changes, what that means, and whether it may."""

from collections.abc import Iterable
from dataclasses import dataclass

from toolcrib.core.compat.shapes import Side
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Acceptable, Change, Deployment, Verdict, worst
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.deployment.gate.parked import NOBODY, Parked, lost_revisions
from toolcrib.loader.compat.compare import compare
from toolcrib.loader.compat.permissions import widened


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided.

    Attributes:
        diff, verdict: what the candidate changes; None when there is nothing to compare it with.
        reasons: why it may not serve.
        accepted: what would have been reasons, had they not been accepted.
        held: last runs of the threads that are to stay where they are, for that was accepted.
    """

    diff: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    reasons: tuple[Reason, ...] = ()
    accepted: tuple[Reason, ...] = ()
    held: tuple[RunRecord, ...] = ()


NOT_COMPARED = Decision()
ANYTHING: frozenset[Acceptable] = frozenset({"permissions", "stranded"})
"""A roll-back is not refused: what it goes back to has served before."""


PASSING = frozenset({"example", "selftest", "no_room"})
"""Codes of reasons that another moment may not have."""


def decide(candidate: Side, former: Side | None, *, accept: Iterable[Acceptable], parked: Parked = NOBODY) -> Decision:
    """Compare a candidate with the release it would follow.

    Args:
        candidate: what would serve.
        former: what serves now; None when nothing does.
        accept: what somebody took upon himself.
        parked: what becomes of the threads there are.
    """
    if former is None:
        return NOT_COMPARED
    diff, taken = compare(former, candidate), frozenset[str](accept)
    found = parked.reasons
    if former.shape and candidate.shape:
        both = former.shape, candidate.shape
        found = (*widened(*both), *lost_revisions(*both), *found)
    return Decision(
        diff=diff,
        verdict=worst(diff),
        reasons=tuple(one for one in found if one.code not in taken),
        accepted=tuple(one for one in found if one.code in taken),
        held=parked.stranded if "stranded" in taken else (),
    )


def is_lasting(rejected: Deployment) -> bool:
    """Whether the same tree would be rejected again, whenever it comes.

    One that was refused beside what serves may pass beside another one, an example may read what is no part of the
    tree, and room in memory comes when a release is no longer used.
    """
    return rejected.verdict is None and not any(reason.code in PASSING for reason in rejected.reasons)
