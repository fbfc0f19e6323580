"""Who hears of an open project's events."""

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from toolcrib.core.events import Event, ReleaseRetired
from toolcrib.observability.exposition import Reading
from toolcrib.runtime.wiring.observing import Observing
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio
EVENT = ReleaseRetired(release="r-1")


async def test_doors_hear_at_once_and_hooks_before_the_end() -> None:
    doors: list[Event] = []
    hooks: list[Event] = []

    async def hook(event: Event) -> None:
        hooks.append(event)

    observing = Observing((hook,), (doors.append,), FakeClock())
    observing.hub.emit(EVENT)
    assert (doors, hooks) == ([EVENT], [])
    with anyio.fail_after(5):
        await observing.close()
    assert hooks == [EVENT]


async def test_the_state_of_listeners_is_read_beside_what_others_bring() -> None:
    observing = Observing((), (), FakeClock())
    reader = observing.hub.subscribe()
    observing.hub.emit(EVENT)
    extra = {"breaker_state": Reading(help="B.", labels=("tool",), read=lambda: {("t",): 2})}
    text = (await observing.exposition(extra).text()).decode()
    told = {
        (family.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert told[("toolcrib_events_waiting", "subscriber")] == 1
    assert told[("toolcrib_events_waiting", "hook")] == told[("events_dropped", "hook")] == 0
    assert told[("breaker_state", "t")] == 2
    await observing.close()
    with anyio.fail_after(5):
        assert [event async for event in reader] == [EVENT]
