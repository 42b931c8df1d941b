"""Metrics say what statistics say, under Prometheus' names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from aegis_trio.telemetry.histogram import Histogram, HistogramSnapshot
from aegis_trio.telemetry.metric_table import PROCESS
from aegis_trio.telemetry.metrics import StatisticsCollector, render_metrics


@dataclass(frozen=True)
class _Sample:
    open_sessions: int
    calls_total: Mapping[tuple[str, str], int]
    bytes_total: int
    ratio: float
    name: str = "not a number"


def test_numbers_become_gauges_and_totals_counters() -> None:
    """One field, one family; text fields are no metrics."""
    collector = StatisticsCollector()
    sample = _Sample(open_sessions=3, calls_total={("get_me", "success"): 7}, bytes_total=9, ratio=0.5)
    collector.register("gate", lambda: sample, {"calls_total": ("tool", "result")})
    text = render_metrics(collector).decode()

    assert "# TYPE aegis_gate_open_sessions gauge\naegis_gate_open_sessions 3.0" in text
    assert "# TYPE aegis_gate_bytes_total counter\naegis_gate_bytes_total 9.0" in text
    assert 'aegis_gate_calls_total{result="success",tool="get_me"} 7.0' in text
    assert "aegis_gate_ratio 0.5" in text
    assert "not a number" not in text


def test_metrics_are_read_when_asked() -> None:
    """The collector holds no number of its own."""
    collector = StatisticsCollector()
    numbers = iter([1, 2])
    collector.register("x", lambda: _Sample(next(numbers), {}, 0, 0.0))
    assert "aegis_x_open_sessions 1.0" in render_metrics(collector).decode()
    assert "aegis_x_open_sessions 2.0" in render_metrics(collector).decode()


@dataclass(frozen=True)
class _Gateway:
    call_duration_seconds: Mapping[tuple[str], HistogramSnapshot]
    reply_bytes: HistogramSnapshot


def test_histograms_are_printed_with_every_part() -> None:
    """Labels, help and kind come from the table, also before the first observation."""
    histogram = Histogram((0.5, 2))
    histogram.observe(1)
    sample = _Gateway({("get_me",): histogram.snapshot()}, Histogram((256,)).snapshot())
    collector = StatisticsCollector()
    collector.register("gateway", lambda: sample)
    text = render_metrics(collector).decode()

    assert "# TYPE aegis_gateway_call_duration_seconds histogram" in text
    assert "# HELP aegis_gateway_call_duration_seconds How long calls took" in text
    assert 'aegis_gateway_call_duration_seconds_bucket{le="0.5",tool="get_me"} 0.0' in text
    assert 'aegis_gateway_call_duration_seconds_bucket{le="+Inf",tool="get_me"} 1.0' in text
    assert 'aegis_gateway_call_duration_seconds_sum{tool="get_me"} 1.0' in text
    assert "aegis_gateway_reply_bytes_count 0.0" in text


def test_what_nobody_called_yet_has_its_kind() -> None:
    """A histogram without labels' values is not announced as a gauge for the time being."""
    collector = StatisticsCollector()
    collector.register("gateway", lambda: _Gateway({}, Histogram((256,)).snapshot()))

    assert "# TYPE aegis_gateway_call_duration_seconds histogram" in render_metrics(collector).decode()


def test_the_process_is_there_under_its_usual_names() -> None:
    """Dashboards for any process work for this one."""
    text = render_metrics(StatisticsCollector()).decode()

    assert {name for name, _ in PROCESS} == set(re.findall("^# TYPE (process_\\w+)", text, re.MULTILINE))


def test_a_source_is_registered_once() -> None:
    """Two sources of one name would add up to nonsense."""
    collector = StatisticsCollector()
    collector.register("x", lambda: _Sample(1, {}, 0, 0.0))
    with pytest.raises(ValueError, match="twice"):
        collector.register("x", lambda: _Sample(1, {}, 0, 0.0))
