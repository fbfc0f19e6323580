"""Lending: a tool has what it needs for as long as its code runs, and no longer."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.support import Bench, make_release
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Retry
from toolcrib.core.ports import ResourceStats
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import ResourceSpec, Tool
from toolcrib.execution.policies import resources
from toolcrib.runners.threads import ThreadRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


def spec(**more: Any) -> ResourceSpec:
    return ResourceSpec(name="db", digest="1", factory=lambda: ["open"], **more)


def tool_with(function: Any, needs: ResourceSpec, **policy: Any) -> Tool:
    """The function as a tool whose parameter `db` is a resource."""
    return replace(make_tool(function, **policy), validate=dict, needs={"db": needs})


async def call(bench: Bench, tool: Tool) -> ToolResult:
    with anyio.fail_after(5):
        return await bench.executor.call(bench.release(tool), ToolCall(name=tool.name), CallContext())


@pytest.fixture
def threads() -> Iterator[ThreadRunner]:
    runner = ThreadRunner(workers=2)
    yield runner
    runner.close()


def test_a_tool_that_needs_nothing_has_no_link() -> None:
    def plain() -> None: ...

    assert resources.link(make_tool(plain), make_release(), Bench().ports) is None


@pytest.mark.parametrize("size", [1, 2])
async def test_a_tool_gets_the_open_instance_and_gives_it_back(size: int, threads: ThreadRunner) -> None:
    def sync(db: list[str]) -> str:
        return db[0]

    async def coroutine(db: list[str]) -> str:
        return db[0]

    async def fails(db: list[str]) -> str:
        raise ValueError(db[0])

    bench = Bench(threads=threads)
    assert (await call(bench, tool_with(sync, spec(size=size)))).value == "open"
    assert (await call(bench, tool_with(coroutine, spec(size=size)))).value == "open"
    assert not (await call(bench, tool_with(fails, spec(size=size)))).ok
    assert bench.resources.snapshot() == {"db": ResourceStats(open=1, opened=1)}
    await bench.resources.close()


async def test_a_pooled_instance_is_given_back_at_once_by_a_cancelled_coroutine() -> None:
    async def hangs(db: list[str]) -> None:
        await asyncio.Event().wait()

    bench = Bench()
    result = await call(bench, tool_with(hangs, spec(size=2), timeout_s=0.01))
    assert result.error is not None
    assert result.error.code == "deadline_exceeded"
    assert bench.resources.snapshot()["db"] == ResourceStats(open=1, opened=1)
    await bench.resources.close()


async def test_a_pooled_instance_stays_with_an_abandoned_thread_until_that_is_done(threads: ThreadRunner) -> None:
    """Python cannot stop a thread: another call must not get what it may still use."""
    gate = threading.Event()

    def hangs(db: list[str]) -> None:
        gate.wait(5)

    bench = Bench(threads=threads)
    result = await call(bench, tool_with(hangs, spec(size=2), timeout_s=0.05))
    assert result.error is not None
    assert bench.resources.snapshot()["db"].in_use == 1
    gate.set()
    with anyio.fail_after(5):
        while bench.resources.snapshot()["db"].in_use:
            await anyio.lowlevel.checkpoint()
    await bench.resources.close()


async def test_code_of_a_call_that_was_over_before_a_thread_was_free_does_not_run() -> None:
    ran: list[int] = []
    bench = Bench()
    loan = await bench.resources.borrow({"db": spec(size=2)})
    watched = loan.watch(make_tool(lambda db: ran.append(1), name="late"))
    loan.end()
    with pytest.raises(RuntimeError, match="over before"):
        watched.run(dict(loan.values), None)  # type: ignore[arg-type]  # the context is not looked at
    assert ran == []
    assert bench.resources.snapshot()["db"].in_use == 0
    await bench.resources.close()


async def test_waiting_for_a_pool_is_bounded_by_the_deadline_of_the_call() -> None:
    async def takes(db: list[str]) -> None:
        raise AssertionError("there is none to take")

    bench, pooled = Bench(), spec(size=2)
    loans = [await bench.resources.borrow({"db": pooled}) for _ in range(2)]
    result = await call(bench, tool_with(takes, pooled, timeout_s=0.02))
    assert result.error is not None
    assert result.error.code == "deadline_exceeded"
    for loan in loans:
        loan.end()
    await bench.resources.close()


async def test_a_resource_that_cannot_be_opened_is_tried_again_by_the_retry_policy() -> None:
    answers: list[Any] = [OSError("refused"), OSError("refused"), "open"]

    def factory() -> Any:
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return answer

    async def takes(db: str) -> str:
        return db

    bench = Bench()
    needs = ResourceSpec(name="db", digest="1", factory=factory)
    result = await call(bench, tool_with(takes, needs))
    assert result.error is not None
    assert (result.error.code, result.attempts) == ("tool_failed", 0)
    assert result.error.message == "Resource 'db' could not be opened: OSError: refused"
    result = await call(bench, tool_with(takes, needs, retry=Retry(attempts=2)))
    assert (result.ok, result.value) == (True, "open")
    await bench.resources.close()
