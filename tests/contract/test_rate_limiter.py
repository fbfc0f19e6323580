"""What every rate limiter keeps: the rate, bursts, and that a refusal takes nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.core.policies import RateLimit
from toolcrib.stores.memory.rate_limits import SWEEP_ABOVE, MemoryRateLimiter
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
async def test_in_any_time_at_most_the_burst_and_the_rate_get_through(
    calls: int, burst: int, pauses: list[float]
) -> None:
    clock = FakeClock()
    limiter, limit = MemoryRateLimiter(clock=clock), RateLimit(calls=calls, per_s=10, burst=burst)
    passed: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        if await limiter.take("k", limit, patience_s=0.0) == 0.0:
            passed.append(clock.monotonic())
    for index, first in enumerate(passed):
        for count, last in enumerate(passed[index:], start=1):
            assert count <= burst + (last - first) * calls / 10 + 1e-6


async def test_waits_are_reserved_one_behind_the_other() -> None:
    limiter, limit = MemoryRateLimiter(clock=FakeClock()), RateLimit(calls=1, per_s=10)
    assert [await limiter.take("k", limit, patience_s=math.inf) for _ in range(4)] == [0.0, 10.0, 20.0, 30.0]


async def test_keys_whose_time_is_over_are_forgotten() -> None:
    clock = FakeClock()
    limiter, limit = MemoryRateLimiter(clock=clock), RateLimit(calls=1, per_s=1)
    for number in range(3 * SWEEP_ABOVE):
        await limiter.take(f"k{number}", limit, patience_s=0.0)
        clock.advance(1.0)
    assert len(limiter._arrivals) <= SWEEP_ABOVE + 1  # what it holds has no other witness
