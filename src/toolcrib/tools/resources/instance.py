"""One open instance of a resource, and the task that keeps it."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from toolcrib.core.errors import ToolcribError, ToolFailed
from toolcrib.core.ports import Clock, Loan
from toolcrib.core.results import said
from toolcrib.core.tools import Need, ResourceSpec
from toolcrib.tools.resources.opening import opened

log = logging.getLogger(__name__)
GRACE_S = 1.0
"""So long a close that was given up may take to notice it."""
Borrow = Callable[[Mapping[str, Need]], Awaitable[Loan]]


class Instance:
    """One open instance; made, it is being opened.

    A task of its own enters and leaves it: what is built on anyio's cancel scopes must be left by the task that entered
    it, and the call that happened to need it first may be long gone.

    Attributes:
        value: what tools get; None before it is open.
        users: loans that hold it.
        is_discarded: it is lent no more.
        opened_at, checked_at, used_at: readings of the monotonic clock.
    """

    def __init__(self, spec: ResourceSpec, *, borrow: Borrow, clock: Clock) -> None:
        self.value: Any = None
        self.users = 0
        self.is_discarded = False
        self.opened_at = self.checked_at = self.used_at = clock.monotonic()
        self._name = spec.name
        self._clock = clock
        self._leave = asyncio.Event()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # An empty context: the first call's run, tenant and trace are not the resource's.
        self._task = asyncio.create_task(
            self._keep(spec, borrow), name=f"toolcrib-resource-{spec.name}", context=contextvars.Context()
        )

    @property
    def is_gone(self) -> bool:
        """Whether it is closed, or closes itself because something of its own broke."""
        return self._task.done() or self._leave.is_set()

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and is not closed yet."""
        return self._ready.done() and self._ready.exception() is None and not self._task.done()

    async def ready(self) -> None:
        """Wait until it is open.

        Raises:
            Exception: why it could not be opened.
        """
        await asyncio.shield(self._ready)

    async def close(self, *, within_s: float) -> None:
        """Close it once, by the task that opened it; a failure is logged."""
        self._leave.set()
        await asyncio.wait({self._task}, timeout=within_s)
        if not self._task.done():
            log.warning("resource did not close in time", extra={"resource": self._name, "after_s": within_s})
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=GRACE_S)

    async def _keep(self, spec: ResourceSpec, borrow: Borrow) -> None:
        loan: Loan | None = None
        try:
            loan = await borrow(spec.needs)
            async with opened(spec.factory, loan.values) as value:
                self.value = value
                self.opened_at = self.checked_at = self.used_at = self._clock.monotonic()
                self._ready.set_result(None)
                await self._leave.wait()
        except BaseException as error:  # outer guard: project code; SystemExit would end the process
            task = asyncio.current_task()
            is_cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
            if not is_cancelled or not self._ready.done():
                self._failed(error)
            if is_cancelled:
                raise
        finally:
            self._leave.set()
            if loan is not None:
                loan.end()

    def _failed(self, error: BaseException) -> None:
        if not self._ready.done():
            self._ready.set_exception(_speakable(error))
            self._ready.exception()  # nobody may be waiting any more
            return
        phase = "close" if self._leave.is_set() else "keep"
        log.warning("resource failed", extra={"resource": self._name, "phase": phase}, exc_info=error)


def unopened(name: str, cause: Exception) -> ToolFailed:
    """The error of one call that needs the resource; the tool's code has not run, so it may be tried again."""
    detail, hint, retryable = f"{type(cause).__name__}: {said(cause).strip()}", "", True
    if isinstance(cause, ToolcribError):
        detail, hint, retryable = cause.message, cause.hint, cause.retryable
    error = ToolFailed(f"Resource {name!r} could not be opened: {detail.rstrip(': ')}", hint=hint)
    error.started, error.attempts, error.retryable = False, 0, retryable
    return error


def _speakable(raised: BaseException) -> Exception:
    """`raised`, or a stand-in for what must not reach a waiting call: StopIteration, SystemExit, cancellation."""
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    error = RuntimeError(f"{type(raised).__name__}: {said(raised)}".rstrip(": "))
    error.__cause__ = raised
    return error
