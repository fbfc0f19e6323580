"""`Gate`: a semaphore whose line goes by priority and age, and whose limit can change while calls run."""

import asyncio
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

AGING_S = 1.0
HIGHEST_PRIORITY = 100
_SLACK = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What goes on at a gate: how many run, how many wait, and how many may run."""

    running: int
    waiting: int
    limit: int


class Gate:
    """At most `limit` calls run; at most `queue` more wait, in an order in which nobody starves.

    Each `AGING_S` seconds of waiting count as much as one more of priority. All who wait age at the same pace, so their
    order is settled when they come, and a heap keeps it. Priorities count between -100 and 100 only: a call can be
    overtaken by those that come up to 200 x `AGING_S` seconds after it, and by no later one.

    A permit goes straight from the call that ends to the first in line: a newcomer cannot snatch it in between.

    Attributes:
        limit, queue: see above; changed by `resize` only.
        running: permits given out, those of calls that are just being woken included.
        waiting: calls in line.
        lent: permits that will be taken back.
    """

    __slots__ = ("_line", "_tickets", "lent", "limit", "queue", "running", "waiting")

    def __init__(self, *, limit: int, queue: int) -> None:
        self.limit = limit
        self.queue = queue
        self.running = 0
        self.waiting = 0
        self.lent = 0
        # (when it would have come at priority 0, number in order of arrival, its turn); some of them have given up.
        self._line: list[tuple[float, int, asyncio.Future[None]]] = []
        self._tickets = 0

    @property
    def is_full(self) -> bool:
        """Whether one more call could neither run nor wait."""
        return self.running >= self.limit and self.waiting >= self.queue

    @property
    def state(self) -> GateState:
        """What goes on now."""
        return GateState(running=self.running, waiting=self.waiting, limit=self.limit)

    def take(self) -> bool:
        """Take a permit if one is free."""
        if self.running >= self.limit:
            return False
        self.running += 1
        return True

    async def acquire(self, *, priority: int, now: float) -> bool:
        """Take a permit, after a wait if need be; a cancelled wait leaves nothing behind.

        Args:
            priority: the higher goes first.
            now: reading of the monotonic clock, from which the wait ages.

        Returns:
            False when the line is full: then nothing was taken.
        """
        if self.take():
            return True
        if self.waiting >= self.queue:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        head_start_s = max(-HIGHEST_PRIORITY, min(HIGHEST_PRIORITY, priority)) * AGING_S
        self._tickets += 1
        heappush(self._line, (now - head_start_s, self._tickets, turn))
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # woken and cancelled at the same moment: the permit is the next one's
            else:
                turn.cancel()
                self._give_up()
            raise
        return True

    def lend(self) -> None:
        """Give a permit to others for a while."""
        self.lent += 1
        self.release()

    def take_back(self) -> None:
        """Take a lent permit again, at once: when none is free, above the limit for a while."""
        self.lent -= 1
        self.running += 1

    def release(self) -> None:
        """Give a permit back: to the first in line, unless more run than may."""
        if self.running > self.limit or not self._wake():
            self.running -= 1

    def resize(self, *, limit: int, queue: int) -> None:
        """Change the limits. What runs runs on, and who waits keeps his place, even above the new ones."""
        self.limit, self.queue = limit, queue
        while self.running < limit and self._wake():
            self.running += 1

    def _wake(self) -> bool:
        """Hand a permit to the first in line; False when nobody waits."""
        while self._line:
            turn = heappop(self._line)[2]
            if not turn.done():
                self.waiting -= 1
                turn.set_result(None)
                return True
        return False

    def _give_up(self) -> None:
        """One who waited was cancelled. Such stay in the heap until they are its greater part."""
        self.waiting -= 1
        if len(self._line) > 2 * self.waiting + _SLACK:
            self._line = [entry for entry in self._line if not entry[2].done()]
            heapify(self._line)
