"""The journal: the same call runs once, and what nobody knows the end of is not repeated in silence."""

import asyncio
from dataclasses import replace
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from tests.support import Bench
from toolcrib import tool
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import RunnerSaturated, ToolError
from toolcrib.core.results import ToolResult
from toolcrib.testing import make_tool
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


class Till:
    """A tool that pays, and counts how often it did."""

    def __init__(self, bench: Bench, **policy: Any) -> None:
        self.bench, self.paid = bench, 0
        self.raises: BaseException | None = None

        async def pay(amount: int = 1) -> dict[str, int]:
            self.paid += 1
            if self.raises:
                raise self.raises
            return {"paid": self.paid}

        self.release = bench.release(make_tool(pay, **policy))

    async def call(self, key: str = "k", *, tenant: str = "", call_id: str = "", **args: Any) -> ToolResult:
        call = ToolCall(name="pay", args=args, id=call_id, idempotency_key=key)
        return await self.bench.executor.call(self.release, call, CallContext(tenant=tenant))


async def test_the_same_call_runs_once_and_gives_the_same_result() -> None:
    till = Till(Bench())
    first, second = await till.call(call_id="c1"), await till.call(call_id="c2")
    assert (till.paid, first.value, second.value) == (1, {"paid": 1}, {"paid": 1})
    assert (first.journaled, second.journaled, second.call_id) == (False, True, "c2")


async def test_calls_without_a_key_are_not_kept() -> None:
    till = Till(Bench())
    for _ in range(2):
        await till.call("")
    assert till.paid == 2


async def test_tools_that_only_read_run_again() -> None:
    till = Till(Bench(), side_effect="read")
    for _ in range(2):
        await till.call()
    assert till.paid == 2


async def test_a_key_belongs_to_one_tenant() -> None:
    till = Till(Bench())
    assert not (await till.call(tenant="a")).journaled
    assert not (await till.call(tenant="b")).journaled


async def test_other_arguments_under_the_same_key_are_refused() -> None:
    till = Till(Bench())
    await till.call(amount=1)
    error = (await till.call(amount=2)).error
    assert error is not None
    assert (error.code, till.paid) == ("idempotency_conflict", 1)


async def test_a_failure_of_the_tool_is_an_end_too() -> None:
    till = Till(Bench())
    till.raises = ToolError("no money", hint="Earn some.")
    first, second = await till.call(), await till.call()
    assert till.paid == 1
    assert second == replace(first, journaled=True, call_id=second.call_id, attempts=second.attempts)


async def test_a_call_that_never_reached_the_tool_may_come_again() -> None:
    till = Till(Bench())
    till.raises = RunnerSaturated("no thread is free")
    await till.call()
    till.raises = None
    assert (await till.call()).ok


async def test_an_interrupt_inside_the_tool_is_not_an_end() -> None:
    class GraphBubbleUp(Exception): ...  # LangGraph's name for it

    till = Till(Bench())
    till.raises = GraphBubbleUp()
    with pytest.raises(GraphBubbleUp):
        await till.call()
    till.raises = None
    assert (await till.call()).ok


@pytest.mark.parametrize(("effect", "code", "runs"), [("write", "call_in_doubt", 1), ("idempotent", "", 2)])
async def test_a_call_whose_end_nobody_knows_is_repeated_only_where_that_is_harmless(
    effect: str, code: str, runs: int
) -> None:
    entered = asyncio.Event()
    bench, ran = Bench(), []

    async def pay() -> str:
        ran.append(True)
        entered.set()
        if len(ran) == 1:
            await asyncio.Event().wait()
        return "paid"

    release = bench.release(make_tool(pay, side_effect=effect, timeout_s=None))
    call = ToolCall(name="pay", idempotency_key="k")
    with anyio.fail_after(5):
        first = asyncio.create_task(bench.executor.call(release, call, CallContext()))
        await entered.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        bench.clock.advance(42)
        second = await bench.executor.call(release, call, CallContext())
    assert ((second.error.code if second.error else ""), len(ran)) == (code, runs)
    assert len(await bench.journal.in_doubt()) == (1 if code else 0)


async def test_calls_that_differ_in_a_secret_are_not_the_same_call() -> None:
    @tool
    async def login(name: str, password: SecretStr) -> str:
        """Log in."""
        return f"{name} {len(password)}"

    bench = Bench()
    release = bench.release(adapt(login))

    async def call(password: str) -> ToolResult:
        wanted = ToolCall(name="login", args={"name": "ada", "password": password}, idempotency_key="k")
        return await bench.executor.call(release, wanted, CallContext())

    first, same, other = await call("one"), await call("one"), await call("two")
    assert (first.value, same.value, same.journaled) == ("ada 3", "ada 3", True)
    assert other.error is not None
    assert other.error.code == "idempotency_conflict"
