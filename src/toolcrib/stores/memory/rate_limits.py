"""Rates in memory: GCRA, one number a key (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm)."""

from toolcrib.core.policies import RateLimit
from toolcrib.core.ports import Clock

SWEEP_ABOVE = 4_096


class MemoryRateLimiter:
    """`RateLimiter` of one process."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._arrivals: dict[str, float] = {}
        self._sweep_at = SWEEP_ABOVE

    async def take(self, key: str, limit: RateLimit, *, patience_s: float) -> float:
        """See `RateLimiter.take`."""
        now = self._clock.monotonic()
        interval = limit.per_s / limit.calls
        arrival = self._arrivals.get(key, now)  # when the bucket would be full again
        if arrival < now:
            arrival = now
        wait = arrival - now - interval * ((limit.burst or limit.calls) - 1)
        if wait > 0.0 and wait >= patience_s:
            return wait
        self._arrivals[key] = arrival + interval
        if len(self._arrivals) > self._sweep_at:
            self._sweep(now)
        return max(0.0, wait)

    def _sweep(self, now: float) -> None:
        """Forget keys whose bucket is full; seldom enough that a call pays a constant on average."""
        self._arrivals = {key: at for key, at in self._arrivals.items() if at > now}
        self._sweep_at = max(SWEEP_ABOVE, 2 * len(self._arrivals))
