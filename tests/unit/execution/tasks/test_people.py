"""Failed calls that wait for a person, and what becomes of them when one decides."""

from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest

from tests.unit.execution.tasks.grounds import Gate, Ground, at_work
from tests.unit.execution.tasks.test_workers import settled
from tests.unit.execution.tasks.till import Till
from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import Conflict, QueueFull, TaskNotFound
from toolcrib.core.events import TaskFinished, TaskResolved, TaskWaiting
from toolcrib.core.policies import Escalate
from toolcrib.core.tasks import Decision, TaskRecord
from toolcrib.execution.tasks.people import ATTENTION_S
from toolcrib.execution.tasks.ports import TaskOptions
from toolcrib.stores.memory.tasks import MemoryTaskStore
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
HOW = "`toolcrib tasks resolve {} --retry | --answer JSON | --skip | --abort`"


async def test_a_direct_call_that_failed_waits_as_a_task_and_its_caller_is_told_which() -> None:
    till = Till()
    crew = till.ground.furnish()
    result = await till.call(crew, tenant="acme", amount=3)
    assert result.error is not None
    task = result.error.task
    assert result.error.hint == f"It waits for a person as task {task}: {HOW.format(task)}."
    record = await crew.service.status(task)
    assert (record.state, record.tool, record.args, record.tenant) == ("waiting", "pay", {"amount": 3}, "acme")
    assert record.error == "tool_failed: Tool 'pay' failed: ConnectionError: down"
    assert (record.owner, record.leased_until, record.finished_at) == ("", None, None)
    assert record.expires_at == till.ground.clock.now() + ATTENTION_S
    kept = record.last_result()
    assert (kept.call_id, kept.release) == (result.call_id, till.release_id)
    assert kept.error is not None
    assert (kept.error.code, kept.error.strategy) == ("tool_failed", "manual")
    assert till.ground.bench.events.of(TaskWaiting) == [
        TaskWaiting(task=task, tool="pay", code="tool_failed", call_id=result.call_id, tenant="acme")
    ]


@pytest.mark.parametrize("on_error", [{}, {"*": "skip"}, {"KeyError": "manual"}])
async def test_no_other_failure_is_parked(on_error: dict[str, str]) -> None:
    till = Till(on_error=on_error)
    crew = till.ground.furnish()
    result = await till.call(crew)
    assert result.error is not None
    assert result.error.task == ""
    assert await crew.service.list() == []


async def test_a_good_result_stays_as_it_is() -> None:
    till = Till()
    till.raises = None
    crew = till.ground.furnish()
    assert (await till.call(crew)).value == {"paid": 1}
    assert await crew.service.list() == []


async def test_the_callers_own_mistakes_are_told_to_the_caller_only() -> None:
    till = Till()
    crew = till.ground.furnish()
    wrong = await till.call(crew, cents=3)
    till.raises = None
    await till.call(crew, "k", amount=1)
    conflict = await till.call(crew, "k", amount=2)
    codes = [result.error and (result.error.code, result.error.task) for result in (wrong, conflict)]
    assert codes == [("arguments_invalid", ""), ("idempotency_conflict", "")]
    assert await crew.service.list() == []


async def test_retry_runs_it_again_as_a_task_on_the_release_that_serves_then() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        task = (await till.parked(crew, amount=3)).id
        mended = Till(till.ground)
        mended.raises = None
        till.ground.serve(make_tool(_mended, name="pay"), content="mended")
        record = await crew.service.resolve(task, "retry")
        assert (record.state, record.result, record.error, record.expires_at) == ("queued", None, "", None)
        done = await crew.ended(task)
        result = await crew.service.result(task)
    assert (done.state, done.release, done.starts) == ("succeeded", till.ground.registry.current.release.id, 1)
    assert done.release != till.release_id
    assert (result.value, result.call_id) == ("mended 3", task)


async def test_a_call_that_needs_approval_waits_and_is_made_when_a_person_agrees() -> None:
    till = Till(on_error={}, approval="when(amount > 100)")
    till.raises = None
    async with at_work(till.ground) as crew:
        assert (await till.call(crew, amount=5)).value == {"paid": 1}
        told = (await till.call(crew, "k", amount=500)).error
        assert told is not None
        assert f"resolve {told.task} --approve |" in told.hint
        task = await crew.service.status(told.task)
        assert (task.state, task.error.partition(":")[0], till.paid) == ("waiting", "approval_required", 1)
        await crew.service.resolve(task.id, "retry")
        done = await crew.ended(task.id)
    assert (done.state, done.last_result().value) == ("succeeded", {"paid": 2})


async def _mended(amount: int = 1) -> str:
    return f"mended {amount}"


async def test_a_retry_that_fails_again_waits_again() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        task = (await till.parked(crew)).id
        for _ in range(2):
            await crew.service.resolve(task, "retry")
            await settled([], 0)
            assert (await crew.service.status(task)).state == "waiting"
        assert len(crew.workers) == 0, "it holds no worker"
        record = await crew.service.resolve(task, "abort")
    assert (record.state, record.starts) == ("failed", 2)
    assert len(till.ground.bench.events.of(TaskWaiting)) == 3


async def test_an_answer_becomes_the_result() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        task = (await till.parked(crew)).id
        record = await crew.service.resolve(task, "answer", value={"paid": 7})
        result = await crew.service.result(task)
    assert (record.state, record.error, record.progress) == ("succeeded", "", 1.0)
    assert (result.ok, result.value, result.error) == (True, {"paid": 7}, None)


@pytest.mark.parametrize(("decision", "state"), [("skip", "skipped"), ("abort", "failed")])
async def test_skip_and_abort_end_it_with_its_failure(decision: Decision, state: str) -> None:
    till = Till(Ground(options=TaskOptions(ttl_s=60)))
    crew = till.ground.furnish()
    task = (await till.parked(crew)).id
    record = await crew.service.resolve(task, decision)
    result = await crew.service.result(task)
    assert (record.state, record.error) == (state, "tool_failed: Tool 'pay' failed: ConnectionError: down")
    assert record.finished_at is not None
    assert record.expires_at == record.finished_at + 60
    assert result.error is not None
    assert result.error.strategy == decision
    assert till.paid == 0


async def test_a_decision_is_told_and_so_is_the_end_it_brings() -> None:
    till = Till()
    crew = till.ground.furnish()
    decisions: list[Decision] = ["answer", "skip", "abort", "retry"]
    tasks = [(await till.parked(crew, tenant="x")).id for _ in decisions]
    for task, decision in zip(tasks, decisions, strict=True):
        await crew.service.resolve(task, decision)
    told = till.ground.bench.events
    assert told.of(TaskResolved) == [
        TaskResolved(task=task, tool="pay", decision=decision, tenant="x")
        for task, decision in zip(tasks, decisions, strict=True)
    ]
    assert [event.state for event in told.of(TaskFinished)] == ["succeeded", "skipped", "failed"]


async def test_only_a_task_that_waits_for_a_person_can_be_resolved() -> None:
    till = Till()
    till.raises = None
    async with at_work(till.ground) as crew:
        task = await crew.service.submit("pay")
        await crew.ended(task)
        with pytest.raises(Conflict, match="it is succeeded"):
            await crew.service.resolve(task, "retry")
        with pytest.raises(TaskNotFound):
            await crew.service.resolve("ghost", "retry")
    assert till.paid == 1


async def test_a_task_in_the_background_waits_itself_and_holds_no_worker() -> None:
    till = Till(Ground(options=TaskOptions(workers=1)))
    heard: list[str] = []
    async with at_work(till.ground) as crew:
        task = await crew.service.submit("pay", callback=lambda record: heard.append(record.state))
        await settled([], 0)
        record = await crew.service.status(task)
        assert (record.state, record.owner, record.leased_until, record.starts) == ("waiting", "", None, 1)
        with pytest.raises(Conflict, match="it is waiting"):
            await crew.service.result(task)
        assert (await crew.ended(await crew.service.submit("other"))).state == "succeeded"
        till.ground.clock.advance(600)
        await crew.workers.look_after()
        assert heard == []
        assert dict(crew.workers.counts) == {"waiting": 1, "succeeded": 1}
        till.raises = None
        await crew.service.resolve(task, "retry")
        done = await crew.ended(task)
    assert (done.state, done.starts, heard) == ("succeeded", 2, ["succeeded"])


async def test_it_expires_only_by_its_own_time() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        task = await crew.service.submit("pay", ttl_s=1)
        await settled([], 0)
        for _ in range(2):
            till.ground.clock.advance(ATTENTION_S / 2 - 1)
            await crew.workers.look_after()
            assert (await crew.service.status(task)).state == "waiting"
        till.ground.clock.advance(2)
        await crew.workers.look_after()
        with pytest.raises(TaskNotFound):
            await crew.service.status(task)


async def test_a_task_that_waits_for_a_person_can_be_cancelled() -> None:
    till = Till()
    async with at_work(till.ground) as crew:
        task = await crew.service.submit("pay")
        await settled([], 0)
        assert (await crew.service.cancel(task)).state == "cancelled"


class Slow(MemoryTaskStore):
    """A store that is slow to tell that a task shall stop: its tool asks for a person before."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    async def ask_cancel(self, task_id: str) -> None:
        self.gate.opened.set()
        with anyio.fail_after(5):
            while (await self.find(task_id)).state != "waiting":
                await anyio.lowlevel.checkpoint()
        await super().ask_cancel(task_id)


async def test_a_task_that_asks_for_a_person_while_it_is_cancelled_is_cancelled_all_the_same() -> None:
    gate = Gate()
    ground = Ground(store=Slow(gate))

    async def breaks() -> None:
        await gate.pass_through()
        raise ConnectionError("down")

    ground.serve(make_tool(breaks, on_error={"*": "manual"}))
    async with at_work(ground) as crew:
        task = await crew.service.submit("breaks")
        await settled([gate], 1)
        assert (await crew.service.cancel(task)).state == "cancelled"


async def test_a_task_that_is_cancelled_while_it_fails_asks_nobody() -> None:
    ground, gate = Ground(), Gate()

    async def grumbles() -> str:
        try:
            return await gate.pass_through()
        finally:
            raise ConnectionError("down")

    ground.serve(make_tool(grumbles, on_error={"*": "manual"}))
    async with at_work(ground) as crew:
        task = await crew.service.submit("grumbles")
        await settled([gate], 1)
        with pytest.raises(Conflict, match="it is failed"):
            await crew.service.cancel(task)
    assert not ground.bench.events.of(TaskWaiting)


async def test_a_batch_goes_on_while_one_of_it_waits() -> None:
    till = Till(Ground(options=TaskOptions(workers=1)))
    async with at_work(till.ground) as crew:
        batch = await crew.service.submit_batch([ToolCall(name="pay"), ToolCall(name="other")], stop_on_failure=True)
        first, second = batch.tasks
        assert (await crew.ended(second)).state == "succeeded"
        assert (await crew.service.status(first)).state == "waiting"


async def test_an_abort_skips_what_has_not_begun_of_the_batch() -> None:
    till = Till(Ground(options=TaskOptions(workers=1)))
    async with at_work(till.ground) as crew:
        batch = await crew.service.submit_batch([ToolCall(name="pay")], stop_on_failure=True)
        await settled([], 0)
    crew = till.ground.furnish()
    waiting = TaskRecord(id="late", tool="other", batch=batch.id, stop_on_failure=True)
    await till.ground.store.add([waiting], queue=10)
    await crew.service.resolve(batch.tasks[0], "abort")
    assert (await crew.service.status("late")).state == "skipped"
    told = till.ground.bench.events.of(TaskFinished)
    assert [(event.task, event.state) for event in told] == [(batch.tasks[0], "failed"), ("late", "skipped")]


async def test_more_calls_than_the_queue_holds_are_told_but_not_parked() -> None:
    till = Till(Ground(options=TaskOptions(queue=2)))
    crew = till.ground.furnish()
    results = [await till.call(crew) for _ in range(3)]
    tasks = [result.error.task for result in results if result.error]
    assert [bool(task) for task in tasks] == [True, True, False]
    last = results[-1].error
    assert last is not None
    assert last.code == "tool_failed"
    assert "could not be put before a person: No more than 2 tasks may wait." in last.hint


class Broken(MemoryTaskStore):
    """A store whose database is away."""

    async def add(self, records: Sequence[TaskRecord], *, queue: int) -> Sequence[TaskRecord]:
        raise OSError("the database is away")


async def test_a_caller_has_its_result_whatever_ails_the_database(caplog: pytest.LogCaptureFixture) -> None:
    till = Till(Ground(store=Broken()))
    result = await till.call(till.ground.furnish())
    assert result.error is not None
    assert (result.error.code, result.error.hint) == ("tool_failed", "It could not be put before a person.")
    assert "could not be parked" in caplog.text


async def test_arguments_that_no_database_can_hold_are_told_but_not_parked() -> None:
    till = Till()
    crew = till.ground.furnish()
    result = await till.call(crew, amount="\ud800")
    assert result.error is not None
    assert "cannot be written as JSON" in result.error.hint
    assert await crew.service.list() == []


async def test_escalation_may_ask_for_a_person_too() -> None:
    till = Till(on_error={}, escalate=Escalate(after=2, then="manual"))
    crew = till.ground.furnish()
    tasks = [result.error.task for result in [await till.call(crew) for _ in range(3)] if result.error]
    assert [bool(task) for task in tasks] == [False, False, True]


async def test_a_full_line_of_people_is_a_full_queue_for_the_store() -> None:
    ground = Ground()
    record = TaskRecord(id="1", tool="t", state="waiting", result={"ok": False, "error": None})
    await ground.store.add([record], queue=1)
    with pytest.raises(QueueFull):
        await ground.store.add([TaskRecord(id="2", tool="t", state="waiting")], queue=1)
