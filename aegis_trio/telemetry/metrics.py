"""Metrics: what every object's `statistics()` says, in Prometheus' text form.

Law: a metric is a field of a frozen statistics value and nothing else, so dashboard, metrics and tests
cannot disagree. Names are `aegis_<source>_<field>`; a field that ends in `_total` is a counter, one that holds a
`HistogramSnapshot` a histogram, every other number a gauge. A field that maps label values to any of them has its
labels named in metric_table.py, or at registration.

Not here: who serves the text (supervisor's admin listener), and what each metric means (metric_table.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast, final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from aegis_trio.telemetry.histogram import HistogramSnapshot
from aegis_trio.telemetry.metric_table import Kind, find_metric

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # Source: Prometheus text exposition format 0.0.4

_Number: TypeAlias = int | float | HistogramSnapshot


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
            labels: for each mapping field that the table does not know, the names of its labels.

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
                elif isinstance(value, _Number):
                    yield _family(name, (), {(): value})


def render_metrics(collector: StatisticsCollector) -> bytes:
    """Return all metrics in Prometheus' text form, and those of the process under their usual names."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _family(name: str, labels: tuple[str, ...], values: Mapping[object, object]) -> Metric:
    known = find_metric(name)
    family = _empty_family(name, labels if known is None else known.labels, values)
    for key, value in values.items():
        parts = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
        _add(family, [str(part) for part in parts], value)
    return family


_Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


def _empty_family(name: str, labels: tuple[str, ...], values: Mapping[object, object]) -> _Family:
    known = find_metric(name)
    documentation = name.removeprefix("aegis_").replace("_", " ") if known is None else known.help
    is_histogram = any(isinstance(value, HistogramSnapshot) for value in values.values())
    if is_histogram or (known is not None and known.kind is Kind.HISTOGRAM):
        return HistogramMetricFamily(name, documentation, labels=labels)
    if name.endswith("_total"):
        return CounterMetricFamily(name, documentation, labels=labels)
    return GaugeMetricFamily(name, documentation, labels=labels)


def _add(family: _Family, labels: list[str], value: object) -> None:
    if isinstance(family, HistogramMetricFamily):
        if isinstance(value, HistogramSnapshot):
            # The client prints floats as Go does, so a bound reads the same in every exporter.
            buckets = [*((repr(bound), float(count)) for bound, count in value.buckets), ("+Inf", float(value.count))]
            family.add_metric(labels, buckets, value.sum)
    elif isinstance(value, int | float):
        family.add_metric(labels, float(value))
