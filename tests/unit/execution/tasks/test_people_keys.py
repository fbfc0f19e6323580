"""Calls with an idempotency key that wait for a person, and tasks that a process left in doubt."""

import pytest

from tests.unit.execution.tasks.grounds import Crew, Ground, at_work
from tests.unit.execution.tasks.test_workers import left_behind
from tests.unit.execution.tasks.till import Till
from toolcrib.core.errors import RateLimited
from toolcrib.core.events import TaskWaiting
from toolcrib.core.results import ToolResult
from toolcrib.core.tasks import Decision, TaskRecord
from toolcrib.execution.journal_entries import journal_key
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


async def test_the_same_call_waits_once_however_often_it_comes() -> None:
    till = Till()
    crew = till.ground.furnish()
    first, again = await till.parked(crew, "k"), await till.parked(crew, "k")
    other, theirs = await till.parked(crew, "l"), await till.parked(crew, "k", tenant="x")
    assert first.id == again.id
    assert len({first.id, other.id, theirs.id}) == 3
    assert (first.call_key, len(till.ground.bench.events.of(TaskWaiting))) == ("k", 3)


async def test_a_retry_runs_under_the_same_key_and_its_result_is_the_calls() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        task = (await till.parked(crew, "k")).id
        till.raises = None
        await crew.service.resolve(task, "retry")
        await crew.ended(task)
        result = await till.call(crew, "k")
    assert (result.value, result.journaled, till.paid) == ({"paid": 1}, True, 1)


async def test_an_answer_is_what_the_same_call_gets_from_then_on() -> None:
    till = Till()
    crew = till.ground.furnish()
    task = (await till.parked(crew, "k")).id
    await crew.service.resolve(task, "answer", value={"paid": 7})
    till.raises = None
    result = await till.call(crew, "k")
    assert (result.value, result.journaled, till.paid) == ({"paid": 7}, True, 0)


@pytest.mark.parametrize("decision", ["skip", "abort"])
async def test_what_was_skipped_or_aborted_is_not_asked_about_again(decision: Decision) -> None:
    till = Till()
    crew = till.ground.furnish()
    task = (await till.parked(crew, "k")).id
    await crew.service.resolve(task, decision)
    till.raises = None
    result = await till.call(crew, "k")
    assert result.error is not None
    assert (result.error.strategy, result.error.task, result.journaled, till.paid) == (decision, "", True, 0)


async def test_an_answer_holds_for_a_call_that_never_reached_its_tool() -> None:
    till = Till(side_effect="write")
    crew = till.ground.furnish()
    till.raises = RateLimited("too many")  # an error before the start: the journal forgets it
    task = (await till.parked(crew, "k", amount=2)).id
    assert not await till.ground.bench.journal.in_doubt()
    await crew.service.resolve(task, "answer", value="by hand")
    till.raises = None
    result = await till.call(crew, "k", amount=2)
    assert (result.value, result.journaled, till.paid) == ("by hand", True, 0)
    other = await till.call(crew, "k", amount=3)
    assert other.error is not None
    assert other.error.code == "idempotency_conflict"


async def in_doubt(till: Till, crew: Crew) -> TaskRecord:
    """A call whose process died in the middle, and which came again."""
    till.raises = GeneratorExit()  # what neither runner nor link catches: the journal has no end
    with pytest.raises(GeneratorExit):
        await till.call(crew, "k")
    till.raises = None
    return await till.parked(crew, "k")


async def test_a_call_in_doubt_runs_again_when_a_person_wants_it() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        record = await in_doubt(till, crew)
        assert record.error.startswith("call_in_doubt: ")
        await crew.service.resolve(record.id, "retry")
        assert (await crew.ended(record.id)).state == "succeeded"
        result = await till.call(crew, "k")
    assert (result.value, result.journaled, till.paid) == ({"paid": 1}, True, 1)


async def test_the_answer_to_a_call_in_doubt_settles_it() -> None:
    till = Till()
    crew = till.ground.furnish()
    record = await in_doubt(till, crew)
    await crew.service.resolve(record.id, "answer", value={"paid": 1})
    assert not await till.ground.bench.journal.in_doubt()
    result = await till.call(crew, "k")
    assert (result.value, result.journaled, till.paid) == ({"paid": 1}, True, 0)


async def test_what_is_known_to_have_gone_well_meanwhile_is_not_done_again() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        record = await in_doubt(till, crew)
        (entry,) = await till.ground.bench.journal.in_doubt()
        await till.ground.bench.journal.finish(entry.key, ToolResult(ok=True, value="settled", tool="pay"))
        await crew.service.resolve(record.id, "retry")
        await crew.ended(record.id)
        result = await crew.service.result(record.id)
    assert (result.value, result.journaled, till.paid) == ("settled", True, 0)


async def test_a_decision_whose_way_to_the_journal_broke_off_is_found_in_the_task() -> None:
    till = Till()
    crew = till.ground.furnish()
    task = (await till.parked(crew, "k")).id
    (entry,) = [await till.ground.bench.journal.find(one) for one in _keys(till)]
    assert entry is not None
    await crew.service.resolve(task, "answer", value="by hand")
    assert entry.result is not None
    await till.ground.bench.journal.finish(entry.key, entry.result)  # as if the process had died before
    result = await till.call(crew, "k")
    assert (result.value, result.journaled) == ("by hand", True)


def _keys(till: Till) -> list[str]:
    return [journal_key("pay", tenant="", idempotency_key="k")]


async def test_a_tool_that_only_reads_has_no_keys_and_each_call_waits_for_itself() -> None:
    till = Till(side_effect="read")
    crew = till.ground.furnish()
    first, second = await till.parked(crew, "k"), await till.parked(crew, "k")
    assert first.id != second.id
    assert first.call_key == ""


async def test_a_call_whose_task_was_cancelled_says_so() -> None:
    till = Till()
    crew = till.ground.furnish()
    task = (await till.parked(crew, "k")).id
    await crew.service.cancel(task)
    result = await till.call(crew, "k")
    assert result.error is not None
    assert f"Task {task}, in which it was put before a person, is cancelled." in result.error.hint


# a process that dies in the middle of a task


async def writes() -> str:
    raise AssertionError("a write must not run twice")


@pytest.mark.parametrize(
    ("on_error", "state"),
    [({}, "in_doubt"), ({"ConnectionError": "manual"}, "in_doubt"), ({"call_in_doubt": "manual"}, "waiting")],
)
async def test_a_task_in_doubt_waits_for_a_person_where_its_tool_asks_for_one(
    on_error: dict[str, str], state: str
) -> None:
    ground = Ground()
    ground.serve(make_tool(writes, on_error=on_error))
    task = await left_behind(ground, "writes")
    async with at_work(ground) as crew:
        ground.clock.advance(16)
        await crew.workers.look_after()
        record = await crew.service.status(task.id)
        assert (record.state, record.crashes) == (state, 1)
        if state == "waiting":
            assert record.error.startswith("call_in_doubt: Tool 'writes' was left in doubt: its process ended")
            await crew.service.resolve(task.id, "answer", value="it was done")
            assert (await crew.service.result(task.id)).value == "it was done"


async def test_what_was_left_behind_is_in_doubt_also_before_a_release_serves() -> None:
    ground = Ground()
    task = await left_behind(ground, "writes")
    async with at_work(ground) as crew:
        ground.clock.advance(16)
        await crew.workers.look_after()
        assert (await crew.service.status(task.id)).state == "in_doubt"
