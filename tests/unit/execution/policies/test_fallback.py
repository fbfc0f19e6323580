"""Fallbacks: when another tool is asked, with what, and for how long."""

from typing import Any

import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall, ToolContext
from toolcrib.core.errors import ToolError
from toolcrib.core.policies import Breaker, Cache, RateLimit
from toolcrib.core.results import ToolResult
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


async def plan_b(x: int = 0) -> str:
    return f"b{x}"


class PlanA:
    """A tool with a fallback that fails as a test wants."""

    def __init__(self, bench: Bench, error: Exception | None, **policy: Any) -> None:
        async def plan_a(x: int = 0) -> str:
            if error:
                raise error
            return f"a{x}"

        self.bench = bench
        other = policy.pop("other", plan_b)
        self.release = bench.release(
            make_tool(plan_a, **{"fallback": "plan_b", **policy}), make_tool(other, name="plan_b")
        )

    async def call(self, who: CallContext | None = None, **args: Any) -> ToolResult:
        """Call the first tool."""
        return await self.bench.executor.call(self.release, ToolCall(name="plan_a", args=args), who or CallContext())


async def test_a_tool_that_works_answers_itself() -> None:
    result = await PlanA(Bench(), None).call(x=1)
    assert (result.value, result.tool, result.fallback_for) == ("a1", "plan_a", "")


async def test_a_tool_that_fails_is_answered_for_with_the_same_arguments() -> None:
    result = await PlanA(Bench(), ConnectionError("down")).call(x=2)
    assert (result.ok, result.value, result.tool, result.fallback_for) == (True, "b2", "plan_b", "plan_a")


async def test_an_open_breaker_leads_to_the_fallback() -> None:
    plan = PlanA(Bench(), ConnectionError("down"), breaker=Breaker(min_calls=1))
    assert [(await plan.call()).value for _ in range(3)] == ["b0"] * 3


async def test_missing_rights_and_spent_rates_lead_to_the_fallback() -> None:
    assert (await PlanA(Bench(), None, scopes=("a",)).call(CallContext(scopes=frozenset()))).value == "b0"
    plan = PlanA(Bench(), None, rate_limit=RateLimit(calls=1, excess="reject"))
    assert [(await plan.call()).value for _ in range(2)] == ["a0", "b0"]


@pytest.mark.parametrize("args", [{"y": 1}])
async def test_wrong_arguments_are_for_the_model_to_mend(args: dict[str, Any]) -> None:
    result = await PlanA(Bench(), None).call(**args)
    assert result.error is not None
    assert result.error.code == "arguments_invalid"


async def test_an_error_raised_on_purpose_is_the_answer() -> None:
    result = await PlanA(Bench(), ToolError("There is no such order.")).call()
    assert result.error is not None
    assert result.error.message == "There is no such order."


async def test_when_both_fail_the_first_error_counts_and_tells_of_the_second() -> None:
    async def fails(x: int = 0) -> None:
        raise ToolError("closed on Sundays")

    result = await PlanA(Bench(), ToolError("too busy", retryable=True), other=fails).call()
    assert result.error is not None
    assert (result.error.message, result.tool) == ("too busy", "plan_a")
    assert result.error.hint == "Its fallback 'plan_b' failed too: closed on Sundays"


@pytest.mark.parametrize(("approval", "answers"), [("required", False), ("when(x > 9)", True), (None, True)])
async def test_what_a_person_agreed_to_is_not_the_call_of_another_tool(approval: str | None, answers: bool) -> None:
    wired: list[int] = []

    async def pay(x: int) -> None:
        raise ConnectionError("down")

    async def wire(x: int) -> str:
        wired.append(x)
        return "wired"

    bench = Bench()
    release = bench.release(make_tool(pay, approval="required", fallback="wire"), make_tool(wire, approval=approval))
    call = ToolCall(name="pay", args={"x": 5})
    result = await bench.executor.call(release, call, CallContext(approved=True))
    assert (result.ok, wired) == (answers, [5] * answers)
    assert result.error is None or (result.tool, result.error.code) == ("pay", "tool_failed")


@pytest.mark.parametrize(
    ("who", "left"),
    [
        (CallContext(deadline=1_050.0), 30.0),
        (CallContext(deadline=1_020.0), 10.0),
        (CallContext(timeout_s=25.0), 15.0),
    ],
    ids=["its own limit", "the run's", "the caller's for the whole call"],
)
async def test_a_fallback_has_what_is_left_of_the_callers_time(who: CallContext, left: float) -> None:
    bench = Bench()

    async def plan_a(x: int = 0) -> None:
        bench.clock.advance(10.0)
        raise ConnectionError("down")

    async def asks(context: ToolContext, x: int = 0) -> float | None:
        return context.timeout_s

    release = bench.release(make_tool(plan_a, fallback="asks"), make_tool(asks, timeout_s=30.0))
    result = await bench.executor.call(release, ToolCall(name="plan_a"), who)
    assert result.value == left


@pytest.mark.parametrize(
    ("error", "answers"),
    [(ConnectionError("down"), True), (ToolError("There is no such order."), False)],
    ids=["could not answer", "answered with an error"],
)
async def test_a_failure_out_of_the_journal_leads_where_it_led_before(error: Exception, answers: bool) -> None:
    ran: list[str] = []

    async def plan_a() -> None:
        ran.append("a")
        raise error

    async def pays() -> str:
        ran.append("b")
        return "paid"

    bench = Bench()
    release = bench.release(make_tool(plan_a, fallback="pays"), make_tool(pays))
    call = ToolCall(name="plan_a", idempotency_key="k")
    first = await bench.executor.call(release, call, CallContext())
    again = await bench.executor.call(release, call, CallContext())
    assert (first.ok, again.ok, again.value) == (answers, answers, first.value)
    assert again.journaled
    assert ran == (["a", "b"] if answers else ["a"]), "neither takes effect twice"


async def test_a_kept_failure_leads_to_the_fallback_too() -> None:
    plan = PlanA(Bench(), ConnectionError("down"), cache=Cache(errors_ttl_s=60), side_effect="read")
    assert [(await plan.call()).value for _ in range(2)] == ["b0", "b0"]
