"""Locks in memory: what the contract cannot see, the memory they take."""

import asyncio

import pytest

from toolcrib.stores.memory.locks import MemoryLocks

pytestmark = pytest.mark.anyio


async def test_a_storm_of_cancelled_waits_does_not_fill_the_memory() -> None:
    locks = MemoryLocks()
    await locks.acquire("a", holder="holds")
    for number in range(100):
        task = asyncio.create_task(locks.acquire("a", holder=f"gone-{number}"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert len(locks._lines["a"]) == 0
    locks.release("a", holder="holds")
    assert (locks._lines, locks._holders) == ({}, {})
