"""What is open: one shared instance or a pool, opened once, looked at, replaced, and closed once."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from tests.unit.tools.resources.stock import Stock, one, spec
from toolcrib.core.decorator import Port, Secret
from toolcrib.core.errors import ToolError, ToolFailed
from toolcrib.core.ports import Loan, ResourceStats
from toolcrib.core.tools import ResourceSpec
from toolcrib.testing import FakeClock
from toolcrib.tools.resources.pool import ResourcePool

pytestmark = pytest.mark.anyio
WHO = contextvars.ContextVar("WHO", default="nobody")


async def borrow(stock: Stock, resource: ResourceSpec) -> Loan:
    with anyio.fail_after(5):
        return await stock.pool.borrow(one(resource))


async def used(stock: Stock, resource: ResourceSpec) -> Any:
    """The instance a call gets, given back at once."""
    loan = await borrow(stock, resource)
    loan.end()
    await settled()
    return loan.values["x"]


async def settled() -> None:
    """Let what was begun in the background come to its end, also where one thing that ends wakes the next."""
    for _ in range(3):
        await anyio.wait_all_tasks_blocked()


async def test_fifty_first_calls_at_once_open_a_shared_instance_once(stock: Stock) -> None:
    db = stock.numbered()
    loans = await asyncio.gather(*(borrow(stock, db) for _ in range(50)))
    assert {loan.values["x"] for loan in loans} == {"db1"}
    assert stock.pool.snapshot() == {"db": ResourceStats(open=1, in_use=50, opened=1)}
    for loan in loans:
        loan.end()
        loan.end()
    assert stock.pool.snapshot() == {"db": ResourceStats(open=1, opened=1)}
    assert stock.log == ["+db1"]


async def test_specs_with_one_key_share_what_is_open_and_another_digest_does_not(stock: Stock) -> None:
    assert await used(stock, stock.numbered()) == "db1"
    assert await used(stock, stock.numbered()) == "db1"
    assert await used(stock, stock.numbered(digest="2")) == "db2"


async def test_a_pool_lends_each_instance_to_one_call_and_the_next_waits(stock: Stock) -> None:
    db = stock.numbered(size=2)
    first, second = await borrow(stock, db), await borrow(stock, db)
    assert {first.values["x"], second.values["x"]} == {"db1", "db2"}
    async with anyio.create_task_group() as group:
        got: list[Loan] = []

        async def third() -> None:
            got.append(await borrow(stock, db))

        group.start_soon(third)
        await settled()
        assert stock.pool.snapshot()["db"] == ResourceStats(open=2, in_use=2, waiting=1, opened=2)
        second.end()
    assert got[0].values == second.values
    first.end()
    got[0].end()
    assert stock.log == ["+db1", "+db2"]


async def test_a_call_that_asks_twice_for_a_pooled_resource_gets_one_instance(stock: Stock) -> None:
    db = stock.numbered(size=2)
    loan = await stock.pool.borrow({"a": db, "b": db})
    assert loan.values == {"a": "db1", "b": "db1"}
    loan.end()


async def test_a_cancelled_wait_leaves_its_place_to_the_next(stock: Stock) -> None:
    db = stock.numbered(size=2)
    held = [await borrow(stock, db), await borrow(stock, db)]
    with anyio.move_on_after(0.01) as scope:
        await stock.pool.borrow(one(db))
    assert scope.cancelled_caught
    for loan in held:
        loan.end()
    for loan in [await borrow(stock, db), await borrow(stock, db)]:
        loan.end()
    assert stock.pool.snapshot()["db"] == ResourceStats(open=2, opened=2)


@pytest.mark.parametrize("size", [1, 2])
async def test_what_was_opened_for_a_cancelled_call_serves_the_next(stock: Stock, size: int) -> None:
    gate = asyncio.Event()
    opened: list[int] = []

    async def factory() -> int:
        opened.append(1)
        await gate.wait()
        return len(opened)

    db = spec(factory, size=size)
    with anyio.move_on_after(0.01):
        await stock.pool.borrow(one(db))
    gate.set()
    await settled()
    assert await used(stock, db) == 1
    assert stock.pool.snapshot()["db"] == ResourceStats(open=1, opened=1)


@pytest.mark.parametrize("size", [1, 2])
async def test_a_call_that_cannot_open_fails_with_the_name_and_the_next_tries_again(stock: Stock, size: int) -> None:
    answers: list[Any] = [OSError("refused"), SystemExit(3), "open"]

    def factory() -> Any:
        if isinstance(answer := answers.pop(0), BaseException):
            raise answer
        return answer

    db = spec(factory, size=size)
    with pytest.raises(ToolFailed, match="Resource 'db' could not be opened: OSError: refused") as caught:
        await borrow(stock, db)
    assert (caught.value.started, caught.value.attempts, caught.value.retryable) == (False, 0, True)
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(ToolFailed, match="RuntimeError: SystemExit: 3"):
        await borrow(stock, db)
    assert await used(stock, db) == "open"
    assert stock.pool.snapshot()["db"] == ResourceStats(open=1, opened=1, failed=2)


async def test_what_a_factory_says_on_purpose_reaches_the_call(stock: Stock) -> None:
    async def factory() -> None:
        raise ToolError("in maintenance", hint="Ask tomorrow.", retryable=False)

    with pytest.raises(ToolFailed, match="'db' could not be opened: in maintenance") as caught:
        await borrow(stock, spec(factory))
    assert (caught.value.hint, caught.value.retryable) == ("Ask tomorrow.", False)


async def test_calls_that_waited_for_one_failed_opening_have_an_error_each(stock: Stock) -> None:
    async def factory() -> None:
        raise OSError("refused")

    errors = await asyncio.gather(*(borrow(stock, spec(factory)) for _ in range(3)), return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert {str(error) for error in errors} == {"Resource 'db' could not be opened: OSError: refused"}
    assert stock.pool.snapshot()["db"].failed == 1


@pytest.mark.parametrize("size", [1, 2])
async def test_an_instance_that_is_too_old_is_replaced_and_closed_after_its_last_user(stock: Stock, size: int) -> None:
    db = stock.numbered(size=size, max_age_s=60.0)
    held = await borrow(stock, db)
    stock.clock.advance(59.9)
    if size == 1:
        assert await used(stock, db) == "db1"
    stock.clock.advance(0.1)
    assert await used(stock, db) == "db2"
    assert stock.log == ["+db1", "+db2"]
    held.end()
    await settled()
    assert stock.log == ["+db1", "+db2", "-db1"]


@pytest.mark.parametrize("answer", [False, OSError("gone")])
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("size", [1, 2])
async def test_a_dead_instance_is_replaced_before_reuse(stock: Stock, answer: Any, is_async: bool, size: int) -> None:
    asked: list[str] = []

    def look(value: str) -> bool:
        asked.append(value)
        if value == "db1" and len(asked) == 2:
            if isinstance(answer, Exception):
                raise answer
            return False
        return True

    async def look_async(value: str) -> bool:
        return look(value)

    db = stock.numbered(size=size, health=look_async if is_async else look, health_every_s=10.0)
    assert [await used(stock, db), await used(stock, db), asked] == ["db1", "db1", []]
    stock.clock.advance(10.0)
    assert [await used(stock, db), await used(stock, db), asked] == ["db1", "db1", ["db1"]]
    stock.clock.advance(10.0)
    assert [await used(stock, db), asked] == ["db2", ["db1", "db1"]]
    assert stock.log == ["+db1", "+db2", "-db1"]


async def test_a_shared_instance_that_is_given_back_while_it_is_looked_at_stays_open(stock: Stock) -> None:
    looking, go_on = asyncio.Event(), asyncio.Event()

    async def look(value: str) -> bool:
        looking.set()
        await go_on.wait()
        return True

    db = stock.numbered(health=look, health_every_s=0)
    held = await borrow(stock, db)
    async with anyio.create_task_group() as group:
        group.start_soon(used, stock, db)
        with anyio.fail_after(5):
            await looking.wait()
        held.end()
        await settled()
        go_on.set()
    assert stock.log == ["+db1"]
    assert await used(stock, db) == "db1"


async def test_a_shared_instance_that_is_not_well_is_closed_after_its_last_user(stock: Stock) -> None:
    db = stock.numbered(health=lambda value: value != "db1", health_every_s=10.0)
    held = await borrow(stock, db)
    stock.clock.advance(10.0)
    assert await used(stock, db) == "db2"
    assert stock.log == ["+db1", "+db2"]
    held.end()
    await settled()
    assert stock.log == ["+db1", "+db2", "-db1"]


async def test_what_nobody_used_for_long_is_closed_and_opened_again_when_needed(stock: Stock) -> None:
    db = stock.numbered(idle_s=30.0)
    held = await borrow(stock, db)
    stock.clock.advance(100.0)
    await stock.pool.trim()
    await settled()
    held.end()
    stock.clock.advance(29.0)
    await stock.pool.trim()
    await settled()
    assert stock.log == ["+db1"]
    stock.clock.advance(1.0)
    await stock.pool.trim()
    await settled()
    assert stock.log == ["+db1", "-db1"]
    assert await used(stock, db) == "db2"


async def test_what_no_living_release_has_is_closed_once_and_the_rest_stays(stock: Stock) -> None:
    old, both = stock.numbered("old"), stock.numbered("both")
    await used(stock, old)
    await used(stock, both)
    await stock.pool.keep([stock.numbered("both")])
    await stock.pool.keep([stock.numbered("both")])
    assert stock.log == ["+old1", "+both1", "-old1"]
    await stock.pool.close()
    await stock.pool.close()
    assert stock.log == ["+old1", "+both1", "-old1", "-both1"]
    assert stock.pool.snapshot()["old"] == ResourceStats(opened=1)


async def test_a_resource_is_closed_before_those_it_needs(stock: Stock) -> None:
    low = stock.numbered("low")
    high = stock.numbered("high", needs={"low": low})
    await used(stock, low)
    assert await used(stock, high) == "high1"
    assert stock.pool.snapshot()["low"] == ResourceStats(open=1, in_use=1, opened=1)
    await stock.pool.close()
    assert stock.log == ["+low1", "+high1", "-high1", "-low1"]
    assert stock.pool.snapshot()["low"] == ResourceStats(opened=1)


async def test_a_needed_resource_that_fails_is_named_in_the_error(stock: Stock) -> None:
    def factory() -> None:
        raise OSError("refused")

    with pytest.raises(ToolFailed, match="'high' could not be opened: Resource 'low' could not be opened: OSError"):
        await borrow(stock, stock.numbered("high", needs={"low": spec(factory, name="low")}))
    assert stock.log == []


async def test_it_is_opened_and_closed_by_one_task_with_a_context_of_its_own(stock: Stock) -> None:
    tasks = []
    WHO.set("the first call")

    async def factory() -> AsyncIterator[int]:
        assert WHO.get() == "nobody"
        tasks.append(asyncio.current_task())
        async with anyio.create_task_group() as group:  # must be left by the task that entered it
            group.start_soon(anyio.sleep_forever)
            yield 1
            group.cancel_scope.cancel()
        tasks.append(asyncio.current_task())

    assert await used(stock, spec(factory)) == 1
    await stock.pool.close()
    assert tasks[0] is tasks[1]
    assert tasks[0] is not asyncio.current_task()


async def test_an_instance_that_breaks_by_itself_is_replaced(stock: Stock, caplog: pytest.LogCaptureFixture) -> None:
    crash = asyncio.Event()

    async def breaks() -> None:
        await crash.wait()
        raise OSError("connection lost")

    async def factory() -> AsyncIterator[str]:
        async with anyio.create_task_group() as group:
            group.start_soon(breaks)
            yield f"open {crash.is_set()}"
            group.cancel_scope.cancel()

    db = spec(factory)
    assert await used(stock, db) == "open False"
    crash.set()
    await settled()
    assert "resource failed" in caplog.text
    crash.clear()
    assert await used(stock, db) == "open False"
    assert stock.pool.snapshot()["db"].opened == 2


async def test_a_close_that_fails_is_logged_and_stops_no_other(stock: Stock, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Any:
        yield 1
        raise OSError("cannot close")

    await used(stock, spec(fails, name="bad"))
    await used(stock, stock.numbered())
    with caplog.at_level(logging.WARNING):
        await stock.pool.close()
    assert stock.log == ["+db1", "-db1"]
    (record,) = [record for record in caplog.records if record.message == "resource failed"]
    assert (record.__dict__["resource"], record.__dict__["phase"]) == ("bad", "close")


async def test_a_close_that_does_not_end_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    stock = Stock(close_s=0.01)

    async def factory() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    await used(stock, spec(factory))
    with anyio.fail_after(5):
        await stock.pool.close()
    assert "resource did not close in time" in caplog.text
    assert stock.pool.snapshot()["db"].open == 0


async def test_a_close_that_was_cancelled_is_finished_by_the_next(stock: Stock) -> None:
    closing, go_on = asyncio.Event(), asyncio.Event()

    async def factory() -> AsyncIterator[int]:
        yield 1
        closing.set()
        await go_on.wait()
        stock.log.append("closed")

    await used(stock, spec(factory))
    with anyio.fail_after(5):
        sweep = asyncio.create_task(stock.pool.keep([]))
        await closing.wait()
        sweep.cancel()
        await asyncio.wait({sweep})
        go_on.set()
        await stock.pool.close()
    assert stock.log == ["closed"]


async def test_secrets_are_read_anew_for_each_call(stock: Stock) -> None:
    stock.env["KEY"] = "one"
    needs = {"key": Secret("KEY"), "other": Secret("OTHER", optional=True)}
    assert (await stock.pool.borrow(needs)).values == {"key": "one"}
    stock.env.update(KEY="two", OTHER="there")
    assert (await stock.pool.borrow(needs)).values == {"key": "two", "other": "there"}
    del stock.env["KEY"]
    with pytest.raises(ToolFailed, match="'KEY' is not set"):
        await stock.pool.borrow(needs)


async def test_a_part_of_toolcrib_is_lent_as_it_is() -> None:
    store = object()
    pool = ResourcePool(env={}, clock=FakeClock(), ports={"artifacts": store})
    assert (await pool.borrow({"x": Port("artifacts")})).values == {"x": store}
