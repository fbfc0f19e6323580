"""A clock that stands still until it is told otherwise."""

from collections.abc import Generator
from types import coroutine


class FakeClock:
    """`Clock` whose time passes only by `advance`, by `sleep`, or by setting its readings.

    Attributes:
        at_monotonic: what `monotonic` reads, seconds.
        at_now: what `now` reads, Unix time in seconds.
        sleeps: the seconds of every `sleep`, in order.
    """

    def __init__(self, *, monotonic: float = 1_000.0, now: float = 1_700_000_000.0) -> None:
        self.at_monotonic = monotonic
        self.at_now = now
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.at_monotonic

    def now(self) -> float:
        """See `Clock.now`."""
        return self.at_now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at_monotonic += seconds
        self.at_now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once and let other tasks have their turn, so that a loop that sleeps can be cancelled."""
        self.sleeps.append(seconds)
        self.advance(max(0.0, seconds))
        await _turn()


@coroutine
def _turn() -> Generator[None]:
    """One turn of asyncio's loop."""
    yield
