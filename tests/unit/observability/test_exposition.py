"""The text that Prometheus reads."""

import logging
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from toolcrib.core.events import ToolFinished
from toolcrib.core.results import ToolResult
from toolcrib.observability.exposition import Exposition, Reading, Values
from toolcrib.observability.metrics import Metrics

pytestmark = pytest.mark.anyio


async def read(exposition: Exposition) -> dict[str, tuple[str, dict[tuple[str, ...], float]]]:
    """Family -> its type, and label values -> value."""
    text = (await exposition.text()).decode()
    return {
        family.name: (family.type, {tuple(sample.labels.values()): sample.value for sample in family.samples})
        for family in text_string_to_metric_families(text)
    }


async def test_counted_and_read_metrics_stand_in_one_text() -> None:
    metrics = Metrics()
    metrics.observe(ToolFinished(result=ToolResult(ok=True, tool="t", release="r")))
    readings = {
        "one": Reading(help="One.", read=lambda: 7),
        "many": Reading(help="Many.", labels=("a", "b"), read=lambda: {("x", 'y"\n'): 1, ("z", ""): 2}),
        "grown": Reading(help="Grown.", grows=True, read=lambda: 3),
    }
    told = await read(Exposition(metrics, readings))
    assert told["tool_calls"] == ("counter", {("ok", "r", "t", ""): 1.0})
    assert told["one"] == ("gauge", {(): 7.0})
    assert told["many"] == ("gauge", {("x", 'y"\n'): 1.0, ("z", ""): 2.0})
    assert told["grown"] == ("counter", {(): 3.0})
    assert not [name for name in told if name.endswith("_created")]


async def test_a_broken_reading_is_logged_and_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def breaks() -> Values:
        raise RuntimeError("no")

    readings = {"broken": Reading(help="B.", read=breaks), "sound": Reading(help="S.", read=lambda: 1)}
    with caplog.at_level(logging.ERROR, logger="toolcrib"):
        told = await read(Exposition(Metrics(), readings))
    assert (told["broken"][1], told["sound"][1]) == ({}, {(): 1.0})
    assert [record.__dict__["metric"] for record in caplog.records] == ["broken"]


async def test_readings_are_taken_on_the_event_loop() -> None:
    where: list[threading.Thread] = []

    def reads() -> Values:
        where.append(threading.current_thread())
        return 1

    await Exposition(Metrics(), {"a": Reading(help="A.", read=reads)}).text()
    assert where == [threading.current_thread()]
