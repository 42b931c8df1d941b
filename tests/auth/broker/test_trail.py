"""The trail of signing in: everything is recorded, counted by words of ours, and refusals fill no disk."""

from __future__ import annotations

import pytest

from aegis_trio.audit.entry import AuditEntry, security_event, service_event
from aegis_trio.auth.attempts import VERBATIM, AttemptLedger, Sum
from aegis_trio.auth.broker.trail import SignInTrail
from aegis_trio.model.errors import AuditUnavailable, Severity
from aegis_trio.model.identity import Origin

HERE = Origin(address="192.0.2.7")


class Trail:
    """Keeps what it is given, unless it is full."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.is_full = False

    def append_nowait(self, entry: AuditEntry) -> None:
        if self.is_full:
            raise AuditUnavailable("full", "Free the disk.")
        self.entries.append(entry)


def made() -> tuple[Trail, AttemptLedger, SignInTrail]:
    """Return a trail of signing in, and what stands behind it."""
    trail, ledger = Trail(), AttemptLedger(clock_s=lambda: 0.0)
    return trail, ledger, SignInTrail(trail, ledger)


def test_what_is_recorded_is_counted_by_its_kind() -> None:
    """By event and step, reason or what was used twice; whose it was is for the audit log alone."""
    trail, _, under_test = made()
    entries = [
        service_event("oauth_authorize", client="https://a.example/c", step="agreed"),
        service_event("oauth_authorize", client="https://b.example/c", step="agreed"),
        service_event("oauth_revoke", reason="person", grant="g"),
        service_event("oauth_token", grant="g"),
        security_event("oauth_reuse_detected", Severity.HIGH, what="code", grant="g"),
    ]
    for entry in entries:
        under_test.append_nowait(entry)

    assert entries == trail.entries
    assert {
        ("oauth_authorize", "agreed"): 2,
        ("oauth_revoke", "person"): 1,
        ("oauth_token", ""): 1,
        ("oauth_reuse_detected", "code"): 1,
    } == under_test.statistics().events_total


def test_what_was_not_recorded_did_not_happen() -> None:
    """Whoever hands a record in learns that it was not taken, and goes no further."""
    trail, _, under_test = made()
    trail.is_full = True
    with pytest.raises(AuditUnavailable):
        under_test.append_nowait(service_event("oauth_token", grant="g"))

    assert {} == under_test.statistics().events_total


def test_a_refusal_is_recorded_and_a_flood_of_them_is_summed_up() -> None:
    """Every denial with its reason; a guesser cannot fill the disk, by which the gate would stop."""
    trail, ledger, under_test = made()
    for _ in range(VERBATIM + 5):
        under_test.note_refusal("/oauth/token", "invalid_grant", "code: is unknown", HERE)

    assert VERBATIM == len(trail.entries)
    expected = {"reason": "invalid_grant", "client_ip": HERE.address, "endpoint": "/oauth/token"}
    assert expected | {"detail": "code: is unknown"} == trail.entries[0].fields
    assert "access_denied" == trail.entries[0].event
    assert [Sum(HERE.address, 5)] == ledger.close()
    assert {("/oauth/token", "invalid_grant"): VERBATIM + 5} == under_test.statistics().refused_total


def test_a_refusal_stands_when_it_cannot_be_recorded() -> None:
    """Nobody is let in, nobody hears another answer, and it is counted."""
    trail, _, under_test = made()
    trail.is_full = True
    under_test.note_refusal("/oauth/token", "invalid_grant", "", HERE)

    assert {("/oauth/token", "invalid_grant"): 1} == under_test.statistics().refused_total
