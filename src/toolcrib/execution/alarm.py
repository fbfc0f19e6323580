"""An alarm for a call: what `asyncio.timeout` does, at half its cost, and at none for a call that does not wait."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")
A = TypeVar("A")


class TimeIsOver(Exception):
    """The alarm went off."""


@coroutine
def within(left_s: float, work: Callable[[A], Coroutine[Any, Any, T]], given: A) -> Generator[Any, Any, T]:
    """Do `work(given)`, but cancel it after so many seconds.

    The alarm is set when the work waits for the first time; nothing could ring it before. A cancellation from outside
    goes through, also when it comes together with the alarm
    (https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.uncancel).

    Raises:
        TimeIsOver: the time was over; its cause is the cancellation that came out of the work.
    """
    working = work(given)
    try:
        pending = working.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    before, rang = task.cancelling(), False

    def ring() -> None:
        nonlocal rang
        rang = True
        task.cancel()

    # In a context of its own: the loop keeps cancelled alarms for a while, and with them what their context holds.
    alarm = loop.call_at(loop.time() + left_s, ring, context=Context())
    try:
        result = yield from _go_on(working, pending)
    except asyncio.CancelledError as cancelled:
        if rang and task.uncancel() <= before:
            raise TimeIsOver from cancelled
        raise
    finally:
        alarm.cancel()
    if rang:  # the work would not be cancelled, and came to its end
        task.uncancel()
    return result


@coroutine
def _go_on(working: Coroutine[Any, Any, T], pending: Any) -> Generator[Any, Any, T]:
    """Await work that waits for `pending` already."""
    while True:
        try:
            yield pending
        except BaseException as error:  # noqa: BLE001 - outer guard: whatever ends the wait belongs to the work
            try:
                pending = working.throw(error)
            except StopIteration as done:
                result: T = done.value
                return result
        else:
            result = yield from working
            return result
