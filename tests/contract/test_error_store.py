"""What every `ErrorStore` does, in memory and on SQL."""

from typing import Any

import pytest

from toolcrib.core.stores.history import ErrorRecord, ErrorStore

pytestmark = pytest.mark.anyio


def an_error(call_id: str, *, at: float = 1.0, **more: Any) -> ErrorRecord:
    facts: dict[str, Any] = {"tool": "t", "release": "r-1", "code": "tool_failed", "severity": "HIGH", "layer": "tool"}
    return ErrorRecord(**{**facts, "escalated": True, "message": "ü \u4e2d", "at": at, "call_id": call_id, **more})


async def calls(errors: ErrorStore, tool: str = "t", **more: Any) -> list[str]:
    return [one.call_id for one in await errors.newest(tool, **more)]


async def test_an_error_is_given_back_as_it_was_kept(errors: ErrorStore) -> None:
    record = an_error("c", tenant="x", agent="a", run_id="run", severity="LOW", escalated=False)
    await errors.add([record])
    assert await errors.newest("t") == [record]


async def test_the_newest_come_first_and_only_so_many(errors: ErrorStore) -> None:
    await errors.add([an_error("1", at=1.0), an_error("2", at=2.0), an_error("3", at=2.0)])
    assert await calls(errors) == ["3", "2", "1"]
    assert await calls(errors, limit=2) == ["3", "2"]


async def test_errors_of_processes_that_write_late_stand_at_their_time(errors: ErrorStore) -> None:
    await errors.add([an_error("2", at=2.0)])
    await errors.add([an_error("1", at=1.0, tenant="x")])
    assert await calls(errors) == ["2", "1"]


async def test_who_asks_for_a_tenant_sees_that_tenants_errors_only(errors: ErrorStore) -> None:
    await errors.add([an_error("a", tenant="a"), an_error("b", tenant="b"), an_error("none")])
    assert await calls(errors, tenant="a") == ["a"]
    assert await calls(errors, tenant="") == ["none"]
    assert await calls(errors, tenant="c") == []
    assert sorted(await calls(errors)) == ["a", "b", "none"]


async def test_other_tools_errors_are_other_tools(errors: ErrorStore) -> None:
    await errors.add([an_error("1"), an_error("2", tool="u")])
    assert await calls(errors, "u") == ["2"]
    assert await calls(errors, "ghost") == []


async def test_of_each_tool_and_tenant_the_newest_stay(errors: ErrorStore) -> None:
    await errors.add([an_error("theirs", tenant="x", at=0.5)])
    for number in range(1, 6):
        await errors.add([an_error(str(number), at=float(number))])
    await errors.add([an_error(str(number), at=float(number)) for number in range(6, 9)])
    assert await calls(errors, tenant="") == ["8", "7", "6"]
    assert await calls(errors, tenant="x") == ["theirs"], "nobody else's errors push it out"


async def test_of_many_tools_those_stay_that_failed_last(errors: ErrorStore) -> None:
    for tool in "abcd":
        await errors.add([an_error(tool, tool=tool)])
    await errors.add([an_error("a again", tool="a", at=2.0)])
    await errors.add([an_error("e", tool="e", at=3.0)])
    kept = [tool for tool in "abcde" if await calls(errors, tool)]
    assert kept == ["a", "c", "d", "e"]
    assert await calls(errors, "a") == ["a again", "a"]
