"""Law 9: whatever waits there are between the parts of a call, together they never exceed the caller's time."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import Bench
from tests.virtual import LoopClock, run_virtually
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import ToolError
from toolcrib.core.policies import Breaker, Cache, Concurrency, RateLimit, Retry
from toolcrib.execution.state.admission import Admission
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


TOOLS = ("first", "second")
POLICIES = st.fixed_dictionaries(
    {"timeout_s": st.floats(0.5, 20.0)},
    optional={
        "attempt_timeout_s": seconds,
        "concurrency": st.builds(Concurrency, limit=st.integers(1, 2), queue=st.integers(0, 5), adaptive=st.booleans()),
        "exclusive": st.just("lock"),
        "rate_limit": st.builds(RateLimit, calls=st.integers(1, 3), per_s=seconds),
        "retry": st.builds(Retry, attempts=st.integers(1, 4), base_s=seconds),
        "breaker": st.builds(Breaker, min_calls=st.integers(1, 3), open_s=seconds),
        "cache": st.builds(Cache, ttl_s=seconds),
        "fallback": st.just("second"),
    },
)
CALLS = st.fixed_dictionaries(
    {
        "tool": st.sampled_from(TOOLS),
        "comes_s": st.floats(0.0, 20.0),
        "x": st.integers(0, 1),
        "tenant": st.sampled_from("ab"),
        "priority": st.integers(-3, 3),
        "timeout_s": st.none() | seconds,
    }
)
RUNS = st.lists(st.tuples(st.floats(0.0, 15.0), st.booleans()), min_size=1, max_size=6)


@settings(deadline=None)
@given(
    policies=st.tuples(POLICIES, POLICIES),
    limits=st.none()
    | st.builds(
        Admission,
        concurrency=st.none() | st.integers(1, 3),
        per_tenant=st.none() | st.integers(1, 2),
        queue=st.integers(0, 10),
    ),
    calls=st.lists(CALLS, min_size=1, max_size=12),
    runs=RUNS,
)
def test_calls_that_stand_in_each_others_way_all_end_within_their_time(
    *,
    policies: tuple[dict[str, Any], dict[str, Any]],
    limits: Admission | None,
    calls: Sequence[Mapping[str, Any]],
    runs: Sequence[tuple[float, bool]],
) -> None:
    run_virtually(_all_end_in_time(policies, limits, calls, runs))


async def _all_end_in_time(
    policies: tuple[dict[str, Any], dict[str, Any]],
    limits: Admission | None,
    calls: Sequence[Mapping[str, Any]],
    runs: Sequence[tuple[float, bool]],
) -> None:
    bench, ran = Bench(clock=LoopClock(), random=FakeRandom(0.5), admission=limits), 0

    async def work(x: int) -> int:
        nonlocal ran
        ran += 1
        takes_s, fails = runs[ran % len(runs)]
        await bench.clock.sleep(takes_s)
        if fails:
            raise ConnectionError("down")
        return x

    asked = [{**policies[0], "side_effect": "read"}, {**policies[1], "side_effect": "read", "fallback": ""}]
    release = bench.release(*(make_tool(work, name=name, **one) for name, one in zip(TOOLS, asked, strict=True)))
    own = dict(zip(TOOLS, (one["timeout_s"] for one in policies), strict=True))

    async def call(one: Mapping[str, Any]) -> None:
        await bench.clock.sleep(one["comes_s"])
        came = bench.clock.monotonic()
        context = CallContext(tenant=one["tenant"], priority=one["priority"], timeout_s=one["timeout_s"])
        result = await bench.executor.call(release, ToolCall(name=one["tool"], args={"x": one["x"]}), context)
        took_s = bench.clock.monotonic() - came
        # A fallback has the caller's time, or its own when the caller has none.
        longest = own[one["tool"]] + (own["second"] if one["tool"] == "first" and "fallback" in policies[0] else 0.0)
        assert took_s <= min(longest, one["timeout_s"] or longest) + 1e-6
        assert result.queued_s <= took_s + 1e-6

    await asyncio.gather(*(call(one) for one in calls))
    if limits is not None:
        await asyncio.sleep(0)
        assert (limits.state.running, limits.state.waiting, limits.state.waiting_for_tenant) == (0, 0, 0)
    assert all((one.running, one.waiting) == (0, 0) for one in bench.gates.snapshot().values())
    assert not bench.locks.holders()
