"""Pins for graph runs that toolcrib did not start: one release for all tool calls of one run."""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from toolcrib.agents.running import run_channels, run_control
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import DeploymentRejected, ReleaseNotFound, ToolcribError
from toolcrib.core.experiments.arms import Arms
from toolcrib.core.releases import release_id
from toolcrib.registry.release import Release
from toolcrib.runs.ports import RunPorts

log = logging.getLogger(__name__)

_OUR_REFERENCES = 2
"""The attribute and the argument of `getrefcount`; while a run lasts LangGraph holds more."""
Who = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class _Entry:
    """One run.

    Attributes:
        channels: of its graph; of the last of its subgraphs while only those have called tools.
        nested: whether they are a subgraph's.
    """

    who: Who
    channels: Any
    nested: bool
    scope: RunScope
    leases: ExitStack
    others: dict[str, RunScope] = field(default_factory=dict)

    def is_of(self, who: Who, channels: Any, *, nested: bool) -> bool:
        """Whether a node of the run asks; those of a subgraph do not know the channels of its graph."""
        return self.who == who and (nested or self.nested or self.channels is channels)

    def has_ended(self) -> bool:
        """Whether nobody but us has the channels any more."""
        return sys.getrefcount(self.channels) <= _OUR_REFERENCES


@dataclass(slots=True, eq=False)
class _Controlled:
    """The runs under one control: one run, unless whoever started them gave the same one to several."""

    control: Any
    entries: list[_Entry] = field(default_factory=list)

    def lasting(self) -> list[_Entry]:
        """Those not over. Between two subgraphs a single run has nothing but the control that shows it lasts."""
        if sys.getrefcount(self.control) <= _OUR_REFERENCES:
            return []
        single = len(self.entries) == 1
        return [entry for entry in self.entries if (single and entry.nested) or not entry.has_ended()]


class ForeignRuns:
    """Scopes by run.

    LangGraph gives all nodes of one run the same `Runtime.control`, and all of one graph in it the same channels: when
    nobody but us holds these any more, the run is over. (They cannot be weakly referenced, so references are counted.)

    Attributes:
        loop: the event loop the project was opened on.
    """

    def __init__(self, ports: RunPorts, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self.loop = loop
        self._controlled: dict[int, _Controlled] = {}

    def _entry(self, who: Who, make: Callable[[ExitStack], RunScope]) -> _Entry:
        """The run that asks; `make` is asked for its scope when it is new, and takes its leases.

        Raises:
            ToolcribError: there is no graph run.
        """
        control = run_control()
        if control is None:
            raise ToolcribError(
                "This tool node was asked outside of a graph run.",
                hint="Put it into a LangGraph graph, or call the tool with `crib.call(...)`.",
            )
        channels, nested = run_channels()
        known = self._controlled.get(id(control), _Controlled(control))
        for entry in reversed(known.lasting()):
            if entry.is_of(who, channels, nested=nested):
                if entry.nested:
                    entry.channels, entry.nested = channels, nested
                return entry
        self.sweep()
        leases = ExitStack()
        entry = _Entry(who, channels, nested, make(leases), leases)
        self._controlled.setdefault(id(control), _Controlled(control)).entries.append(entry)
        return entry

    def scope_for(self, config: Mapping[str, Any]) -> RunScope:
        """The scope of a graph run that toolcrib did not start: pinned at its first tool call, let go with the run.

        Its thread and tenant decide between the releases that serve, as for our own runs; its `user` between variants.

        Raises:
            ToolcribError: there is no graph run.
        """
        return self._run(config).scope

    def _run(self, config: Mapping[str, Any]) -> _Entry:
        who = thread_id, tenant, _ = _who(config)

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

        return self._entry(who, make)

    async def scope_at(self, config: Mapping[str, Any], digest: str) -> RunScope:
        """The scope of the same run on another release, which is leased as long as the run lasts.

        When that release is not to be had any more, it is `scope_for`.
        """
        entry, registry = self._run(config), self._ports.registry
        scope, others = entry.scope, entry.others
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
        for key, known in tuple(self._controlled.items()):
            lasting = known.lasting()
            for entry in known.entries:
                if entry not in lasting:
                    entry.leases.close()
            known.entries = lasting
            if not lasting:
                del self._controlled[key]


def _who(config: Mapping[str, Any]) -> Who:
    """Thread, tenant and user of a run."""
    place = config.get("configurable") or {}
    thread_id, tenant, user = (str(place.get(key) or "") for key in ("thread_id", "tenant", "user"))
    return thread_id, tenant, user


def _arms(release: Release, config: Mapping[str, Any]) -> Arms:
    """The variants that a run is in."""
    thread_id, tenant, user = _who(config)
    return release.arms(tenant=tenant, user=user, thread=thread_id)
