"""Flights: of several calls that want the same one runs, and the others wait for what it brings (single flight)."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """The runs under way, by key.

    Whoever begins a run works in its own task, at no cost while nobody joins, and says how it landed. One that lands
    with nothing (its caller was cancelled, or its own time was over) leaves the next of those who wait to begin anew.
    """

    def __init__(self) -> None:
        self._flying: dict[str, list[asyncio.Future[T | None]]] = {}

    def __len__(self) -> int:
        """How many runs are under way."""
        return len(self._flying)

    def begin(self, key: str) -> bool:
        """Begin a run; False when one with this key is under way. Who began it must let it `land`."""
        if key in self._flying:
            return False
        self._flying[key] = []
        return True

    def awaited(self, key: str) -> bool:
        """Whether anybody waits for the run with this key."""
        line = self._flying.get(key)
        return not all(one.done() for one in line) if line else False

    def land(self, key: str, brought: T | None) -> None:
        """End a run, with what those who wait get; None lets one of them begin anew."""
        for one in self._flying.pop(key):
            if not one.done():
                one.set_result(brought)

    async def wait(self, key: str, left_s: float | None) -> T | None:
        """What the run under way brings; None when it brought nothing.

        Args:
            key: the run's key.
            left_s: seconds to wait; None as long as it takes.

        Raises:
            TimeoutError: the time is over; the run goes on.
        """
        landing: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._flying[key].append(landing)
        async with asyncio.timeout(left_s):
            return await landing
