"""What every `TaskStore` does, in memory and on SQL."""

import asyncio
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest

from tests.contract.conftest import sql_tasks
from toolcrib.core.errors import Conflict, QueueFull, TaskNotFound
from toolcrib.core.redaction import Masks
from toolcrib.core.tasks import ENDED, TASK_MOVES, Claim, TaskRecord, TaskState, TaskStore

pytestmark = pytest.mark.anyio
CLAIM = Claim(owner="me", at=10.0, until=25.0, release="r-1", repeatable=("read",))


def a_task(task_id: str, *, at: float = 1.0, **more: Any) -> TaskRecord:
    return TaskRecord(**{"id": task_id, "tool": "t", "created_at": at, **more})


async def added(store: TaskStore, *records: TaskRecord, queue: int = 100) -> list[TaskRecord]:
    return list(await store.add(records, queue=queue))


async def begun(store: TaskStore, record: TaskRecord, claim: Claim = CLAIM) -> TaskRecord:
    """The task, running; no other waits."""
    await added(store, record)
    running = await store.claim(claim)
    assert running is not None
    assert running.id == record.id
    return running


def end(record: TaskRecord, state: TaskState, **more: Any) -> TaskRecord:
    return replace(record, **{"state": state, "finished_at": 20.0, "expires_at": 20.0 + record.ttl_s, **more})


def parked(record: TaskRecord) -> TaskRecord:
    """The task as it waits for a person."""
    error = {"code": "tool_failed", "message": "m", "strategy": "manual"}
    failure = {"ok": False, "value": None, "error": error}
    return replace(record, state="waiting", owner="", leased_until=None, result=failure, expires_at=900.0)


async def test_a_task_is_given_back_as_it_was_kept(tasks: TaskStore) -> None:
    args = {"n": 2**80, "text": "ü \ud800", "none": None, "list": [1, {"a": 0.5}]}
    record = a_task(
        "1", args=args, tenant="x", scopes=("a", "b"), key="k", call_key="c", priority=-3, ttl_s=9.5, batch="b"
    )
    assert await added(tasks, record) == [record]
    assert await tasks.find("1") == record
    assert await tasks.tasks() == [record]


async def test_a_task_keeps_what_of_it_is_sensitive(tasks: TaskStore) -> None:
    masks = Masks(args={"*": True, "card": True, "box": {"*": False, "iban": True}}, result=True)
    running = await begun(tasks, a_task("1", args={"card": "4111"}, sensitive=masks))
    assert running.sensitive == masks
    await tasks.move(end(running, "succeeded", result={"ok": True}), was="running")
    assert (await tasks.find("1")).sensitive == masks


async def test_what_the_caller_changes_afterwards_is_not_kept(tasks: TaskStore) -> None:
    args = {"list": [1]}
    await added(tasks, a_task("1", args=args))
    args["list"].append(2)
    assert (await tasks.find("1")).args == {"list": [1]}


async def test_a_task_nobody_submitted_is_not_found(tasks: TaskStore) -> None:
    with pytest.raises(TaskNotFound, match="'ghost'"):
        await tasks.find("ghost")
    with pytest.raises(TaskNotFound):
        await tasks.move(a_task("ghost", state="running"), was="queued")


async def test_the_same_key_of_a_tenant_is_the_same_task(tasks: TaskStore) -> None:
    first = a_task("1", key="k", tenant="x", args={"a": 1})
    await added(tasks, first)
    assert await added(tasks, a_task("2", key="k", tenant="x", args={"a": 1}, at=5.0)) == [first]
    other = a_task("3", key="k", tenant="y", args={"a": 2})
    assert await added(tasks, other) == [other]
    assert {one.id for one in await tasks.tasks()} == {"1", "3"}


@pytest.mark.parametrize("other", [{"tool": "u"}, {"args": {"a": 2}}])
async def test_a_key_used_for_another_call_is_a_conflict_and_keeps_nothing(
    tasks: TaskStore, other: dict[str, Any]
) -> None:
    await added(tasks, a_task("1", key="k", args={"a": 1}))
    with pytest.raises(Conflict, match="task 1"):
        await added(tasks, a_task("2"), a_task("3", **{"key": "k", "args": {"a": 1}, **other}))
    assert [one.id for one in await tasks.tasks()] == ["1"]


async def test_one_key_twice_in_a_batch_is_one_task(tasks: TaskStore) -> None:
    kept = await added(tasks, a_task("1", key="k"), a_task("2", key="k"))
    assert [one.id for one in kept] == ["1", "1"]
    assert [one.id for one in await tasks.tasks()] == ["1"]


async def test_a_batch_that_does_not_fit_into_the_queue_is_refused_whole(tasks: TaskStore) -> None:
    await added(tasks, a_task("1", key="k"), a_task("2"), queue=2)
    with pytest.raises(QueueFull, match="2 tasks"):
        await added(tasks, a_task("3"), queue=2)
    with pytest.raises(QueueFull):
        await added(tasks, a_task("4"), a_task("5"), queue=3)
    assert {one.id for one in await tasks.tasks()} == {"1", "2"}
    assert [one.id for one in await added(tasks, a_task("6", key="k"), queue=2)] == ["1"], "nothing new: no refusal"


async def test_calls_that_wait_for_a_person_have_a_bound_of_their_own(tasks: TaskStore) -> None:
    await added(tasks, a_task("1"), queue=1)
    await added(tasks, parked(a_task("2")), queue=1)
    with pytest.raises(QueueFull):
        await added(tasks, parked(a_task("3")), queue=1)
    assert {one.id for one in await tasks.tasks()} == {"1", "2"}


async def test_a_call_that_waits_for_a_person_is_kept_whole_and_taken_by_nobody(tasks: TaskStore) -> None:
    record = parked(await begun(tasks, a_task("1")))
    await tasks.move(record, was="running")
    direct = parked(a_task("2", call_key="k"))
    await added(tasks, direct)
    assert [await tasks.find("1"), await tasks.find("2")] == [record, direct]
    assert await tasks.claim(CLAIM) is None
    assert await tasks.orphans(1e9) == []
    assert await tasks.renew("me", until=50.0) == []


async def test_of_two_people_who_decide_at_once_one_does(tasks: TaskStore) -> None:
    record = parked(await begun(tasks, a_task("1")))
    await tasks.move(record, was="running")
    decisions = [end(record, "skipped"), end(record, "succeeded"), replace(record, state="queued", expires_at=None)]
    with anyio.fail_after(10):
        outcomes = await asyncio.gather(*[tasks.move(one, was="waiting") for one in decisions], return_exceptions=True)
    assert sorted(type(one) is Conflict for one in outcomes) == [False, True, True]


async def test_a_task_that_begins_again_is_not_told_to_stop_any_more(tasks: TaskStore) -> None:
    running = await begun(tasks, a_task("1"))
    await tasks.ask_cancel("1")
    await tasks.move(replace(running, state="queued", owner="", leased_until=None), was="running")
    again = await tasks.claim(CLAIM)
    assert again is not None
    assert again.cancel_asked is False


async def test_tasks_are_counted_by_state(tasks: TaskStore) -> None:
    assert dict(await tasks.counts()) == {}
    await tasks.move(parked(await begun(tasks, a_task("1"))), was="running")
    await added(tasks, a_task("2"), a_task("3"))
    assert dict(await tasks.counts()) == {"waiting": 1, "queued": 2}


async def test_only_waiting_tasks_fill_the_queue(tasks: TaskStore) -> None:
    await begun(tasks, a_task("1"))
    await added(tasks, a_task("2"), queue=1)
    with pytest.raises(QueueFull):
        await added(tasks, a_task("3"), queue=1)


async def test_tasks_begin_by_priority_then_age_then_id(tasks: TaskStore) -> None:
    waiting = [
        a_task("e", at=3.0),
        a_task("d", at=2.0, priority=0),
        a_task("b", at=9.0, priority=5),
        a_task("c", at=2.0),
        a_task("a", at=8.0, priority=5),
        a_task("z", at=0.0, priority=-1),
    ]
    await added(tasks, *waiting)
    order = [record.id if (record := await tasks.claim(CLAIM)) else "" for _ in range(7)]
    assert order == ["a", "b", "c", "d", "e", "z", ""]


async def test_a_claim_writes_who_runs_it_on_what_and_whether_twice(tasks: TaskStore) -> None:
    running = await begun(tasks, a_task("1", tool="read"))
    told = (running.state, running.owner, running.leased_until, running.started_at, running.release, running.starts)
    assert told == ("running", "me", 25.0, 10.0, "r-1", 1)
    assert running.repeatable is True
    assert await tasks.find("1") == running
    assert (await begun(tasks, a_task("2", tool="write"))).repeatable is False


async def test_a_claim_may_route_the_task_to_another_release(tasks: TaskStore) -> None:
    asked: list[TaskRecord] = []

    def route(record: TaskRecord) -> TaskRecord:
        asked.append(record)
        return replace(record, release="r-2", repeatable=True)

    await added(tasks, a_task("1", tool="write", tenant="x"))
    record = await tasks.claim(replace(CLAIM, route=route))
    assert record is not None
    assert (record.release, record.repeatable, record.owner) == ("r-2", True, "me")
    assert await tasks.find("1") == record
    assert [(one.id, one.tenant, one.release) for one in asked] == [("1", "x", "r-1")]
    assert await tasks.claim(replace(CLAIM, route=route)) is None
    assert len(asked) == 1


async def test_no_two_claims_get_the_same_task(tasks: TaskStore) -> None:
    await added(tasks, *[a_task(f"{n}") for n in range(5)])
    with anyio.fail_after(10):
        claimed = await asyncio.gather(*[tasks.claim(CLAIM) for _ in range(8)])
    ids = [record.id for record in claimed if record]
    assert sorted(ids) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("was", "state"), list(product(get_args(TaskState), repeat=2)))
async def test_only_the_moves_of_the_table_are_made(tasks: TaskStore, was: TaskState, state: TaskState) -> None:
    if was in ("queued", "skipped"):
        (record,) = await added(tasks, a_task("1"))
    else:
        record = await begun(tasks, a_task("1"))
    if was in ENDED:
        record = end(record, was)
        await tasks.move(record, was="queued" if was == "skipped" else "running")
    if was == "waiting":
        record = parked(record)
        await tasks.move(record, was="running")
    moved = replace(record, state=state)
    if state in TASK_MOVES[was]:
        await tasks.move(moved, was=was)
        assert (await tasks.find("1")).state == state
    else:
        with pytest.raises(Conflict):
            await tasks.move(moved, was=was)
        assert await tasks.find("1") == record


async def test_the_end_of_a_task_is_written_whole(tasks: TaskStore) -> None:
    running = await begun(tasks, a_task("1", ttl_s=5.0))
    done = end(running, "succeeded", progress=1.0, message="ü", result={"ok": True, "value": [2**70]})
    assert await tasks.move(done, was="running") == ()
    assert await tasks.find("1") == done


async def test_that_a_person_agreed_is_kept(tasks: TaskStore) -> None:
    waiting = parked(await begun(tasks, a_task("1")))
    await tasks.move(waiting, was="running")
    await tasks.move(replace(waiting, state="queued", result=None, approved=True), was="waiting")
    assert (await tasks.find("1")).approved
    again = await tasks.claim(CLAIM)
    assert again is not None
    assert again.approved


async def test_a_task_that_moved_meanwhile_is_a_conflict(tasks: TaskStore) -> None:
    running = await begun(tasks, a_task("1"))
    with pytest.raises(Conflict, match="no longer queued"):
        await tasks.move(end(replace(running, starts=0), "cancelled"), was="queued")
    assert await tasks.find("1") == running


async def test_the_end_of_an_earlier_beginning_is_not_written(tasks: TaskStore) -> None:
    first = await begun(tasks, a_task("1"))
    await tasks.move(replace(first, state="queued", owner="", leased_until=None), was="running")
    second = await tasks.claim(replace(CLAIM, owner="you"))
    assert second is not None
    assert second.starts == 2
    with pytest.raises(Conflict):
        await tasks.move(end(first, "succeeded"), was="running")
    await tasks.note(replace(first, progress=0.9))
    assert await tasks.find("1") == second


async def test_a_move_leaves_what_others_wrote_meanwhile(tasks: TaskStore) -> None:
    running = await begun(tasks, a_task("1"))
    await tasks.ask_cancel("1")
    await tasks.note_callback("1", "it broke")
    await tasks.move(end(running, "cancelled"), was="running")
    after = await tasks.find("1")
    assert (after.state, after.cancel_asked, after.callback_error) == ("cancelled", True, "it broke")


@pytest.mark.parametrize("state", ["failed", "in_doubt"])
async def test_a_failed_task_skips_what_waits_of_its_batch(tasks: TaskStore, state: TaskState) -> None:
    mine: dict[str, Any] = {"batch": "b", "stop_on_failure": True, "ttl_s": 5.0}
    first = await begun(tasks, a_task("1", **mine))
    second = await begun(tasks, a_task("2", **mine))
    await added(tasks, a_task("3", **mine), a_task("4", **mine), a_task("5", batch="c", stop_on_failure=True))
    gone = await tasks.move(end(first, state), was="running")
    assert sorted(one.id for one in gone) == ["3", "4"]
    for one in gone:
        assert (one.state, one.finished_at, one.expires_at) == ("skipped", 20.0, 25.0)
        assert "task 1" in one.error
        assert await tasks.find(one.id) == one
    assert await tasks.find("2") == second
    assert (await tasks.find("5")).state == "queued"


@pytest.mark.parametrize(
    ("state", "more"),
    [
        ("succeeded", {"batch": "b", "stop_on_failure": True}),
        ("cancelled", {"batch": "b", "stop_on_failure": True}),
        ("failed", {"batch": "b", "stop_on_failure": False}),
        ("failed", {"batch": "", "stop_on_failure": True}),
    ],
)
async def test_no_other_end_skips_anything(tasks: TaskStore, state: TaskState, more: dict[str, Any]) -> None:
    first = await begun(tasks, a_task("1", **more))
    await added(tasks, a_task("2", **more))
    assert await tasks.move(end(first, state), was="running") == ()
    assert (await tasks.find("2")).state == "queued"


async def test_progress_is_noted_only_while_the_task_runs(tasks: TaskStore) -> None:
    running = await begun(tasks, a_task("1"))
    told = replace(running, progress=0.5, message="half")
    await tasks.note(told)
    assert await tasks.find("1") == told
    done = end(told, "succeeded", progress=1.0)
    await tasks.move(done, was="running")
    await tasks.note(replace(told, progress=0.6))
    assert await tasks.find("1") == done


async def test_only_a_running_task_can_be_told_to_stop(tasks: TaskStore) -> None:
    await added(tasks, a_task("1"))
    await tasks.ask_cancel("1")
    await tasks.ask_cancel("ghost")
    assert (await tasks.find("1")).cancel_asked is False
    await tasks.claim(CLAIM)
    await tasks.ask_cancel("1")
    assert (await tasks.find("1")).cancel_asked is True


async def test_a_lease_is_renewed_by_its_owner_and_its_end_makes_an_orphan(tasks: TaskStore) -> None:
    mine, yours = await begun(tasks, a_task("1")), await begun(tasks, a_task("2"), replace(CLAIM, owner="you"))
    await added(tasks, a_task("3"))
    assert await tasks.orphans(25.0) == []
    assert {one.id for one in await tasks.orphans(25.1)} == {"1", "2"}
    assert await tasks.renew("me", until=40.0) == [replace(mine, leased_until=40.0)]
    assert await tasks.orphans(25.1) == [yours]
    await tasks.move(end(mine, "succeeded"), was="running")
    assert await tasks.renew("me", until=50.0) == []
    assert await tasks.orphans(100.0) == [yours]


async def test_tasks_are_told_newest_first_filtered_and_no_more_than_asked(tasks: TaskStore) -> None:
    await added(tasks, a_task("a", at=1.0, tenant="x"), a_task("c", at=2.0, batch="b"), a_task("b", at=2.0))
    assert [one.id for one in await tasks.tasks()] == ["c", "b", "a"]
    assert [one.id for one in await tasks.tasks(limit=2)] == ["c", "b"]
    assert [one.id for one in await tasks.tasks(tenant="x")] == ["a"]
    assert [one.id for one in await tasks.tasks(tenant="")] == ["c", "b"]
    assert [one.id for one in await tasks.tasks(batch="b")] == ["c"]
    await tasks.claim(CLAIM)
    assert [one.id for one in await tasks.tasks(states=frozenset[TaskState]({"running"}))] == ["a"]
    assert [one.id for one in await tasks.tasks(states=("running", "queued"), owner="me")] == ["a"]


async def test_of_many_tasks_those_that_ended_are_told(tasks: TaskStore) -> None:
    done = end(await begun(tasks, a_task("1")), "failed")
    await tasks.move(done, was="running")
    await added(tasks, *[a_task(f"w{n}") for n in range(3)])
    asked = ["1", "ghost", *[f"w{n}" for n in range(1_200)]]
    assert await tasks.ended(asked) == [done]
    assert await tasks.ended([]) == []


async def test_what_has_expired_is_removed_and_its_key_is_free_again(tasks: TaskStore) -> None:
    done = end(await begun(tasks, a_task("1", key="k")), "succeeded", expires_at=30.0)
    await tasks.move(done, was="running")
    await added(tasks, a_task("2"))
    assert await tasks.sweep(29.9) == 0
    assert await tasks.sweep(30.0) == 1
    assert [one.id for one in await tasks.tasks()] == ["2"]
    assert [one.id for one in await added(tasks, a_task("3", key="k", args={"else": 1}))] == ["3"]


async def test_two_engines_on_one_file_never_begin_the_same_task(tmp_path: Path) -> None:
    path = tmp_path / "toolcrib.db"
    async with sql_tasks(path) as mine, sql_tasks(path) as theirs:
        await added(mine, *[a_task(f"{n:02}") for n in range(20)])
        with anyio.fail_after(20):
            claimed = await asyncio.gather(*[store.claim(CLAIM) for _ in range(12) for store in (mine, theirs)])
        ids = [record.id for record in claimed if record]
        assert sorted(ids) == [f"{n:02}" for n in range(20)]
