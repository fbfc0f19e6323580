"""What every `Locks` does."""

import asyncio

import anyio
import pytest

from toolcrib.core.ports import Locks

pytestmark = pytest.mark.anyio


async def waiter(locks: Locks, name: str, holder: str, served: list[str]) -> asyncio.Task[None]:
    """Somebody who is in line."""

    async def wait() -> None:
        await locks.acquire(name, holder=holder)
        served.append(holder)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    return task


async def got(*tasks: asyncio.Task[None]) -> None:
    with anyio.fail_after(5):
        await asyncio.gather(*tasks)


async def test_a_free_lock_is_had_at_once_and_known_by_its_holder(locks: Locks) -> None:
    assert locks.holders() == {}
    with anyio.fail_after(5):
        await locks.acquire("a", holder="one")
        await locks.acquire("b", holder="one")
    assert locks.holders() == {"a": "one", "b": "one"}
    locks.release("a", holder="one")
    assert locks.holders() == {"b": "one"}


async def test_those_who_wait_are_served_in_order_of_arrival(locks: Locks) -> None:
    served: list[str] = []
    await locks.acquire("a", holder="zero")
    tasks = [await waiter(locks, "a", holder, served) for holder in ("one", "two", "three")]
    assert served == []
    for number, holder in enumerate(("zero", "one", "two")):
        locks.release("a", holder=holder)
        await got(tasks[number])
        assert locks.holders() == {"a": served[-1]}
    assert served == ["one", "two", "three"]
    locks.release("a", holder="three")
    assert locks.holders() == {}


async def test_a_newcomer_cannot_snatch_the_lock_from_the_next_in_line(locks: Locks) -> None:
    served: list[str] = []
    await locks.acquire("a", holder="zero")
    first = await waiter(locks, "a", "first", served)
    locks.release("a", holder="zero")
    late = await waiter(locks, "a", "late", served)
    await got(first)
    assert served == ["first"]
    assert not late.done()
    locks.release("a", holder="first")
    await got(late)


async def test_a_cancelled_wait_leaves_nothing_behind(locks: Locks) -> None:
    served: list[str] = []
    await locks.acquire("a", holder="zero")
    gone, stays = await waiter(locks, "a", "gone", served), await waiter(locks, "a", "stays", served)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    locks.release("a", holder="zero")
    await got(stays)
    locks.release("a", holder="stays")
    assert served == ["stays"]
    assert locks.holders() == {}


async def test_a_lock_given_to_one_who_is_cancelled_goes_on_to_the_next(locks: Locks) -> None:
    served: list[str] = []
    await locks.acquire("a", holder="zero")
    unlucky, following = await waiter(locks, "a", "unlucky", served), await waiter(locks, "a", "following", served)
    locks.release("a", holder="zero")
    unlucky.cancel()
    await got(following)
    assert served == ["following"]
    assert locks.holders() == {"a": "following"}


async def test_the_last_wait_that_is_cancelled_leaves_the_lock_free(locks: Locks) -> None:
    await locks.acquire("a", holder="zero")
    gone = await waiter(locks, "a", "gone", [])
    gone.cancel()
    locks.release("a", holder="zero")
    await asyncio.gather(gone, return_exceptions=True)
    assert locks.holders() == {}
    with anyio.fail_after(5):
        await locks.acquire("a", holder="next")


async def test_only_its_holder_can_let_go_of_a_lock(locks: Locks) -> None:
    locks.release("a", holder="nobody")
    await locks.acquire("a", holder="one")
    locks.release("a", holder="other")
    assert locks.holders() == {"a": "one"}


async def test_the_holders_are_told_as_a_value_of_their_own(locks: Locks) -> None:
    await locks.acquire("a", holder="one")
    before = locks.holders()
    locks.release("a", holder="one")
    assert before == {"a": "one"}


async def test_two_calls_of_one_holder_have_the_lock_one_after_the_other(locks: Locks) -> None:
    served: list[str] = []
    await locks.acquire("a", holder="same")
    second = await waiter(locks, "a", "same", served)
    assert served == []
    locks.release("a", holder="same")
    await got(second)
    assert locks.holders() == {"a": "same"}
