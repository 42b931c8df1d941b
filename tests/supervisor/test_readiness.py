"""The gate is ready only when nothing speaks against it."""

from __future__ import annotations

from aegis_trio.supervisor.readiness import Readiness, Unready


def test_a_gate_is_not_ready_before_it_has_started() -> None:
    """A probe during the start must not send traffic."""
    readiness = Readiness()
    assert ("starting",) == readiness.unready_codes()
    readiness.mark_started()
    assert () == readiness.unready_codes()
    assert 1 == readiness.statistics().ready


def test_every_condition_is_asked_each_time_and_heals() -> None:
    """What was wrong a second ago may be right now."""
    readiness = Readiness()
    readiness.mark_started()
    trouble: list[Unready | None] = [Unready("audit_unavailable", "disk full")]
    readiness.add_condition(lambda: trouble[0])
    assert (Unready("audit_unavailable", "disk full"),) == readiness.unready()
    assert 0 == readiness.statistics().ready
    trouble[0] = None
    assert () == readiness.unready()


def test_a_drain_is_final() -> None:
    """Traffic must go elsewhere from the first moment of the end on."""
    readiness = Readiness()
    readiness.mark_started()
    assert not readiness.draining
    readiness.mark_draining()
    assert readiness.draining
    assert ("draining",) == readiness.unready_codes()
