"""What every `CallJournal` does, in memory and on SQL."""

from dataclasses import replace

import pytest

from toolcrib.core.ports import CallJournal, JournalEntry
from toolcrib.core.results import ErrorInfo, ToolResult

pytestmark = pytest.mark.anyio
DONE = ToolResult(ok=True, value={"paid": [1, "two"]}, tool="pay", release="r-1", call_id="c")
FAILED = ToolResult(ok=False, error=ErrorInfo(code="tool_error", message="no", retry_after_s=2.5), tool="pay")


def an_entry(key: str = "k", at: float = 1.0) -> JournalEntry:
    return JournalEntry(key=key, tool="pay", tenant="t", args_digest="d", release="r-1", began_at=at)


async def test_a_key_begins_once(journal: CallJournal) -> None:
    assert await journal.begin(an_entry()) is None
    assert await journal.begin(replace(an_entry(at=2.0), args_digest="other")) == an_entry()


@pytest.mark.parametrize("result", [DONE, FAILED], ids=["good", "bad"])
async def test_an_end_is_kept_whole(journal: CallJournal, result: ToolResult) -> None:
    await journal.begin(an_entry())
    await journal.finish("k", result)
    assert await journal.begin(an_entry()) == replace(an_entry(), result=result)
    assert await journal.in_doubt() == []


async def test_a_call_whose_caller_has_left_belongs_to_no_process(journal: CallJournal) -> None:
    await journal.begin(replace(an_entry(), process="p-1"))
    assert [entry.process for entry in await journal.in_doubt()] == ["p-1"]
    await journal.leave("k")
    await journal.leave("unknown")
    assert await journal.in_doubt() == [an_entry()]


async def test_a_forgotten_call_may_begin_again(journal: CallJournal) -> None:
    await journal.begin(an_entry())
    await journal.forget("k")
    await journal.forget("unknown")
    assert await journal.begin(an_entry()) is None


async def test_calls_without_an_end_are_listed_the_oldest_first(journal: CallJournal) -> None:
    for key, at in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        await journal.begin(an_entry(key, at))
    await journal.finish("a", DONE)
    assert [entry.key for entry in await journal.in_doubt()] == ["b", "c"]
    assert [entry.key for entry in await journal.in_doubt(limit=1)] == ["b"]


async def test_only_old_calls_with_an_end_are_swept(journal: CallJournal) -> None:
    for key, at in (("old", 1.0), ("old in doubt", 1.0), ("new", 9.0)):
        await journal.begin(an_entry(key, at))
    await journal.finish("old", DONE)
    await journal.finish("new", DONE)
    assert await journal.sweep(before=5.0) == 1
    assert await journal.begin(an_entry("old")) is None
    assert await journal.begin(an_entry("new")) is not None


async def test_what_is_known_of_a_key_can_be_looked_up(journal: CallJournal) -> None:
    assert await journal.find("k") is None
    await journal.begin(an_entry())
    assert await journal.find("k") == an_entry()
    await journal.finish("k", DONE)
    assert await journal.find("k") == replace(an_entry(), result=DONE)


async def test_whole_numbers_of_any_size_survive(journal: CallJournal) -> None:
    odd = replace(DONE, value=[2**80, "ü"])
    await journal.begin(an_entry())
    await journal.finish("k", odd)
    assert await journal.find("k") == replace(an_entry(), result=odd)
