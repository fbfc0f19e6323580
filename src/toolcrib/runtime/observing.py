"""`Observing`: who hears of events in an open project, and what a scrape of its metrics reads."""

from collections import Counter
from collections.abc import Callable, Mapping

from toolcrib.core.events import Event
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.gates import Gates
from toolcrib.observability.exposition import Exposition, Reading
from toolcrib.observability.hooks import Hook, HookDelivery
from toolcrib.observability.hub import EventHub
from toolcrib.observability.logs import log_event
from toolcrib.observability.metrics import Metrics
from toolcrib.registry.registry import Registry
from toolcrib.runners.threads import ThreadRunner


class Observing:
    """The event hub with all that listens to it: log, metrics, doors, users' hooks. Made on the running event loop.

    Args:
        hooks: users' own, delivered beside the calls.
        listeners: doors, called at once.

    Attributes:
        hub: where events go.
    """

    def __init__(self, hooks: tuple[Hook, ...], listeners: tuple[Callable[[Event], None], ...]) -> None:
        self._metrics = Metrics()
        self._delivery = HookDelivery(hooks)
        outward = (self._delivery.put,) if hooks else ()
        self.hub = EventHub((log_event, self._metrics.observe, *listeners, *outward))

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


def release_readings(registry: Registry) -> dict[str, Reading]:
    """What serves, what is in memory, and who uses it."""
    return {
        "toolcrib_release_info": Reading(
            help="1 for the release that serves.",
            labels=("release",),
            read=lambda: {(registry.current.release.id,): 1} if registry.generation else {},
        ),
        "toolcrib_generation": Reading(
            help="Generation of what serves; grows with every activation.", read=lambda: registry.generation
        ),
        "toolcrib_releases_in_memory": Reading(
            help="Releases in memory: the one that serves, those in use, those kept for a roll-back.",
            read=lambda: len(registry.residents()),
        ),
        "toolcrib_release_leases": Reading(
            help="Who uses which release in memory.", labels=("release", "holder"), read=lambda: _leases(registry)
        ),
    }


def thread_readings(threads: ThreadRunner) -> dict[str, Reading]:
    """Worker threads for tools written as `def`."""
    return {
        "toolcrib_threads": Reading(help="Worker threads that were started.", read=lambda: threads.started),
        "toolcrib_threads_abandoned": Reading(
            help="Worker threads still busy with calls nobody waits for any more.", read=lambda: threads.abandoned
        ),
    }


def _leases(registry: Registry) -> dict[tuple[str, ...], float]:
    census = registry.census()
    return {(release, holder): count for release, users in census.items() for holder, count in users.items()}


def call_readings(circuits: Circuits, gates: Gates) -> dict[str, Reading]:
    """Breakers, and calls that run and wait at their tool's concurrency limit."""
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
    }


def _concurrency(gates: Gates) -> dict[tuple[str, ...], float]:
    counts: Counter[tuple[str, ...]] = Counter()
    for key, state in gates.snapshot().items():
        for kind in ("running", "waiting", "limit"):
            counts[key.tool, kind] += getattr(state, kind)
    return dict(counts)
