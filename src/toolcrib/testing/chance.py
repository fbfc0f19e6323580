"""Chance and ids that a test can foretell."""

from itertools import count, cycle


class FakeRandom:
    """`Random` that always draws the same.

    Attributes:
        drawn: the bounds (low, high) of every draw, in order.
    """

    def __init__(self, *fractions: float) -> None:
        """Draw at these places between the bounds, again from the first after the last; the upper bound without any."""
        self._fractions = cycle(fractions or (1.0,))
        self.drawn: list[tuple[float, float]] = []

    def uniform(self, low: float, high: float) -> float:
        """See `Random.uniform`."""
        self.drawn.append((low, high))
        return low + next(self._fractions) * (high - low)


class CountingIds:
    """`IdFactory` that counts: `00000000-0000-7000-8000-000000000001`, `…2` and so on."""

    def __init__(self) -> None:
        self._count = count(1)

    def new(self) -> str:
        """See `IdFactory.new`."""
        return f"00000000-0000-7000-8000-{next(self._count):012x}"
