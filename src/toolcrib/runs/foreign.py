"""Pins for graph runs that toolcrib did not start: one release for all tool calls of one run."""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from toolcrib.agents.running import run_control
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import DeploymentRejected, ReleaseNotFound, ToolcribError
from toolcrib.core.experiments.arms import Arms
from toolcrib.core.releases import release_id
from toolcrib.registry.release import Release
from toolcrib.runs.ports import RunPorts

log = logging.getLogger(__name__)

_OUR_REFERENCES = 3
"""The entry, the loop variable and the argument of `getrefcount`; while a run lasts LangGraph holds more."""


@dataclass(frozen=True, slots=True)
class _Entry:
    control: Any
    scope: RunScope
    leases: ExitStack
    others: dict[str, RunScope] = field(default_factory=dict)


class ForeignRuns:
    """Scopes by run.

    LangGraph gives all nodes of one run the same `Runtime.control`: when nobody but us holds that object any more, the
    run is over. (It cannot be weakly referenced, so its references are counted.)

    Attributes:
        loop: the event loop the project was opened on.
    """

    def __init__(self, ports: RunPorts, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self.loop = loop
        self._entries: dict[int, _Entry] = {}

    def _scope(self, control: Any, make: Callable[[ExitStack], RunScope]) -> RunScope:
        """The scope of the run with this control; `make` is asked for one when the run is new, and takes its leases."""
        entry = self._entries.get(id(control))
        if entry is None:
            self.sweep()
            leases = ExitStack()
            entry = self._entries[id(control)] = _Entry(control, make(leases), leases)
        return entry.scope

    def scope_for(self, config: Mapping[str, Any]) -> RunScope:
        """The scope of a graph run that toolcrib did not start: pinned at its first tool call, let go with the run.

        Its thread and tenant decide between the releases that serve, as for our own runs; its `user` between variants.

        Raises:
            ToolcribError: there is no graph run.
        """
        control = run_control()
        if control is None:
            raise ToolcribError(
                "This tool node was asked outside of a graph run.",
                hint="Put it into a LangGraph graph, or call the tool with `crib.call(...)`.",
            )
        thread_id, tenant, _ = _who(config)

        def make(leases: ExitStack) -> RunScope:
            lease = self._ports.registry.lease(holder="graph", tenant=tenant, key=thread_id)
            release = leases.enter_context(lease)
            return RunScope(
                release=release,
                calls=self._ports.calls,
                models=self._ports.models,
                random=self._ports.random,
                clock=self._ports.clock,
                tools=tuple(release.names(tenant)),
                thread_id=thread_id,
                tenant=tenant,
                arms=_arms(release, config),
                emit=self._ports.events.emit,
                loop=self.loop,
            )

        return self._scope(control, make)

    async def scope_at(self, config: Mapping[str, Any], digest: str) -> RunScope:
        """The scope of the same run on another release, which is leased as long as the run lasts.

        When that release is not to be had any more, it is `scope_for`.
        """
        scope, registry = self.scope_for(config), self._ports.registry
        entry = self._entries[id(run_control())]
        others = entry.others
        if digest in (scope.release.digest, *others):
            return others.get(digest, scope)
        try:
            release = registry.resident(digest) or await self._ports.load(digest)
        except (ReleaseNotFound, DeploymentRejected):
            log.warning("release of an earlier turn is gone", extra={"release": release_id(digest)})
            return scope
        if digest not in others:
            entry.leases.enter_context(registry.lease(holder="graph", release=release))
            tools = tuple(release.names(scope.tenant))
            others[digest] = replace(scope, release=release, tools=tools, arms=_arms(release, config))
        return others[digest]

    def sweep(self) -> None:
        """Let go of the releases of runs that are over."""
        over = []
        for key, entry in self._entries.items():
            if sys.getrefcount(entry.control) <= _OUR_REFERENCES:
                over.append(key)
        for key in over:
            self._entries.pop(key).leases.close()


def _who(config: Mapping[str, Any]) -> tuple[str, str, str]:
    """Thread, tenant and user of a run."""
    place = config.get("configurable") or {}
    thread_id, tenant, user = (str(place.get(key) or "") for key in ("thread_id", "tenant", "user"))
    return thread_id, tenant, user


def _arms(release: Release, config: Mapping[str, Any]) -> Arms:
    """The variants that a run is in."""
    thread_id, tenant, user = _who(config)
    return release.arms(tenant=tenant, user=user, thread=thread_id)
