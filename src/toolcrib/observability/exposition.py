"""`Exposition`: what a scrape of `/metrics` reads, in Prometheus' text format."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from prometheus_client import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from toolcrib.observability.metrics import Metrics

log = logging.getLogger(__name__)
Values = float | Mapping[tuple[str, ...], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number that is read when somebody looks.

    Attributes:
        help: what it is, one sentence.
        read: the number, or label values -> number; called on the event loop, must be quick.
        labels: names of the labels, in the order of the label values.
        grows: it only ever grows: a counter.
    """

    help: str
    read: Callable[[], Values]
    labels: tuple[str, ...] = ()
    grows: bool = False


class Exposition:
    """The metrics that were counted and the readings, as one text.

    Args:
        metrics: what events were counted into.
        readings: metric name -> reading; counters without their `_total`.
    """

    def __init__(self, metrics: Metrics, readings: Mapping[str, Reading]) -> None:
        self._metrics = metrics
        self._readings = dict(readings)

    async def text(self) -> bytes:
        """Prometheus' text format 0.0.4. Readings are taken at once; the text is made in a thread, it may be long."""
        taken = [_family(name, reading) for name, reading in self._readings.items()]
        return await asyncio.to_thread(generate_latest, _Page(chain(self._metrics.collect(), taken)))


class _Page(Collector):
    """One scrape's metrics, without the `_created` series that prometheus_client adds to every counter."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            created = f"{family.name}_created"
            family.samples = [sample for sample in family.samples if sample.name != created]
            yield family


def _family(name: str, reading: Reading) -> Metric:
    make = CounterMetricFamily if reading.grows else GaugeMetricFamily
    family = make(name, reading.help, labels=reading.labels)
    try:
        values = reading.read()
    except Exception:  # outer guard: one broken reading must not hide the others
        log.exception("reading failed", extra={"metric": name})
        return family
    for labels, value in values.items() if isinstance(values, Mapping) else [((), values)]:
        family.add_metric(labels, value)
    return family
