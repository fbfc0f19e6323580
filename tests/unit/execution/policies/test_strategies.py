"""`on_error`: the most specific name decides, and each strategy goes before the policies it speaks about."""

from typing import Any

import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import ToolError
from toolcrib.core.policies import Retry, Strategy, strategy_for
from toolcrib.core.results import ToolResult
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


class CardError(ConnectionError): ...


@pytest.mark.parametrize(
    ("on_error", "strategy"),
    [
        ({}, None),
        ({"KeyError": "abort"}, None),
        ({"*": "skip"}, "skip"),
        ({"*": "skip", "Exception": "abort"}, "abort"),
        ({"OSError": "abort", "ConnectionError": "manual", "Exception": "skip"}, "manual"),
        ({"CardError": "retry", "ConnectionError": "manual"}, "retry"),
        ({f"{__name__}.CardError": "retry", "ConnectionError": "manual"}, "retry"),
    ],
)
def test_the_most_specific_name_decides(on_error: dict[str, Strategy], strategy: Strategy | None) -> None:
    assert strategy_for(CardError(), on_error) == strategy


def test_an_error_of_ours_goes_by_its_code_too() -> None:
    assert strategy_for(ToolError("no"), {"tool_error": "abort", "*": "skip"}) == "abort"


async def call(error: Exception, **policy: Any) -> tuple[ToolResult, int]:
    """The result of a tool that fails with `error` once, and how often it ran."""
    ran = []

    async def pay() -> str:
        ran.append(True)
        if len(ran) == 1:
            raise error
        return "paid"

    async def cash() -> str:
        return "cash"

    bench = Bench()
    release = bench.release(make_tool(pay, **{"side_effect": "idempotent", **policy}), make_tool(cash))
    return await bench.executor.call(release, ToolCall(name="pay"), CallContext()), len(ran)


async def test_retry_tries_again_without_a_retry_policy() -> None:
    result, ran = await call(ValueError("flaky"), on_error={"ValueError": "retry"})
    assert (result.value, ran) == ("paid", 2)


async def test_retry_never_repeats_what_may_do_harm() -> None:
    result, ran = await call(ValueError("flaky"), on_error={"ValueError": "retry"}, side_effect="write")
    assert (result.ok, ran) == (False, 1)


@pytest.mark.parametrize("strategy", ["skip", "abort", "manual"])
async def test_other_strategies_go_before_retries_and_fallbacks(strategy: Strategy) -> None:
    result, ran = await call(
        ConnectionError("down"), retry=Retry(), fallback="cash", on_error={"ConnectionError": strategy}
    )
    assert result.error is not None
    assert (result.error.strategy, ran) == (strategy, 1)


async def test_fallback_goes_before_retries_and_also_for_errors_raised_on_purpose() -> None:
    result, ran = await call(ToolError("closed"), retry=Retry(), fallback="cash", on_error={"*": "fallback"})
    assert (result.value, ran) == ("cash", 1)
