"""Faults become HTTP answers in one place, with the words that the guides promise."""

from __future__ import annotations

import json

import pytest

from aegis_trio.model.errors import (
    AddressBlocked,
    AuditUnavailable,
    Fault,
    InsufficientScope,
    InvalidArgument,
    NotReady,
    Unauthenticated,
)
from aegis_trio.model.fault_rows import FAULT_ROWS
from aegis_trio.web.errors import fault_answer


def test_a_missing_credential_is_a_401_with_a_challenge() -> None:
    """Clients look for the challenge before they ask a person to sign in."""
    answer = fault_answer(Unauthenticated("Invalid API key"))
    assert 401 == answer.status
    assert b"Bearer" == dict(answer.headers)[b"www-authenticate"]
    assert {"error": "unauthenticated", "message": "Invalid API key"} == json.loads(answer.body)


def test_a_blocked_address_is_told_when_to_come_back() -> None:
    """A 429 without Retry-After makes clients hammer."""
    answer = fault_answer(AddressBlocked("Too many failed authentication attempts", retry_after_s=0))
    assert 429 == answer.status
    assert b"1" == dict(answer.headers)[b"retry-after"]
    assert 1 == json.loads(answer.body)["retry_after_seconds"]


@pytest.mark.parametrize("fault", [NotReady("not now"), AuditUnavailable("disk")])
def test_what_heals_by_itself_says_when_to_come_back(fault: Fault) -> None:
    """503 is temporary, and says so."""
    assert b"5" == dict(fault_answer(fault).headers)[b"retry-after"]


def test_a_wrong_argument_names_field_rule_and_example() -> None:
    """A model reads this and must do better next time."""
    body = json.loads(fault_answer(InvalidArgument("page", "is no number", "Give 1.", {"page": 1})).body)
    assert ("page", "is no number", {"page": 1}) == (body["field"], body["rule"], body["example"])


def test_a_missing_scope_is_named() -> None:
    """Step-up needs the names."""
    body = json.loads(fault_answer(InsufficientScope("no", scopes=("read:repository",))).body)
    assert ["read:repository"] == body["scopes"]


@pytest.mark.parametrize("fault_class", list(FAULT_ROWS), ids=lambda c: c.__name__)
def test_every_fault_is_an_error_status(fault_class: type[Fault]) -> None:
    """No fault ever looks like a success."""
    assert FAULT_ROWS[fault_class].http_status >= 400


def test_every_fault_class_has_a_row() -> None:
    """A class without a row would be a KeyError in front of a user."""

    def family(cls: type[Fault]) -> set[type[Fault]]:
        return {cls}.union(*(family(child) for child in cls.__subclasses__()))

    assert family(Fault) - {Fault} == set(FAULT_ROWS)
