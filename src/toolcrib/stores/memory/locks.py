"""Named locks in memory: for one process."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping


class MemoryLocks:
    """`Locks` in memory. A lock goes straight from its holder to the first in line; a free one takes no memory."""

    def __init__(self) -> None:
        self._holders: dict[str, str] = {}
        self._lines: dict[str, OrderedDict[asyncio.Future[None], str]] = {}

    async def acquire(self, name: str, *, holder: str) -> None:
        """See `Locks.acquire`."""
        if name not in self._holders:
            self._holders[name] = holder
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(name, OrderedDict())[turn] = holder
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(name, holder=holder)  # given and cancelled at the same moment
            else:
                self._lines.get(name, OrderedDict()).pop(turn, None)
            raise

    def release(self, name: str, *, holder: str) -> None:
        """See `Locks.release`; who does not hold the lock changes nothing."""
        if self._holders.get(name) != holder:
            return
        del self._holders[name]
        line = self._lines.get(name)
        while line and name not in self._holders:
            turn, following = line.popitem(last=False)
            if not turn.done():
                self._holders[name] = following
                turn.set_result(None)
        if not line:
            self._lines.pop(name, None)

    def holders(self) -> Mapping[str, str]:
        """See `Locks.holders`."""
        return dict(self._holders)
