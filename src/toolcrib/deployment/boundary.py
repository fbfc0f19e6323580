"""`Boundary`: what a process took from its project when it started, and what a restart would take up by now."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from toolcrib.core.events import RestartNeeded
from toolcrib.core.ports import EventSink
from toolcrib.core.releases import ColdChange
from toolcrib.loader.cold.facts import Facts, cold_changes, read_facts
from toolcrib.loader.cold.started import leave, recall, take_back


class Boundary:
    """Compares the project with what it was when the process started.

    Args:
        read: what a process that starts now would take from the project, given what was read before.
        started: what the process took.
        events: told when the answer changes.
    """

    def __init__(self, *, read: Callable[[Facts], Facts], started: Facts, events: EventSink) -> None:
        self._read = read
        self._started = self._latest = started
        self._events = events
        self._needed: tuple[ColdChange, ...] = ()

    @property
    def needed(self) -> tuple[ColdChange, ...]:
        """What needs a restart, as of the last look."""
        return self._needed

    async def look(self) -> tuple[ColdChange, ...]:
        """Look at the project; what needs a restart."""
        self._latest = await asyncio.to_thread(self._read, self._latest)
        needed = cold_changes(self._started, self._latest)
        if needed != self._needed:
            self._needed = needed
            self._events.emit(RestartNeeded(changes=needed))
        return needed


async def open_boundary(
    state: Path, stack: AsyncExitStack, *, env: Mapping[str, str], events: EventSink, serving_as: str
) -> Boundary:
    """The boundary of a project, with what this process takes from it now.

    Args:
        state: the project's state directory.
        stack: when it is closed, the word that was left is taken back.
        env: environment for the settings' `${env:NAME}` and `${secret:NAME}`.
        events: told when the answer changes.
        serving_as: a name of this process, which serves: word of its start is left for others. Empty for one that only
            looks in: it compares with what the serving one took.
    """

    def read(before: Facts) -> Facts:
        return read_facts(state.parent, env=env, before=before)

    started = await asyncio.to_thread(read, {})
    if serving_as:
        await asyncio.to_thread(leave, state, started, token=serving_as)
        stack.callback(take_back, state, token=serving_as)
    else:
        started = await asyncio.to_thread(recall, state, started)
    return Boundary(read=read, started=started, events=events)
