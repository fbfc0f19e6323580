"""`Arm`: one variant of one experiment, as it stands on calls, runs, metrics and records."""

from collections.abc import Iterable
from typing import NamedTuple


class Arm(NamedTuple):
    """A variant of an experiment; as text `experiment:variant`."""

    experiment: str
    variant: str

    def __str__(self) -> str:
        return f"{self.experiment}:{self.variant}"


Arms = tuple[Arm, ...]
"""The variants that a caller is in, of at most one variant of each experiment, in the order of the experiments."""


def label(arms: Arms) -> str:
    """The arms as the value of a metric's label: `search_v2:fast`, several with commas between; empty without."""
    return ",".join(map(str, arms))


def told(arms: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Experiment -> variant: the arms as JSON tells them."""
    return dict(arms)
