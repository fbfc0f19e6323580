"""A release store whose n-th call fails, before or after it has done its work."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from toolcrib.stores.memory.releases import MemoryReleaseStore

When = Literal["before", "after"]


class StoreAway(Exception):
    """The store cannot be reached."""


@dataclass(slots=True)
class FailingStore:
    """A `ReleaseStore` around another one. `fail_at` counts calls from 1; 0 never fails."""

    inner: MemoryReleaseStore = field(default_factory=MemoryReleaseStore)
    fail_at: int = 0
    when: When = "before"
    interrupt: Callable[[], Any] | None = None
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            due = len(self.calls) == self.fail_at
            if due and self.when == "before":
                await self._fail()
            result = await method(*args, **kwargs)
            if due and self.when == "after":
                await self._fail()
            return result

        return call

    async def _fail(self) -> None:
        if self.interrupt is not None:
            await self.interrupt()
        else:
            raise StoreAway
