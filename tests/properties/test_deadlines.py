"""Law 9: whatever waits there are between the parts of a call, together they never exceed the caller's time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import ToolError
from toolcrib.core.policies import RateLimit, Retry
from toolcrib.testing import FakeRandom, make_tool

pytestmark = pytest.mark.anyio
seconds = st.floats(0.1, 20.0)


@settings(deadline=None)
@given(
    attempts=st.integers(1, 8),
    base_s=seconds,
    asked=st.lists(st.none() | seconds, min_size=1, max_size=8),
    takes=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=8),
    rate=st.none() | st.builds(RateLimit, calls=st.integers(1, 3), per_s=seconds),
    limits=st.fixed_dictionaries({}, optional={"timeout_s": seconds, "deadline": seconds, "own": seconds}),
    fraction=st.floats(0.0, 1.0),
    falls_back=st.booleans(),
)
async def test_retries_rates_and_fallbacks_wait_no_longer_than_the_caller(
    *,
    attempts: int,
    base_s: float,
    asked: list[float | None],
    takes: list[float],
    rate: RateLimit | None,
    limits: dict[str, float],
    fraction: float,
    falls_back: bool,
) -> None:
    bench = Bench(random=FakeRandom(fraction))
    began, ran = bench.clock.monotonic(), 0

    async def flaky() -> None:
        nonlocal ran
        bench.clock.advance(takes[ran % len(takes)])
        wait = asked[ran % len(asked)]
        ran += 1
        raise ToolError("not now", retryable=True, retry_after_s=wait)

    policy: dict[str, Any] = {
        "side_effect": "read",
        "retry": Retry(attempts=attempts, base_s=base_s),
        "rate_limit": rate,
        "timeout_s": limits.get("own"),
    }
    other = {**policy, "fallback": ""}
    release = bench.release(
        make_tool(flaky, **policy, fallback="twin" if falls_back else ""), make_tool(flaky, name="twin", **other)
    )
    deadline = began + limits["deadline"] if "deadline" in limits else None
    context = CallContext(timeout_s=limits.get("timeout_s"), deadline=deadline)

    for _ in range(3):
        came, worked = bench.clock.monotonic(), ran
        await bench.executor.call(release, ToolCall(name="flaky"), context)
        waited = bench.clock.monotonic() - came - sum(takes[n % len(takes)] for n in range(worked, ran))
        ends = [came + limits["timeout_s"]] if "timeout_s" in limits else []
        ends += [deadline] if deadline is not None else []
        left = min(ends, default=float("inf")) - came
        assert waited <= max(0.0, left) + 1e-6
