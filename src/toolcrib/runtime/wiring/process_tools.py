"""`ProcessTools`: ties the worker processes to the releases: what they load, when they are warmed, when they end."""

import asyncio
from collections.abc import Callable

from toolcrib.core.errors import ReleaseNotFound
from toolcrib.core.events import Deployed, Event, ReleaseRetired
from toolcrib.core.tools import Tool
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runners.processes.limits import Limits
from toolcrib.runners.processes.runner import ProcessRunner
from toolcrib.runtime.worker import LOAD, pack_release

HEARD: frozenset[type[Event]] = frozenset({Deployed, ReleaseRetired})


class ProcessTools:
    """The process runner of an open project."""

    def __init__(self, *, registry: Registry, limits: Limits, memory_used: Callable[[], float]) -> None:
        self.registry = registry
        self.runner = ProcessRunner(target=LOAD, payload=self._payload, limits=limits, memory_used=memory_used)

    def hear(self, event: Event) -> None:
        """A hook of the event hub: workers come with a release that serves and go with one that is retired."""
        match event:
            case ReleaseRetired(release=release):
                self.runner.retire(release)
            case Deployed():
                self.warm_up()
            case _:
                return

    def warm_up(self) -> None:
        """Have a worker ready for each release that serves, if it has tools for one."""
        for release in self.registry.current.releases if self.registry.generation else ():
            if _process_tools(release):
                self.runner.warm_up(release.id)

    async def _payload(self, release: str) -> bytes:
        found = next((one for one in self.registry.residents() if one.id == release), None)
        if found is None:
            raise ReleaseNotFound(f"Release {release} has been retired.")
        return await asyncio.to_thread(pack_release, found.modules, _process_tools(found))


def _process_tools(release: Release) -> list[Tool]:
    return [tool for tool in release.all_tools if tool.spec.policy.isolation == "process"]
