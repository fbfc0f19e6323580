"""Flights: several calls that want the same thing wait for one run of it (single flight)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """One run and those who wait for it; they own it, and the last one to leave ends it."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.waiting = 0


class Flights(Generic[T]):
    """The runs under way, by key.

    The run is a task of its own, in the context of the first caller: whoever is cancelled or out of time, the others
    get the result. With nobody left to wait the run is cancelled, and the last one leaves only when it has ended, as if
    it had run the work itself.
    """

    def __init__(self) -> None:
        self._flying: dict[str, Flight[T]] = {}

    def __len__(self) -> int:
        """How many runs are under way."""
        return len(self._flying)

    def waiting(self, key: str) -> int:
        """How many wait for the run with this key."""
        flight = self._flying.get(key)
        return flight.waiting if flight else 0

    async def join(self, key: str, work: Callable[[], Coroutine[Any, Any, T]], left_s: float | None) -> tuple[T, bool]:
        """Wait for the run with this key; it is begun when there is none.

        Args:
            key: what to share.
            work: the run. What it raises, only its beginner should see: let it return errors.
            left_s: seconds to wait; None as long as it takes.

        Returns:
            What the run gave, and whether this caller began it.

        Raises:
            TimeoutError: the time is over.
            FlightLost: somebody from outside cancelled the run.
        """
        flight = self._flying.get(key)
        begins = flight is None or flight.task.done()  # an ended run has counted those it is for
        if flight is None or begins:
            flight = Flight(asyncio.create_task(work(), name="toolcrib-flight"))
            self._flying[key] = flight
            flight.task.add_done_callback(lambda task: self._forget(key, task))
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,), timeout=left_s)
            if not flight.task.done():
                raise TimeoutError
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight.task)  # at once: who comes now begins anew, and is not cancelled with it
                await _ended(flight.task)
        if flight.task.cancelled():
            raise FlightLost
        return flight.task.result(), begins

    def _forget(self, key: str, task: asyncio.Task[T]) -> None:
        flight = self._flying.get(key)
        if flight is not None and flight.task is task:
            del self._flying[key]


class FlightLost(Exception):
    """The run was cancelled by somebody who does not wait for it."""


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel the task and wait for its end; a cancellation meanwhile is handed on to it, and raised afterwards."""
    task.cancel()
    again = False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            again = True
            task.cancel()
    if again:
        raise asyncio.CancelledError
