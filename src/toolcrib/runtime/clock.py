"""The real clock, chance and ids: the one file that touches them."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable

from uuid_utils import uuid7


class SystemClock:
    """`Clock` of this machine."""

    def __init__(self) -> None:
        self.monotonic: Callable[[], float] = time.monotonic  # itself, for each call of a tool asks several times
        self.now: Callable[[], float] = time.time

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


class SystemRandom:
    """`Random` of this process."""

    def uniform(self, low: float, high: float) -> float:
        """See `Random.uniform`."""
        return random.uniform(low, high)


class TimeOrderedIds:
    """`IdFactory` of UUIDs version 7 (RFC 9562): unique, and sorted by the time they were made."""

    def new(self) -> str:
        """See `IdFactory.new`."""
        return str(uuid7())


def new_handle() -> str:
    """A handle for an artifact: 128 bits that nobody can guess, in letters a model copies without mistakes."""
    return f"art_{secrets.token_hex(16)}"
