"""The table of metrics keeps Prometheus' conventions, and the committed reference is the one that it gives."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from aegis_trio.auth.broker.trail import SignInStatistics
from aegis_trio.auth.jwks import KeySetStatistics
from aegis_trio.telemetry.alerts.notifier import AlertStatistics
from aegis_trio.telemetry.metric_reference import render_metrics_reference
from aegis_trio.telemetry.metric_table import GROUPS, Kind, Metric, series_names

ROOT = Path(__file__).parents[2]
METRICS = [metric for group in GROUPS for metric in group.metrics]
FORBIDDEN_LABELS = {"address", "client_ip", "ip", "login", "owner", "path", "repo", "repository", "user"}


def test_the_committed_reference_is_up_to_date() -> None:
    """`aegis-trio config --metrics > docs/metrics.md` mends it."""
    assert render_metrics_reference() == (ROOT / "docs" / "metrics.md").read_text()


def test_no_metric_stands_twice() -> None:
    """Two rows for one name could say two things."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_keeps_the_conventions(metric: Metric) -> None:
    """Names of a metric's kind and unit, a sentence of help, labels that no stranger can multiply."""
    assert re.fullmatch("aegis(_[a-z0-9]+)+", metric.name)
    assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
    assert not re.search("milli|micro|_ms$|minutes|kilo", metric.name), "base units only"
    for unit in ("seconds", "bytes"):
        assert f"_{unit}" not in metric.name or metric.unit == unit
    assert re.fullmatch(r"[A-Z1].*\.", metric.help)
    assert not FORBIDDEN_LABELS & set(metric.labels)


@pytest.mark.parametrize(
    ("source", "statistics"),
    [("signin", SignInStatistics), ("signing_keys", KeySetStatistics), ("alerts", AlertStatistics)],
)
def test_what_is_there_only_sometimes_is_documented_whole(source: str, statistics: type) -> None:
    """Of the others, a running gate is asked (tests/e2e/test_metrics.py)."""
    (group,) = (group for group in GROUPS if group.source == source)

    assert group.condition
    assert {f"aegis_{source}_{field.name}" for field in fields(statistics)} == {metric.name for metric in group.metrics}


def test_a_histogram_is_queried_by_its_parts() -> None:
    """A rule on the bare name would find nothing."""
    names = series_names()

    assert "aegis_gateway_call_duration_seconds_bucket" in names
    assert "aegis_gateway_call_duration_seconds" not in names
    assert "aegis_gateway_calls_total" in names
