"""Escalation: failures that pile up are one step worse, until a window passes without so many."""

import asyncio
from dataclasses import replace
from typing import Any

import anyio
import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import RunnerSaturated, ToolError
from toolcrib.core.events import ToolEscalated
from toolcrib.core.policies import Breaker, Cache, Escalate, Retry
from toolcrib.core.results import ToolResult
from toolcrib.registry.release import Release
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
THREE = Escalate(after=3, window_s=60)


class Ailing:
    """A tool that raises what a test says; `archive` may answer for it."""

    def __init__(self, **policy: Any) -> None:
        self.bench = Bench()
        self.raises: BaseException | None = ConnectionError("down")
        self.ran = 0

        async def search(x: int = 0) -> int:
            self.ran += 1
            if self.raises:
                raise self.raises
            return x

        async def archive(x: int = 0) -> str:
            return "archived"

        policy = {"escalate": THREE, "side_effect": "read", **policy}
        self.release: Release = self.bench.release(make_tool(search, **policy), make_tool(archive))

    async def call(self, *, tenant: str = "", key: str = "", **args: Any) -> ToolResult:
        call = ToolCall(name="search", args=args, idempotency_key=key)
        return await self.bench.executor.call(self.release, call, CallContext(tenant=tenant))

    async def severities(self, times: int, *, every_s: float = 1.0, **more: Any) -> str:
        """The first letters of the severities of so many calls."""
        letters = ""
        for _ in range(times):
            result = await self.call(**more)
            letters += result.error.severity[0] if result.error else "-"
            self.bench.clock.advance(every_s)
        return letters

    @property
    def told(self) -> list[ToolEscalated]:
        return self.bench.events.of(ToolEscalated)


async def test_after_so_many_failures_the_next_ones_are_one_step_worse() -> None:
    ailing = Ailing()
    assert await ailing.severities(6) == "MMMHHH"
    result = await ailing.call()
    assert result.error is not None
    assert (result.error.code, result.error.escalated, result.error.strategy) == ("tool_failed", True, None)
    assert result.error.message == "Tool 'search' failed: ConnectionError: down"


async def test_an_episode_is_told_once_with_what_began_it() -> None:
    ailing = Ailing()
    await ailing.severities(20, tenant="acme")
    assert ailing.told == [
        ToolEscalated(tool="search", release=ailing.release.id, errors=3, window_s=60, tenant="acme")
    ]


async def test_failures_further_apart_than_the_window_are_no_worse() -> None:
    ailing = Ailing()
    assert await ailing.severities(8, every_s=30) == "M" * 8, "never three within less than 60 s"
    assert not ailing.told


async def test_an_episode_ends_when_a_window_passed_without_so_many_failures() -> None:
    ailing = Ailing()
    await ailing.severities(3, every_s=0)
    ailing.bench.clock.advance(59)
    assert await ailing.severities(1, every_s=0) == "H", "the last of four within 60 s"
    for _ in range(2):
        ailing.bench.clock.advance(40)
        last = await ailing.severities(1, every_s=0)
    assert last == "M", "one failure in 40 s keeps no episode going"
    assert len(ailing.told) == 1
    assert await ailing.severities(3, every_s=0) == "MHH"
    assert len(ailing.told) == 2, "a new episode"


async def test_an_episode_goes_on_as_long_as_failures_keep_coming() -> None:
    ailing = Ailing()
    assert await ailing.severities(30, every_s=20) == "MMM" + "H" * 27
    assert len(ailing.told) == 1


@pytest.mark.parametrize(
    "answer",
    [ToolError("There is no such order."), RunnerSaturated("no thread is free")],
    ids=["raised on purpose", "before the start"],
)
async def test_answers_and_calls_that_never_began_neither_count_nor_get_worse(answer: Exception) -> None:
    ailing = Ailing()
    ailing.raises = answer
    before = await ailing.severities(10)
    ailing.raises = ConnectionError("down")
    await ailing.severities(4)
    ailing.raises = answer
    assert set(await ailing.severities(2)) == set(before)
    assert len(ailing.told) == 1


async def test_wrong_arguments_are_no_failures() -> None:
    ailing = Ailing()
    assert await ailing.severities(10, y=1) == "L" * 10
    assert not ailing.told


async def test_a_call_counts_once_however_often_it_was_tried() -> None:
    ailing = Ailing(retry=Retry(attempts=5))
    assert await ailing.severities(4, every_s=0) == "MMMH"
    assert ailing.ran == 20


async def test_calls_that_share_one_run_are_one_failure() -> None:
    ailing, gate = Ailing(cache=Cache()), asyncio.Event()

    async def search(x: int = 0) -> int:
        await gate.wait()
        raise ConnectionError("down")

    ailing.release = ailing.bench.release(make_tool(search, escalate=THREE, cache=Cache()))
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ailing.call)
            await anyio.wait_all_tasks_blocked()
            gate.set()
    assert not ailing.told


async def test_each_tenant_has_its_own_episode() -> None:
    ailing = Ailing()
    await ailing.severities(4, tenant="a")
    assert await ailing.severities(1, tenant="b") == "M"
    now = ailing.bench.clock.monotonic()
    episodes = ailing.bench.escalations.episodes("search", now)
    assert [(one.tool, one.tenant, one.duration_s) for one in episodes] == [("search", "a", 3)]
    assert not ailing.bench.escalations.episodes("search", now, tenant="b")
    assert not ailing.bench.escalations.episodes("other", now)
    assert not ailing.bench.escalations.episodes("search", now + 60), "over"


async def test_critical_is_the_end_of_the_ladder_and_the_tools_own_error_object_stays_as_it_is() -> None:
    class Fatal(ToolError):
        severity = "CRITICAL"

    ailing = Ailing()
    ailing.raises = Fatal("gone", retryable=True)
    assert await ailing.severities(5) == "CCCCC"
    assert isinstance(ailing.raises, Fatal)
    assert not ailing.raises.escalated


async def test_then_decides_in_an_episode_whatever_on_error_says() -> None:
    ailing = Ailing(escalate=Escalate(after=2, then="abort"), on_error={"*": "skip"})
    strategies = [(await ailing.call()).error for _ in range(4)]
    assert [error and error.strategy for error in strategies] == ["skip", "skip", "abort", "abort"]


async def test_without_then_on_error_goes_by_the_type_that_the_tool_raised() -> None:
    ailing = Ailing(escalate=Escalate(after=1), on_error={"ConnectionError": "manual"})
    strategies = [(await ailing.call()).error for _ in range(3)]
    assert [error and (error.strategy, error.escalated) for error in strategies] == [
        ("manual", False),
        ("manual", True),
        ("manual", True),
    ]


async def test_then_may_ask_the_fallback_for_what_the_tool_answers_otherwise() -> None:
    policy = Escalate(after=2, then="fallback")
    ailing = Ailing(escalate=policy, fallback="archive", on_error={"ConnectionError": "skip"})
    results = [await ailing.call() for _ in range(3)]
    assert [one.value for one in results] == [None, None, "archived"]


async def test_what_a_fallback_covers_up_is_counted_all_the_same() -> None:
    ailing = Ailing(fallback="archive")
    assert await ailing.severities(5) == "-----"
    assert len(ailing.told) == 1


async def test_an_open_breaker_neither_counts_nor_is_worse() -> None:
    ailing = Ailing(breaker=Breaker(min_calls=4))
    assert await ailing.severities(4) == "MMMH"
    result = await ailing.call()
    assert result.error is not None
    assert (result.error.code, result.error.escalated) == ("circuit_open", False)


async def test_a_failure_comes_out_of_the_journal_as_it_went_in() -> None:
    ailing = Ailing(escalate=Escalate(after=1, then="manual"), side_effect="write")
    await ailing.call()
    first = await ailing.call(key="k")
    ailing.bench.clock.advance(3600)
    again = await ailing.call(key="k")
    assert first.error is not None
    assert (again.error, again.journaled) == (first.error, True)
    assert (first.error.severity, first.error.strategy) == ("HIGH", "manual")


async def test_new_code_begins_with_a_clean_record() -> None:
    ailing = Ailing()
    await ailing.severities(4)
    tool = make_tool(_fails, name="search", escalate=THREE)
    ailing.release = ailing.bench.release(replace(tool, spec=replace(tool.spec, digest="new")), content="new")
    assert await ailing.severities(1) == "M"


async def _fails(x: int = 0) -> int:
    raise ConnectionError("down")
