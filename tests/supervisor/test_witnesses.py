"""The lanes beside the gate: a note is no failure, and a bug in them ends nothing else."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import trio

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.witness.push import WitnessPush
from aegis_trio.audit.witness.settings import Witness, WitnessSettings
from aegis_trio.model.clock import SetClock
from aegis_trio.supervisor.admin import AdminApp
from aegis_trio.supervisor.readiness import Readiness, Unready
from aegis_trio.supervisor.witnesses import Witnesses, open_witnesses
from aegis_trio.telemetry.metrics import StatisticsCollector, render_metrics
from tests.audit.witness.histories import NOW_S, WITNESS

S = 1_000_000_000
SETTINGS = WitnessSettings(witnesses=(Witness("https://w1.example", WITNESS.verifier),), max_age_s=600.0)


async def opened(path: Path, clock: SetClock) -> Witnesses:
    """Open the lanes of a log that has no copy outside."""
    found = await open_witnesses(AuditSettings(path=path, witnessing=SETTINGS), clock)
    assert found is not None
    return found


async def test_without_witnesses_there_is_nothing(tmp_path: Path) -> None:
    """No lane, no metric, no note."""
    assert await open_witnesses(AuditSettings(path=tmp_path / "audit.log"), SetClock(0)) is None


async def test_an_old_copy_is_noted_and_the_gate_stays_ready(tmp_path: Path) -> None:
    """An operator's monitoring sees it; a load balancer must not take the gate away for it."""
    clock = SetClock(NOW_S * S)
    witnesses = await opened(tmp_path / "audit.log", clock)
    readiness = Readiness()
    readiness.mark_started()
    readiness.add_note(witnesses.note)
    admin = AdminApp(host="127.0.0.1", readiness=readiness, metrics=lambda: b"")
    ready = partial(admin._answer, "GET", "/readyz", [(b"host", b"127.0.0.1")])

    assert {"status": "ready"} == json.loads(ready().body)
    clock.set_ns((NOW_S + 601) * S)

    assert 200 == ready().status
    document = json.loads(ready().body)
    assert "ready" == document["status"]
    assert ["witness_stale"] == [note["code"] for note in document["notes"]]
    assert 1 == readiness.statistics().ready
    assert () == readiness.unready_codes()


async def test_the_age_is_a_metric(tmp_path: Path) -> None:
    """What alert rules are made of."""
    clock = SetClock(NOW_S * S)
    witnesses = await opened(tmp_path / "audit.log", clock)
    clock.set_ns((NOW_S + 42) * S)
    metrics = StatisticsCollector()
    metrics.register("audit_witness", witnesses.statistics, {"pushes_total": ("witness", "result")})

    text = render_metrics(metrics).decode()

    assert "aegis_audit_witness_newest_copy_age_seconds 42.0" in text
    assert "aegis_audit_witness_copies 0.0" in text


async def test_a_bug_in_the_lanes_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """Calls do not depend on a witness."""
    witnesses = await opened(tmp_path / "audit.log", SetClock(NOW_S * S))

    async def broken(self: WitnessPush) -> None:
        await trio.sleep(1)
        raise ZeroDivisionError

    monkeypatch.setattr(WitnessPush, "run", broken)
    with trio.move_on_after(10) as scope:
        await witnesses.run()

    assert scope.cancelled_caught
    note = witnesses.note()
    assert isinstance(note, Unready)
    assert "witnesses_broken" == note.code
