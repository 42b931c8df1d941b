"""The dashboard and the alert rules name only what the gate prints: an alarm on anything else never rings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aegis_trio.telemetry.metric_table import GROUPS, series_names

FOLDER = Path(__file__).resolve().parents[2] / "containers" / "observability"
RULES = FOLDER / "alert-rules.yml"
DASHBOARD = FOLDER / "grafana-dashboard.json"
NAME = re.compile(r"\b(?:aegis|process)_\w+")
LABEL = re.compile(r"(?:by \(([^)]*)\)|\{(\w+)[=!~]|\{\{(?:\s*\$labels\.)?(\w+)\s*\}\})")
LABELS = {label for group in GROUPS for metric in group.metrics for label in metric.labels} | {"le", "job"}


def _rules() -> list[dict[str, Any]]:
    document: Any = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def _panels() -> list[dict[str, Any]]:
    document: Any = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in _rules())
    yield from (target["expr"] for panel in _panels() for target in panel["targets"])


def test_every_metric_that_is_queried_exists() -> None:
    """By its exact name, the parts of histograms included."""
    named = {name for expression in _expressions() for name in NAME.findall(expression)}

    assert len(named) > 30, "the files are read"
    assert set() == named - series_names()


def test_every_label_that_is_queried_exists() -> None:
    """Grouping by a label that is not there gives one line without a name."""
    texts = [*_expressions(), *(target["legendFormat"] for panel in _panels() for target in panel["targets"])]
    texts += [rule["annotations"]["summary"] for rule in _rules()]
    named = {
        label.strip() for text in texts for found in LABEL.findall(text) for label in "".join(found).split(",") if label
    }

    assert {"tool", "code", "kid"} <= named
    assert set() == named - LABELS


def test_every_rule_tells_what_happened_and_how_bad_it_is() -> None:
    """Whoever is woken reads these words first."""
    assert [] == [
        rule["alert"]
        for rule in _rules()
        if rule["labels"]["severity"] not in {"info", "warning", "critical"} or not rule["annotations"]["summary"]
    ]
    assert len({rule["alert"] for rule in _rules()}) == len(_rules())


def test_no_two_panels_lie_on_each_other() -> None:
    """Grafana would move them, and every import would differ from the file."""
    taken: dict[tuple[int, int], str] = {}
    for panel in _panels():
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]


def test_prometheus_takes_the_rules() -> None:
    """By its own checker; Debian's package `prometheus` (19 MB) has it, which is too much to install for one test."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH; names, labels and form of the rules are tested above")
    checked = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)

    assert 0 == checked.returncode, checked.stdout + checked.stderr
    assert f"{len(_rules())} rules found" in checked.stdout
