"""Calls of one step at once: bounded, none lost by another one's failure, and questions to people in call order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from langgraph.errors import GraphBubbleUp

from toolcrib.agents.live.approvals import Agreed

T = TypeVar("T")
MAX_PARALLEL = 16


class Turn:
    """One call's place among the calls of its step. LangGraph matches people's answers to questions by their order.

    Attributes:
        agreed: what may be done about the call; None for one of which nobody has to know.
    """

    def __init__(self, before: "Sequence[Turn]" = (), *, agreed: Agreed | None = None, alone: bool = False) -> None:
        self.agreed = agreed
        self._before = before
        self._over: Future[None] | None = None if alone else Future()

    async def comes(self) -> None:
        """Wait until all calls before this one are over; those never wait for later ones."""
        for over in (turn._over for turn in self._before):
            if over is not None:
                await asyncio.shield(asyncio.wrap_future(over))

    def end(self) -> None:
        """The call is over, whatever came of it."""
        if self._over is not None and not self._over.done():
            self._over.set_result(None)


def turns(agreed: Sequence[Agreed | None]) -> list[Turn]:
    """A turn for each call of a step, in their order."""
    made: list[Turn] = []
    for one in agreed:
        made.append(Turn(tuple(made), agreed=one, alone=len(agreed) == 1))
    return made


async def in_parallel(calls: Sequence[Callable[[], Awaitable[T]]], *, limit: int = MAX_PARALLEL) -> list[T]:
    """All results in order. What one raises is raised when all are over, LangGraph's control flow before failures."""
    if len(calls) == 1:
        return [await calls[0]()]
    gate = asyncio.Semaphore(limit)

    async def bounded(call: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await call()

    outcomes = await asyncio.gather(*map(bounded, calls), return_exceptions=True)
    raised = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if raised:
        raise next((error for error in raised if isinstance(error, GraphBubbleUp)), raised[0])
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
