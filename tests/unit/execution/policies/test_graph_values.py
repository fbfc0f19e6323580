"""What a tool returns to LangGraph belongs to one call: not kept for others, not cut, and whole out of the journal."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langgraph.types import Command, Send

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Cache, Output
from toolcrib.core.results import ToolResult
from toolcrib.core.wire.graph_values import is_for_graph
from toolcrib.execution.journal_entries import Keeping
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
LONG: Command[str] = Command(
    update={"messages": [ToolMessage("so " * 100, tool_call_id="c1")], "n": 1}, goto=[Send("other", {"a": 1})]
)


class Desk:
    """A tool that answers with a command, and counts how often it ran."""

    def __init__(self, bench: Bench, value: Any = LONG, **policy: Any) -> None:
        self.bench, self.runs = bench, 0

        async def hand_over() -> Any:
            self.runs += 1
            return value

        self.release = bench.release(make_tool(hand_over, **policy))

    async def call(self, key: str = "") -> ToolResult:
        call = ToolCall(name="hand_over", idempotency_key=key)
        return await self.bench.executor.call(self.release, call, CallContext())


async def test_a_command_is_neither_kept_for_others_nor_shared_with_them() -> None:
    desk = Desk(Bench(), side_effect="read", cache=Cache(ttl_s=60.0))

    results = await asyncio.gather(desk.call(), desk.call())
    again = await desk.call()

    assert [result.value for result in (*results, again)] == [LONG] * 3
    assert (desk.runs, again.cached) == (3, False)


async def test_a_long_command_is_not_cut() -> None:
    assert (await Desk(Bench(), output=Output(max_chars=100)).call()).value == LONG


@pytest.mark.parametrize(
    "value", [LONG, ToolMessage("told", tool_call_id="c"), [LONG, ToolMessage("x", tool_call_id="y")]]
)
async def test_the_journal_gives_a_command_back_whole_and_runs_the_tool_once(value: Any) -> None:
    desk = Desk(Bench(), value, side_effect="write")

    first, second = await desk.call("k"), await desk.call("k")

    assert (desk.runs, second.journaled) == (1, True)
    assert first.value == second.value == value
    assert type(second.value) is type(value)


async def test_a_command_that_cannot_be_written_down_is_an_error_later_and_no_second_run() -> None:
    desk = Desk(Bench(), Command(update={"lock": asyncio.Lock}), side_effect="write")

    first, second = await desk.call("k"), await desk.call("k")

    assert (first.ok, second.ok, desk.runs) == (True, False, 1)
    assert second.error is not None
    assert "took effect before" in second.error.message


def test_values_for_the_graph_are_told_from_others_of_the_same_name() -> None:
    class Command:
        """Somebody else's."""

    told = ToolMessage("x", tool_call_id="y")
    assert [is_for_graph(one) for one in (LONG, told, [LONG, told])] == [True] * 3
    assert [is_for_graph(one) for one in (Command(), [], [LONG, 1], "Command", None)] == [False] * 5
    assert Keeping(None).restored(ToolResult(ok=True, value={"a": 1})).value == {"a": 1}
