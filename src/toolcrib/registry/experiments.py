"""Experiments: which variant a caller is in, as a pure function of the release and of who asks."""

from toolcrib.core.experiments.arms import Arm
from toolcrib.core.experiments.values import Experiment
from toolcrib.registry.buckets import BUCKETS, bucket


def choose(experiment: Experiment, *, tenant: str, user: str, thread: str) -> Arm | None:
    """The variant for this caller: always the same one for the same words. None for one who takes no part.

    That is a caller who lacks what the experiment chooses by, and a tenant outside of it. The variants lie one after
    the other on one line, so that a change of weights moves only those between the older and the newer borders.
    """
    unit = {"tenant": tenant, "user": user, "thread": thread}[experiment.by]
    if not unit or tenant in experiment.outside:
        return None
    return Arm(experiment.name, _at(experiment, bucket(experiment.salt, tenant, unit)))


def absence(experiment: Experiment, *, tenant: str, user: str, thread: str) -> str:
    """Why a caller takes no part, in words; empty when it does."""
    unit = {"tenant": tenant, "user": user, "thread": thread}[experiment.by]
    if tenant in experiment.outside:
        return f"tenant {tenant!r} has what it changes otherwise than all others"
    return "" if unit else f"it goes by {experiment.by}, and the caller has none"


def _at(experiment: Experiment, number: int) -> str:
    """The variant that the bucket with this number belongs to."""
    total = sum(one.weight for one in experiment.variants.values())
    point, border, last = number / BUCKETS * total, 0.0, ""
    for name, one in experiment.variants.items():
        border += one.weight
        if point < border:
            return name
        last = name if one.weight else last
    return last
