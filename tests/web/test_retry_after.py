"""Whoever is told to come back is told when: in a header for programs, in the body for models."""

from __future__ import annotations

import json

import pytest

from aegis_trio.model.errors import (
    AddressBlocked,
    AuditUnavailable,
    Fault,
    NotReady,
    RateLimited,
    UpstreamBusy,
    UpstreamPaused,
)
from aegis_trio.model.fault_rows import FAULT_ROWS, row_of
from aegis_trio.web.errors import fault_answer

FAULTS = (
    AddressBlocked("x", retry_after_s=7),
    RateLimited("x", retry_after_s=7),
    UpstreamPaused("x", retry_after_s=7),
    UpstreamBusy("x"),
    AuditUnavailable("x"),
    NotReady("x"),
)


def test_every_fault_of_these_statuses_is_looked_at() -> None:
    """A new one has to say when to come back, too."""
    to_wait_for = {fault for fault, row in FAULT_ROWS.items() if row.http_status in {429, 503}}
    assert to_wait_for == {kind for fault in FAULTS for kind in type(fault).__mro__ if kind in to_wait_for}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_header_and_body_name_the_same_seconds(fault: Fault) -> None:
    """Source: RFC 9110 section 10.2.3."""
    answer = fault_answer(fault)
    after_s = int(dict(answer.headers)[b"retry-after"])

    assert after_s >= 1
    assert (row_of(fault).http_status, after_s) == (answer.status, json.loads(answer.body)["retry_after_seconds"])
