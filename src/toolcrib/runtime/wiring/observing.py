"""`Observing`: who hears of events in an open project, and what a scrape of its metrics reads."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import get_args

from toolcrib.core.events import Event
from toolcrib.core.ports import Clock
from toolcrib.deployment.boundary import Boundary
from toolcrib.execution.state.admission import Admission, AdmissionState
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.gates import Gates
from toolcrib.execution.tasks.workers import TaskWorkers
from toolcrib.observability.exposition import Exposition, Reading
from toolcrib.observability.history import NOTED, FreshErrors
from toolcrib.observability.hooks import Hook, HookDelivery
from toolcrib.observability.hub import EventHub, Hear, Listener
from toolcrib.observability.logs import DETAILS, log_event, wants_details
from toolcrib.observability.metrics import COUNTED, Metrics
from toolcrib.registry.registry import Registry
from toolcrib.registry.routing import Split
from toolcrib.runners.processes.runner import ProcessRunner
from toolcrib.runners.threads import ThreadRunner


class Observing:
    """The event hub with all that listens to it: log, metrics, doors, users' hooks. Made on the running event loop.

    Args:
        hooks: users' own, delivered beside the calls.
        listeners: doors, called at once.
        clock: tells when an error was noted.

    Attributes:
        hub: where events go.
        tallies: how the variants of experiments do.
        errors: the errors that are not written down yet.
    """

    def __init__(self, hooks: tuple[Hook, ...], listeners: tuple[Hear | Listener, ...], clock: Clock) -> None:
        self._metrics = Metrics()
        self.tallies = self._metrics.tallies
        self.errors = FreshErrors(clock=clock)
        self._delivery = HookDelivery(hooks)
        outward = (self._delivery.put,) if hooks else ()
        written = Listener(hear=log_event, kinds=frozenset(get_args(Event)) - DETAILS, also=wants_details)
        counted = Listener(hear=self._metrics.observe, kinds=COUNTED)
        noted = Listener(hear=self.errors.observe, kinds=NOTED)
        hears = (written, counted, noted, *listeners, *outward)
        self.hub = EventHub(hears, loop=asyncio.get_running_loop())

    def exposition(self, readings: Mapping[str, Reading]) -> Exposition:
        """What `/metrics` shows: what events were counted into, the state of the listeners, and these readings."""
        return Exposition(self._metrics, {**self._listeners(), **readings})

    async def close(self) -> None:
        """Let the hooks hear of what waits for them, for a bounded time; end all subscriptions."""
        await self._delivery.close()
        self.hub.close()

    def _listeners(self) -> dict[str, Reading]:
        hub, hooks = self.hub, self._delivery
        return {
            "toolcrib_events_waiting": Reading(
                help="Events that a listener has not taken yet.",
                labels=("listener",),
                read=lambda: {("hook",): hooks.waiting, ("subscriber",): hub.waiting},
            ),
            "events_dropped": Reading(
                help="Events that were dropped because a listener was too slow.",
                labels=("listener",),
                grows=True,
                read=lambda: {("hook",): hooks.dropped, ("subscriber",): hub.dropped},
            ),
            "event_hook_failures": Reading(help="How often a hook raised.", grows=True, read=lambda: hooks.failures),
        }


def release_readings(registry: Registry, boundary: Boundary) -> dict[str, Reading]:
    """What serves, what is in memory, who uses it, and whether a restart is due."""
    return {
        "toolcrib_release_info": Reading(
            help="1 for each release that serves: to all (stable), to a part (canary), to a tenant (held).",
            labels=("release", "channel"),
            read=lambda: dict.fromkeys(_channels(registry), 1.0),
        ),
        "toolcrib_canary_percent": Reading(
            help="The percentage of threads that see the canary, while there is one.",
            labels=("release",),
            read=lambda: _percent(registry),
        ),
        "toolcrib_generation": Reading(
            help="Generation of what serves; grows with every activation.", read=lambda: registry.generation
        ),
        "toolcrib_restart_needed": Reading(
            help="Files of the project that have changed and that only a restart takes up.",
            read=lambda: len(boundary.needed),
        ),
        "toolcrib_releases_in_memory": Reading(
            help="Releases in memory: the one that serves, those in use, those kept for a roll-back.",
            read=lambda: len(registry.residents()),
        ),
        "toolcrib_release_leases": Reading(
            help="Who uses which release in memory.", labels=("release", "holder"), read=lambda: _leases(registry)
        ),
        "toolcrib_release_oldest_lease_seconds": Reading(
            help="How long the oldest use of a release in memory has lasted.",
            labels=("release",),
            read=lambda: {
                (one.id,): age for one in registry.residents() if (age := registry.oldest_s(one)) is not None
            },
        ),
    }


def pool_readings(threads: ThreadRunner, processes: ProcessRunner) -> dict[str, Reading]:
    """Worker threads for tools written as `def`, and worker processes for those with `isolation: process`."""

    def each(name: str) -> Callable[[], dict[tuple[str, ...], float]]:
        return lambda: {
            ("threads",): getattr(threads.stats, name),
            ("processes",): getattr(processes.stats, name),
        }

    helps = {
        "size": "Workers there are.",
        "busy": "Workers with a call, calls that nobody waits for any more included.",
        "waiting": "Calls that wait for a worker.",
        "started": "Workers that were started.",
        "ended": "Workers that ended: idle too long, worn out, killed or crashed.",
    }
    pools = {
        f"toolcrib_pool_{name}": Reading(
            help=words, labels=("pool",), read=each(name), grows=name in ("started", "ended")
        )
        for name, words in helps.items()
    }
    abandoned = Reading(
        help="Worker threads still busy with calls nobody waits for any more.", read=lambda: threads.abandoned
    )
    return {**pools, "toolcrib_threads_abandoned": abandoned}


def task_readings(workers: TaskWorkers) -> dict[str, Reading]:
    """Background tasks, as the workers of this process last saw them."""
    return {
        "toolcrib_tasks": Reading(
            help="Background tasks that are kept, by state; `waiting` for a person.",
            labels=("state",),
            read=lambda: {(state,): count for state, count in workers.counts.items()},
        )
    }


def _channels(registry: Registry) -> set[tuple[str, ...]]:
    if not registry.generation:
        return set()
    split = registry.current.split or Split()
    canary = {(split.canary.id, "canary")} if split.canary else set()
    return {(registry.current.release.id, "stable"), *canary, *((one.id, "held") for one in split.held.values())}


def _percent(registry: Registry) -> dict[tuple[str, ...], float]:
    split = registry.current.split if registry.generation else None
    return {(split.canary.id,): split.percent} if split and split.canary else {}


def _leases(registry: Registry) -> dict[tuple[str, ...], float]:
    census = registry.census()
    return {(release, holder): count for release, users in census.items() for holder, count in users.items()}


def call_readings(circuits: Circuits, gates: Gates, admission: Admission | None) -> dict[str, Reading]:
    """Breakers, and calls that run and wait at their tool's concurrency limit, and at the process's if it has one."""
    return {
        "toolcrib_breakers": Reading(
            help="Circuit breakers of a tool, one for each tenant and credential, by state.",
            labels=("tool", "state"),
            read=lambda: Counter((key.tool, state) for key, state in circuits.states().items()),
        ),
        "toolcrib_concurrency": Reading(
            help="Calls of a tool with a concurrency limit: running, waiting, and the limit itself.",
            labels=("tool", "kind"),
            read=lambda: _concurrency(gates),
        ),
        "toolcrib_calls": Reading(
            help="Calls of all tools, where the process has a limit: running, waiting, waiting for their tenant.",
            labels=("kind",),
            read=lambda: {} if admission is None else _calls(admission.state),
        ),
    }


def _calls(state: AdmissionState) -> dict[tuple[str, ...], float]:
    return {(kind,): count for kind, count in asdict(state).items() if count is not None}


def _concurrency(gates: Gates) -> dict[tuple[str, ...], float]:
    counts: Counter[tuple[str, ...]] = Counter()
    for key, state in gates.snapshot().items():
        for kind in ("running", "waiting", "limit"):
            counts[key.tool, kind] += getattr(state, kind)
    return dict(counts)
