"""The reference of metrics, made from the table: `docs/metrics.md`."""

from __future__ import annotations

from typing import Final

from aegis_trio.telemetry.metric_table import GROUPS, PROCESS, Metric

_HEAD: Final = """\
# Metrics

Made by `aegis-trio config --metrics` from the table that the gate itself reads; a test compares them.

The operator's listener serves them as Prometheus text: `curl http://127.0.0.1:9464/metrics` (`ADMIN_HOST`,
`ADMIN_PORT`). It listens on loopback unless told otherwise, asks for no credential, and answers only to its own
address. Units are base units; a name that ends in `_total` only grows while the process lives; a histogram has
`_bucket`, `_count` and `_sum`. Labels never hold an address, a repository or a person.

A dashboard for Grafana and alert rules for Prometheus, which name nothing else, are in
[containers/observability](../containers/observability/README.md). The gate can send alerts by itself, without
Prometheus: [alerts.md](alerts.md).
"""


def render_metrics_reference() -> str:
    """Return the document of every metric."""
    parts = [_HEAD]
    for group in GROUPS:
        when = f"Only {group.condition}.\n\n" if group.condition else ""
        parts.append(
            f"\n## {group.title}\n\n{when}| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n"
        )
        parts.extend(_row(metric) for metric in group.metrics)
    parts.append("\n## The process\n\nOn Linux, under the names that every Prometheus client gives them.\n\n")
    parts.append("| metric | meaning |\n|---|---|\n")
    parts.extend(f"| `{name}` | {text} |\n" for name, text in PROCESS)
    return "".join(parts)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} |\n"
