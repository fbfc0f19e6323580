"""From one event loop to another: what must not be broken off by the one who asks for it."""

import asyncio
from functools import partial

import anyio
import pytest

from toolcrib.execution.loops import whole_on_loop

pytestmark = pytest.mark.anyio


async def test_work_on_another_loop_comes_to_its_end_when_who_asked_and_his_loop_are_gone() -> None:
    home, begun, gate, done = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await gate.wait()
        done.set()

    async def elsewhere() -> None:
        asking = asyncio.ensure_future(whole_on_loop(home, work))
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begun.wait(), home))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with anyio.fail_after(5):
        await asyncio.to_thread(asyncio.run, elsewhere())
        gate.set()
        await done.wait()


async def test_its_result_and_its_failure_come_back() -> None:
    async def answer(of: int) -> int:
        return 4 // of

    home = asyncio.get_running_loop()
    assert await asyncio.to_thread(asyncio.run, whole_on_loop(home, partial(answer, 2))) == 2
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(asyncio.run, whole_on_loop(home, partial(answer, 0)))
