"""The alarm does what `asyncio.timeout` does, and is not even set for work that does not wait."""

import asyncio
from typing import Any

import anyio
import pytest

from toolcrib.execution.alarm import TimeIsOver, within

pytestmark = pytest.mark.anyio


async def answers(value: Any) -> Any:
    return value


async def waits(turns: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return turns


async def hangs(ended: list[str]) -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise
    return "never"


async def test_work_gives_its_result_whether_it_waits_or_not() -> None:
    assert await within(60, answers, "a") == "a"
    assert await within(60, waits, 3) == 3


async def test_work_that_does_not_wait_sets_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    alarms: list[float] = []
    loop = asyncio.get_running_loop()
    original = loop.call_at

    def call_at(when: float, *rest: Any, **how: Any) -> asyncio.TimerHandle:
        alarms.append(when)
        return original(when, *rest, **how)

    monkeypatch.setattr(loop, "call_at", call_at)
    await within(60, answers, 1)
    assert alarms == []
    await within(60, waits, 1)
    assert len(alarms) == 1


async def test_work_that_takes_too_long_is_cancelled() -> None:
    ended: list[str] = []
    with anyio.fail_after(5), pytest.raises(TimeIsOver) as caught:
        await within(0.01, hangs, ended)
    assert ended == ["cancelled"]
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError(), TimeoutError()])
@pytest.mark.parametrize("turns", [0, 1])
async def test_errors_of_the_work_go_through(error: BaseException, turns: int) -> None:
    async def fails(turns: int) -> None:
        await waits(turns)
        raise error

    with pytest.raises(type(error)) as caught:
        await within(60, fails, turns)
    assert caught.value is error


async def test_a_cancellation_from_outside_goes_through_and_into_the_work() -> None:
    ended: list[str] = []

    async def caller() -> None:
        await within(60, hangs, ended)

    with anyio.fail_after(5):
        task = asyncio.create_task(caller())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == ["cancelled"]


async def test_a_cancellation_from_outside_that_comes_with_the_alarm_is_not_swallowed() -> None:
    ended: list[str] = []

    async def caller() -> None:
        await within(0.0, hangs, ended)

    with anyio.fail_after(5):
        task = asyncio.create_task(caller())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_nearest_of_two_alarms_rings() -> None:
    async def inner(ended: list[str]) -> str:
        return await within(60, hangs, ended)

    async def outer(ended: list[str]) -> str:
        return await within(0.01, hangs, ended)

    with anyio.fail_after(5):
        with pytest.raises(TimeIsOver):
            await within(0.01, inner, [])
        with pytest.raises(TimeIsOver):
            await within(60, outer, [])


async def test_work_that_will_not_be_cancelled_gives_its_result_and_harms_nothing_after_it() -> None:
    async def stubborn(value: str) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return value

    with anyio.fail_after(5):
        assert await within(0.01, stubborn, "done") == "done"
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
