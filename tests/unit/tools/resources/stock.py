"""A resource pool on a clock that stands still, and factories that remember what was opened and closed."""

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.core.tools import Need, ResourceSpec
from toolcrib.testing import FakeClock
from toolcrib.tools.resources.pool import ResourcePool


@dataclass(slots=True, kw_only=True)
class Stock:
    """A pool, and the log of what its factories did: `+1` opened, `-1` closed."""

    clock: FakeClock = field(default_factory=FakeClock)
    env: dict[str, str] = field(default_factory=dict)
    close_s: float = 5.0
    log: list[str] = field(default_factory=list)
    pool: ResourcePool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = ResourcePool(env=self.env, clock=self.clock, close_s=self.close_s)

    def numbered(self, name: str = "db", digest: str = "1", **more: Any) -> ResourceSpec:
        """A resource whose instances are the numbers 1, 2, …"""

        async def factory(**values: Any) -> AsyncIterator[str]:
            number = sum(entry.startswith(f"+{name}") for entry in self.log) + 1
            self.log.append(f"+{name}{number}")
            yield f"{name}{number}"
            self.log.append(f"-{name}{number}")

        return spec(factory, name=name, digest=digest, **more)


def spec(factory: Callable[..., Any], *, name: str = "db", digest: str = "1", **more: Any) -> ResourceSpec:
    assert inspect.isroutine(factory)
    return ResourceSpec(name=name, digest=digest, factory=factory, **more)


def one(resource: ResourceSpec) -> Mapping[str, Need]:
    """What a tool with one parameter `x` needs."""
    return {"x": resource}
