"""What every `RunLedger` does, in memory and on SQL."""

from dataclasses import replace

import pytest

from toolcrib.core.experiments.arms import Arm
from toolcrib.core.stores.ledger import LedgerSummary, RunLedger, RunRecord, ThreadFilter

pytestmark = pytest.mark.anyio


def a_run(
    run_id: str, *, at: float = 1.0, thread_id: str = "th", tenant: str = "", status: str = "running"
) -> RunRecord:
    return RunRecord(
        run_id=run_id, thread_id=thread_id, agent="a", release="r-1", tenant=tenant, status=status, started_at=at
    )


async def ended(ledger: RunLedger, record: RunRecord, status: str, *releases: str) -> RunRecord:
    await ledger.accept(record)
    end = replace(record, status=status, releases_seen=releases or ("r-1",), finished_at=record.started_at + 1)
    await ledger.finish(end)
    return end


async def test_an_accepted_run_is_in_the_ledger_before_its_first_step(ledger: RunLedger) -> None:
    record = a_run("1")
    await ledger.accept(record)
    assert await ledger.runs() == [record]
    assert await ledger.summary() == LedgerSummary(started=1, running=1)


async def test_a_run_is_accepted_only_as_long_as_the_one_it_follows_is_the_threads_last(ledger: RunLedger) -> None:
    first, second = replace(a_run("1", tenant="t"), user="u", variants=(Arm("e", "v"),)), a_run("2", at=2.0, tenant="t")
    assert not await ledger.accept(first, follows="0")
    assert await ledger.accept(first, follows="")
    assert await ledger.accept(a_run("other"), follows=""), "the thread of another tenant is another thread"
    assert not await ledger.accept(second, follows="")
    assert await ledger.accept(second, follows="1")
    assert not await ledger.accept(a_run("3", at=3.0, tenant="t"), follows="1")
    assert await ledger.runs() == [second, a_run("other"), first]


async def test_the_end_of_a_run_replaces_its_record_whole(ledger: RunLedger) -> None:
    record = replace(a_run("1", tenant="t"), error="", state="s-1", revision="0002_subject")
    await ledger.accept(record)
    end = replace(
        record, status="error", error="tool_failed: ü", releases_seen=("r-1", "r-2"), finished_at=9.5, release="r-1"
    )
    await ledger.finish(end)
    assert await ledger.runs() == [end]


async def test_the_end_of_one_run_leaves_the_others(ledger: RunLedger) -> None:
    other = a_run("2", at=2.0)
    await ledger.accept(other)
    end = await ended(ledger, a_run("1"), "success")
    assert await ledger.runs() == [other, end]


async def test_the_end_of_a_run_nobody_accepted_is_not_written(ledger: RunLedger) -> None:
    await ledger.finish(a_run("ghost", status="success"))
    assert await ledger.runs() == []
    assert await ledger.summary() == LedgerSummary()


async def test_runs_are_told_newest_first_and_no_more_than_asked(ledger: RunLedger) -> None:
    for run_id, at in (("b", 2.0), ("c", 3.0), ("a", 1.0), ("d", 3.0)):
        await ledger.accept(a_run(run_id, at=at))
    assert [run.run_id for run in await ledger.runs()] == ["d", "c", "b", "a"]
    assert [run.run_id for run in await ledger.runs(limit=2)] == ["d", "c"]
    assert await ledger.runs(limit=0) == []


async def test_a_thread_is_told_by_its_last_run(ledger: RunLedger) -> None:
    assert await ledger.last("th") is None
    done = await ended(ledger, a_run("1", at=1.0), "success")
    assert await ledger.last("th") == done
    waiting = await ended(ledger, replace(a_run("2", at=2.0), paused_at=("ask", "wait")), "interrupted")
    assert await ledger.last("th") == waiting
    await ledger.accept(a_run("3", at=3.0))
    assert await ledger.last("th") == a_run("3", at=3.0)
    await ledger.finish(a_run("3", at=3.0, status="success"))
    assert await ledger.last("th") == a_run("3", at=3.0, status="success")


async def test_the_last_run_is_the_one_that_began_last_not_the_one_that_ended_last(ledger: RunLedger) -> None:
    early, late = a_run("1", at=1.0), a_run("2", at=2.0)
    await ledger.accept(late)
    await ledger.accept(early)
    await ledger.finish(replace(late, status="interrupted"))
    await ledger.finish(replace(early, status="success"))
    parked = await ledger.last("th")
    assert parked is not None
    assert parked.run_id == "2"


async def test_of_runs_begun_at_the_same_moment_the_higher_id_is_the_later(ledger: RunLedger) -> None:
    await ended(ledger, a_run("0002"), "interrupted")
    await ended(ledger, a_run("0001"), "success")
    parked = await ledger.last("th")
    assert parked is not None
    assert parked.run_id == "0002"


@pytest.mark.parametrize("asked", [("th", ""), ("th", "B"), ("other", "A"), ("th", "a")])
async def test_a_tenants_threads_are_its_own(ledger: RunLedger, asked: tuple[str, str]) -> None:
    await ended(ledger, a_run("1", tenant="A"), "interrupted")
    thread_id, tenant = asked
    assert await ledger.last(thread_id, tenant=tenant) is None
    assert await ledger.last("th", tenant="A") is not None


async def test_threads_are_told_by_their_last_run_the_newest_first(ledger: RunLedger) -> None:
    await ended(ledger, a_run("1", at=1.0, thread_id="a"), "interrupted")
    one = await ended(ledger, a_run("4", at=4.0, thread_id="a"), "success")
    two = await ended(ledger, a_run("2", at=2.0, thread_id="b", tenant="A"), "interrupted")
    three = await ended(ledger, replace(a_run("3", at=3.0, thread_id="c"), agent="other", release="r-2"), "success")
    everything = ThreadFilter()
    assert await ledger.threads(everything) == [one, three, two]
    assert await ledger.threads(everything, limit=1) == [one]
    wanted = {
        ThreadFilter(thread_id="b"): [two],
        ThreadFilter(tenant="A"): [two],
        ThreadFilter(tenant=""): [one, three],
        ThreadFilter(agent="other"): [three],
        ThreadFilter(release="r-1"): [one, two],
        ThreadFilter(status="interrupted"): [two],
        ThreadFilter(status="interrupted", tenant=""): [],
    }
    for one_filter, found in wanted.items():
        assert await ledger.threads(one_filter) == found


async def test_a_moved_thread_goes_on_with_the_other_release(ledger: RunLedger) -> None:
    first = await ended(ledger, a_run("1"), "interrupted")
    assert await ledger.move("1", "r-2")
    moved = await ledger.last("th")
    assert moved == replace(first, moved_to="r-2")
    assert moved.goes_on_with == "r-2"
    assert await ledger.threads(ThreadFilter(release="r-2")) == [moved]
    assert await ledger.threads(ThreadFilter(release="r-1")) == []


async def test_a_thread_is_moved_only_by_its_last_run_and_not_while_that_is_under_way(ledger: RunLedger) -> None:
    await ended(ledger, a_run("1", at=1.0), "success")
    await ledger.accept(a_run("2", at=2.0))
    assert not await ledger.move("1", "r-2")
    assert not await ledger.move("2", "r-2")
    assert not await ledger.move("nobody", "r-2")
    assert all(not run.moved_to for run in await ledger.runs())


async def test_the_summary_counts_every_run_once(ledger: RunLedger) -> None:
    assert await ledger.summary() == LedgerSummary()
    for number, status in enumerate(["success", "success", "error", "interrupted", "cancelled"]):
        await ended(ledger, a_run(f"{number}"), status)
    await ledger.accept(a_run("running"))
    assert await ledger.summary() == LedgerSummary(started=6, finished=5, failed=1, interrupted=1, running=1, mixed=0)


@pytest.mark.parametrize(
    ("releases", "mixed"), [(("r-1",), 0), ((), 0), (("r-1", "r-2"), 1), (("r-1", "r-2", "r-3"), 1)]
)
async def test_a_run_that_saw_two_releases_is_mixed(ledger: RunLedger, releases: tuple[str, ...], mixed: int) -> None:
    record = a_run("1")
    await ledger.accept(record)
    await ledger.finish(replace(record, status="success", releases_seen=releases))
    assert (await ledger.summary()).mixed == mixed
    assert (await ledger.runs())[0].releases_seen == releases


async def test_user_and_variants_of_a_run_come_back_as_they_went(ledger: RunLedger) -> None:
    arms = (Arm("search_v2", "fast"), Arm("tone", "b"))
    record = replace(a_run("1"), user="ada", variants=arms)
    await ledger.accept(record)
    assert await ledger.find("1") == record
    end = await ended(ledger, replace(record, run_id="2"), "success")
    (found, _) = await ledger.runs()
    assert (found, found.to_dict()["variants"]) == (end, {"search_v2": "fast", "tone": "b"})
