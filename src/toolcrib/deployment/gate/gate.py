"""The gate's decision on a candidate that loads: what it changes, what that means, and whether it may."""

from collections.abc import Iterable
from dataclasses import dataclass

from toolcrib.core.compat.shapes import Side
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Acceptable, Change, Deployment, Verdict, worst
from toolcrib.loader.compat.compare import compare
from toolcrib.loader.compat.permissions import widened


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided.

    Attributes:
        diff, verdict: what the candidate changes; None when there is nothing to compare it with.
        reasons: why it may not serve.
        accepted: what would have been reasons, had they not been accepted.
    """

    diff: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    reasons: tuple[Reason, ...] = ()
    accepted: tuple[Reason, ...] = ()


NOT_COMPARED = Decision()
ANYTHING: frozenset[Acceptable] = frozenset({"permissions"})
"""A roll-back is not refused: what it goes back to has served before."""


PASSING = frozenset({"example", "selftest", "no_room"})
"""Codes of reasons that another moment may not have."""


def decide(candidate: Side, former: Side | None, *, accept: Iterable[Acceptable]) -> Decision:
    """Compare a candidate with the release it would follow.

    Args:
        candidate: what would serve.
        former: what serves now; None when nothing does.
        accept: what somebody took upon himself.
    """
    if former is None:
        return NOT_COMPARED
    diff = compare(former, candidate)
    lowered = widened(former.shape, candidate.shape) if former.shape and candidate.shape else ()
    taken = "permissions" in frozenset(accept)
    return Decision(diff=diff, verdict=worst(diff), reasons=() if taken else lowered, accepted=lowered if taken else ())


def is_lasting(rejected: Deployment) -> bool:
    """Whether the same tree would be rejected again, whenever it comes.

    One that was refused beside what serves may pass beside another one, an example may read what is no part of the
    tree, and room in memory comes when a release is no longer used.
    """
    return rejected.verdict is None and not any(reason.code in PASSING for reason in rejected.reasons)
