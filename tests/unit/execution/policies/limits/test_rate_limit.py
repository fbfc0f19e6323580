"""Rate limits: who shares one, who waits, and who is told to come again."""

import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import RateLimit
from toolcrib.core.results import ToolResult
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


async def work() -> str:
    return "done"


async def call(bench: Bench, limit: RateLimit | str, who: CallContext | None = None) -> ToolResult:
    release = bench.release(make_tool(work, rate_limit=limit, timeout_s=60.0))
    return await bench.executor.call(release, ToolCall(name="work"), who or CallContext())


async def test_a_call_above_the_rate_waits_for_its_turn() -> None:
    bench = Bench()
    results = [await call(bench, "2/minute") for _ in range(4)]
    assert [result.value for result in results] == ["done"] * 4
    assert bench.clock.sleeps == [30.0, 30.0]
    assert [result.queued_s for result in results] == [0.0, 0.0, 30.0, 30.0]


async def test_waiting_never_goes_beyond_the_callers_time() -> None:
    bench = Bench()
    await call(bench, "1/minute")
    result = await call(bench, "1/minute", CallContext(timeout_s=60.0))
    assert result.error is not None
    assert (result.error.code, result.attempts, bench.clock.sleeps) == ("rate_limited", 0, [])
    assert "Try again in 60 s" in result.error.hint


async def test_a_refused_call_takes_nothing_from_the_rate() -> None:
    bench, limit = Bench(), RateLimit(calls=1, per_s=60, excess="reject")
    await call(bench, limit)
    for _ in range(100):
        assert not (await call(bench, limit)).ok
    bench.clock.advance(60)
    assert (await call(bench, limit)).ok


@pytest.mark.parametrize(
    ("by", "first", "second", "shared"),
    [
        ("tool", CallContext(tenant="a"), CallContext(tenant="b"), True),
        ("tenant", CallContext(tenant="a"), CallContext(tenant="b"), False),
        ("tenant", CallContext(tenant="a", key="1"), CallContext(tenant="a", key="2"), True),
        ("key", CallContext(tenant="a", key="1"), CallContext(tenant="a", key="2"), False),
    ],
)
async def test_callers_share_a_rate_as_the_policy_says(
    by: str, first: CallContext, second: CallContext, shared: bool
) -> None:
    bench = Bench()
    limit = RateLimit.model_validate({"calls": 1, "per_s": 60, "by": by, "excess": "reject"})
    assert (await call(bench, limit, first)).ok
    assert (await call(bench, limit, second)).ok is not shared


async def test_a_new_release_of_a_tool_shares_the_rate_of_the_old_one() -> None:
    bench, limit = Bench(), RateLimit(calls=1, per_s=60, excess="reject")
    old, new = (bench.release(make_tool(work, rate_limit=limit), content=text) for text in ("old", "new"))
    assert (await bench.executor.call(old, ToolCall(name="work"), CallContext())).ok
    assert not (await bench.executor.call(new, ToolCall(name="work"), CallContext())).ok
