"""Validate: wrong arguments cost nothing but the answer what to mend."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import Bench, InlineWorkers
from toolcrib.core.calls import CallContext, ToolCall, ToolContext
from toolcrib.core.decorator import tool
from toolcrib.core.tools import Tool
from toolcrib.testing import make_tool
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


async def test_a_tool_with_wrong_arguments_is_never_run() -> None:
    ran: list[int] = []

    async def pay(amount: int) -> None:
        ran.append(amount)

    bench = Bench()
    call = ToolCall(name="pay", args={"amuont": 3})
    result = await bench.executor.call(bench.release(make_tool(pay)), call, CallContext(deadline=0.0))
    assert result.error is not None
    assert (result.error.code, result.attempts, ran) == ("arguments_invalid", 0, [])
    assert result.duration_s == 0.0


async def test_a_tool_sees_the_validated_values_not_the_raw_ones() -> None:
    @tool
    async def double(amount: int) -> int:
        """Twice as much."""
        return amount * 2

    bench = Bench()
    call = ToolCall(name="double", args={"amount": "21"})
    assert (await bench.executor.call(bench.release(adapt(double)), call, CallContext())).value == 42
    assert call.args == {"amount": "21"}


async def test_to_a_worker_process_go_the_arguments_as_they_came() -> None:
    @tool(isolation="process")
    async def shout(text: str, times: int = 1) -> str:
        """Say it loudly."""
        return str(text) * times

    seen: list[object] = []

    class Recording(InlineWorkers):
        async def run(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> Any:
            seen.append(args)

    bench = Bench(processes=Recording())
    release = bench.release(adapt(shout))
    assert (await bench.executor.call(release, ToolCall(name="shout", args={"text": "a"}), CallContext())).ok
    assert not (await bench.executor.call(release, ToolCall(name="shout", args={"txt": "a"}), CallContext())).ok
    assert seen == [{"text": "a"}]
