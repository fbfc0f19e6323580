"""An agent's graph as another server runs it: its release in the config, and somebody who sees how the run ends."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent

from toolcrib.agents.scope import SCOPE_KEY, ChatModels, RunScope
from toolcrib.agents.state.migration import RELEASE, REVISION
from toolcrib.core.agents import Agent
from toolcrib.core.errors import InputInvalid
from toolcrib.core.money import Account, AccountState, Amount
from toolcrib.core.stores.budgets import Reservation, Till
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.loops import on_loop, whole_on_loop


class GuestWatch(GraphCallbackHandler):
    """Sees whether a run began at all, and how the graph ended, the last time if it was run more than once.

    Attributes:
        began: the graph was run; a server also asks for it to read a thread, or to draw it.
        waits: it stopped with a question.
        failure: what it raised, also where nobody outside hears of it.
    """

    run_inline = True

    def __init__(self) -> None:
        self._whole: UUID | None = None
        self.began = False
        self.waits = False
        self.failure: BaseException | None = None

    def on_chain_start(self, *args: Any, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        """The graph, or a part of it, begins."""
        if self._whole is None:
            self._whole, self.began, self.waits, self.failure = run_id, True, False, None

    def on_chain_end(self, *args: Any, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        """It ends."""
        if run_id == self._whole:
            self._whole = None

    def on_chain_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """It fails, is cancelled, or stops within a graph of the server's own."""
        if run_id == self._whole:
            self._whole, self.failure = None, None if is_bubble_up(error) else error

    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        """The graph stops with a question."""
        self.waits = True


class ModelsElsewhere:
    """The models of a project, for graphs on another event loop than its own: made there, given out here."""

    def __init__(self, models: ChatModels, loop: asyncio.AbstractEventLoop) -> None:
        self._models = models
        self._loop = loop

    async def get(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        """See `Models.get`."""
        return await on_loop(self._loop, partial(self._models.get, name, options))


class TillElsewhere:
    """The accounts of a project, for graphs on another event loop than its own."""

    def __init__(self, till: Till, loop: asyncio.AbstractEventLoop) -> None:
        self._till = till
        self._loop = loop

    async def reserve(self, reservation: Reservation) -> AccountState | None:
        """See `Till.reserve`."""
        return await on_loop(self._loop, partial(self._till.reserve, reservation))

    async def settle(self, reservation_id: str, spent: Amount) -> bool:
        """See `Till.settle`."""
        return await whole_on_loop(self._loop, partial(self._till.settle, reservation_id, spent))

    async def states(self, accounts: Sequence[Account]) -> Sequence[AccountState]:
        """See `Till.states`."""
        return await on_loop(self._loop, partial(self._till.states, accounts))


def guest_graph(agent: Agent, scope: RunScope, callbacks: Sequence[BaseCallbackHandler]) -> Any:
    """The agent's graph, pinned by `scope`. Where its threads are saved is the other server's to say.

    Raises:
        InputInvalid: the agent's graph is made anew for each run.
    """
    if agent.per_run is not None:
        message = f"The graph of agent {agent.name!r} is made anew for each run, which no other server can do for us."
        raise InputInvalid(message, hint="Name its own factory in that server's langgraph.json.")
    config: RunnableConfig = {
        "configurable": {SCOPE_KEY: scope},
        "metadata": {RELEASE: scope.release.id, REVISION: agent.revision},
        "callbacks": list(callbacks),
        "recursion_limit": 2 * agent.spec.limits.iterations + 5,
    }
    return agent.graph.copy({"checkpointer": None}).with_config(config)
