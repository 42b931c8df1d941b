"""Metrics: what every object's `statistics()` says, in Prometheus' text form.

Law: a metric is a field of a frozen statistics value and nothing else, so dashboard, metrics and tests
cannot disagree. Names are `aegis_<source>_<field>`; a field that ends in `_total` is a counter, every other
number a gauge. A field that maps a tuple of label values to a number has its labels named at registration.

Not here: who serves the text (supervisor's admin listener).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast, final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # Source: Prometheus text exposition format 0.0.4


@final
class StatisticsCollector(Collector):
    """Reads registered sources when asked; holds no number itself."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[Callable[[], DataclassInstance], Mapping[str, tuple[str, ...]]]] = {}

    def register(
        self,
        source: str,
        statistics: Callable[[], DataclassInstance],
        labels: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Add a source.

        Args:
            source: the middle of the metrics' names, such as `audit`.
            statistics: returns a dataclass instance with numbers, or mappings from label values to numbers.
            labels: for each mapping field, the names of its labels.

        Raises:
            ValueError: the source is already there — our bug.
        """
        if source in self._sources:
            raise ValueError(f"metrics source {source!r} registered twice")
        self._sources[source] = (statistics, labels or {})

    def collect(self) -> Iterable[Metric]:
        """Yield one metric family for each number of each source."""
        for source, (statistics, labels) in self._sources.items():
            snapshot = statistics()
            for field in dataclasses.fields(snapshot):
                value: object = getattr(snapshot, field.name)
                name = f"aegis_{source}_{field.name}"
                if isinstance(value, Mapping):
                    yield _family(name, labels.get(field.name, ()), cast("Mapping[object, object]", value))
                elif isinstance(value, int | float):
                    yield _family(name, (), {(): value})


def render_metrics(collector: StatisticsCollector) -> bytes:
    """Return all metrics in Prometheus' text form."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _family(name: str, labels: tuple[str, ...], values: Mapping[object, object]) -> Metric:
    family: CounterMetricFamily | GaugeMetricFamily
    documentation = name.removeprefix("aegis_").replace("_", " ")
    if name.endswith("_total"):
        family = CounterMetricFamily(name, documentation, labels=labels)
    else:
        family = GaugeMetricFamily(name, documentation, labels=labels)
    for key, value in values.items():
        parts = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
        if isinstance(value, int | float):
            family.add_metric([str(part) for part in parts], float(value))
    return family
