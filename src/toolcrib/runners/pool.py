"""What pools of workers tell of themselves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    """How a pool of workers does.

    Attributes:
        size: workers there are.
        busy: those with a call, calls that nobody waits for any more included.
        waiting: calls that wait for a worker.
        started, ended: workers since the pool was made.
    """

    size: int
    busy: int
    waiting: int
    started: int
    ended: int
