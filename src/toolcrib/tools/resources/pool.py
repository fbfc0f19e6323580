"""`ResourcePool`: everything that is open for the tools of a project."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from toolcrib.core.decorator import Port, Secret
from toolcrib.core.errors import ToolFailed
from toolcrib.core.ports import Clock, ResourceStats
from toolcrib.core.tools import Need, ResourceSpec
from toolcrib.tools.resources.catalogue import depth
from toolcrib.tools.resources.instance import Instance
from toolcrib.tools.resources.loan import Borrowed
from toolcrib.tools.resources.supply import Supply

CLOSE_S = 10.0
"""So long closing one instance may take; then it is given up, with a warning."""
Key = tuple[str, str]


class ResourcePool:
    """`Resources`: a supply for each resource that was ever asked for and is not retired.

    Releases whose resource has the same key (name, and digest of its factory's code) find the same supply.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str],
        clock: Clock,
        ports: Mapping[str, Any] = MappingProxyType({}),
        close_s: float = CLOSE_S,
    ) -> None:
        """A pool with nothing open.

        Args:
            env: where secrets are.
            clock: what ages are told by.
            ports: name -> part of toolcrib that built-in tools may ask for.
            close_s: so long closing one instance may take.
        """
        self._env = env
        self._ports = ports
        self._clock = clock
        self._close_s = close_s
        self._supplies: dict[Key, Supply] = {}
        self._leaving: list[Supply] = []
        self._past: dict[str, ResourceStats] = {}

    async def borrow(self, needs: Mapping[str, Need]) -> Borrowed:
        """See `Resources.borrow`; takes them in the order of `needs`, one instance of each resource."""
        values: dict[str, Any] = {}
        taken: dict[Key, tuple[Supply, Instance]] = {}
        loan = Borrowed(MappingProxyType(values), lambda: _give_back(taken))
        try:
            for parameter, need in needs.items():
                if isinstance(need, Secret):
                    values.update(self._read(parameter, need))
                    continue
                if isinstance(need, Port):
                    values[parameter] = self._ports[need.name]
                    continue
                if need.key not in taken:
                    supply = self._supply(need)
                    taken[need.key] = supply, await supply.take()
                values[parameter] = taken[need.key][1].value
        except BaseException:
            loan.end()
            raise
        return loan

    async def keep(self, live: Iterable[ResourceSpec]) -> None:
        """See `Resources.keep`."""
        keys = {spec.key for spec in live}
        self._leaving += [self._supplies.pop(key) for key in tuple(self._supplies) if key not in keys]
        await self._close_leaving()

    async def trim(self) -> None:
        """See `Resources.trim`."""
        for supply in tuple(self._supplies.values()):
            supply.trim()

    async def close(self) -> None:
        """Close everything; the project is closed."""
        await self.keep(())

    def snapshot(self) -> Mapping[str, ResourceStats]:
        """See `Resources.snapshot`."""
        found = dict(self._past)
        for supply in (*self._supplies.values(), *self._leaving):
            found[supply.spec.name] = _sum(found.get(supply.spec.name), _stats(supply))
        return MappingProxyType(found)

    def _supply(self, spec: ResourceSpec) -> Supply:
        supply = self._supplies.get(spec.key)
        if supply is None:
            supply = Supply(spec, borrow=self.borrow, clock=self._clock, close_s=self._close_s)
            self._supplies[spec.key] = supply
        return supply

    def _read(self, parameter: str, secret: Secret) -> dict[str, str]:
        value = self._env.get(secret.name)
        if value is not None:
            return {parameter: value}
        if secret.optional:
            return {}
        error = ToolFailed(f"The environment variable {secret.name!r} is not set.", hint="The operator must set it.")
        error.started, error.attempts = False, 0
        raise error

    async def _close_leaving(self) -> None:
        """Those that need others first, since they may use them to their end; a cancelled one is closed at the end."""
        for level in sorted({depth(supply.spec) for supply in self._leaving}, reverse=True):
            group = [supply for supply in self._leaving if depth(supply.spec) == level]
            await asyncio.gather(*(supply.close() for supply in group))
            for supply in group:
                if supply in self._leaving:
                    self._leaving.remove(supply)
                    past = replace(_stats(supply), open=0, in_use=0, waiting=0)
                    self._past[supply.spec.name] = _sum(self._past.get(supply.spec.name), past)


def _give_back(taken: dict[Key, tuple[Supply, Instance]]) -> None:
    while taken:
        _, (supply, instance) = taken.popitem()
        supply.give_back(instance)


def _stats(supply: Supply) -> ResourceStats:
    return ResourceStats(
        open=supply.open,
        in_use=supply.in_use,
        waiting=supply.waiting,
        opened=supply.opened,
        failed=supply.failed,
    )


def _sum(first: ResourceStats | None, second: ResourceStats) -> ResourceStats:
    if first is None:
        return second
    return ResourceStats(
        open=first.open + second.open,
        in_use=first.in_use + second.in_use,
        waiting=first.waiting + second.waiting,
        opened=first.opened + second.opened,
        failed=first.failed + second.failed,
    )
