"""The history of errors: what is noted of which event, and when it is written down."""

from collections.abc import Sequence
from typing import Any

import pytest

from toolcrib.core.errors import ToolNotFound
from toolcrib.core.events import Event, RunStarted, ToolFinished, ToolStarted
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.stores.history import KEPT, MAX_PAIRS, ErrorRecord
from toolcrib.observability.history import ErrorHistory, FreshErrors
from toolcrib.stores.memory.errors import MemoryErrorStore
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio


class CountingStore(MemoryErrorStore):
    """Counts how often it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    async def add(self, records: Sequence[ErrorRecord]) -> None:
        self.writes += 1
        await super().add(records)


class Desk:
    """A history with its parts at hand."""

    def __init__(self) -> None:
        self.clock, self.store = FakeClock(now=100.0), CountingStore()
        self.fresh = FreshErrors(clock=self.clock)
        self.history = ErrorHistory(fresh=self.fresh, store=self.store)

    def hear(self, *events: Event) -> None:
        for event in events:
            self.fresh.observe(event)


def failed_call(call_id: str = "c", *, tool: str = "t", code: str = "tool_failed", **who: Any) -> ToolFinished:
    error = ErrorInfo(code=code, message="no route", severity="CRITICAL", hint="h", escalated=True)
    return ToolFinished(result=ToolResult(ok=False, error=error, tool=tool, release="r-1", call_id=call_id), **who)


async def test_a_failed_call_is_noted_with_who_called_and_neither_arguments_nor_result() -> None:
    desk = Desk()
    desk.hear(failed_call(tenant="x", agent="a", run_id="run", thread_id="th"))
    (record,) = await desk.history.newest("t")
    assert record.to_dict() == {
        "tool": "t",
        "at": 100.0,
        "release": "r-1",
        "code": "tool_failed",
        "severity": "CRITICAL",
        "escalated": True,
        "layer": "tool",
        "message": "no route",
        "call_id": "c",
        "tenant": "x",
        "agent": "a",
        "run_id": "run",
    }


async def test_what_went_well_and_what_is_no_error_of_a_tool_is_not_noted() -> None:
    desk = Desk()
    desk.hear(
        ToolStarted(tool="t", call_id="c", release="r"),
        ToolFinished(result=ToolResult(ok=True, tool="t")),
        RunStarted(run_id="r", thread_id="t", agent="a", release="r"),
        failed_call(code="cancelled"),
        failed_call(tool="invented by a model", code=ToolNotFound.code),
    )
    assert await desk.history.newest("t") == []
    assert await desk.history.newest("invented by a model") == []


async def test_errors_are_written_in_one_go_and_nothing_is_written_without_any() -> None:
    desk = Desk()
    await desk.history.flush()
    assert desk.store.writes == 0
    desk.hear(failed_call("1"), failed_call("2", tool="u"), failed_call("3"))
    await desk.history.flush()
    await desk.history.flush()
    assert desk.store.writes == 1
    assert [one.call_id for one in await desk.store.newest("t")] == ["3", "1"]


async def test_a_flood_of_errors_costs_no_more_memory_than_is_kept() -> None:
    desk = Desk()
    for number in range(3 * KEPT):
        desk.hear(failed_call(str(number)))
    for number in range(2 * MAX_PAIRS):
        desk.hear(failed_call(tool=str(number)))
    desk.hear(failed_call("last"))
    taken = desk.fresh.take()
    assert len(taken) == KEPT + MAX_PAIRS - 1
    assert [one.call_id for one in taken if one.tool == "t"] == [*map(str, range(2 * KEPT + 1, 3 * KEPT)), "last"]


async def test_a_long_message_is_cut() -> None:
    desk = Desk()
    error = ErrorInfo(code="tool_failed", message="x" * 10_000)
    desk.hear(ToolFinished(result=ToolResult(ok=False, error=error, tool="t")))
    (record,) = await desk.history.newest("t")
    assert len(record.message) == 2_000
