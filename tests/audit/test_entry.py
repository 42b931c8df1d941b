"""Records hold exactly the names, in the order, that operators search for."""

from __future__ import annotations

import json
import re

import pytest

from aegis_trio.audit.arguments import describe_arguments
from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.entry import (
    AuditEntry,
    AuthenticationStatus,
    CallFacts,
    Phase,
    Result,
    access_denied,
    api_authentication,
    security_event,
    service_event,
    tool_intent,
    tool_invocation,
)
from aegis_trio.audit.recovery import draft
from aegis_trio.model.call import CorrelationId, Transport
from aegis_trio.model.errors import Severity
from aegis_trio.model.identity import DEFAULT_INSTANCE, Origin, Principal, PrincipalId, PrincipalKind
from tests.audit.conftest import NOON_NS

KEY = b"k" * 32
ORIGIN = Origin(address="203.0.113.42", user_agent="ChatGPT-User/1.0")
PRINCIPAL = Principal(
    id=PrincipalId("key:1f0c9a2b3d4e"),
    kind=PrincipalKind.API_KEY,
    instance=DEFAULT_INSTANCE,
    scopes=frozenset({"read:repository"}),
    key_hint="a1b2c3d4...e1f2",
)
PLACES: dict[str, str | int] = {"owner": "myorg", "repo": "backend", "path": "src/main.py", "ref": "main"}
CALL = CallFacts(
    correlation_id=CorrelationId("a1b2c3d4-0000-4000-8000-000000000000"),
    tool="get_file_contents",
    places=PLACES,
    arguments=describe_arguments({**PLACES, "note": "free text", "limit": 5}, KEY, places=PLACES),
    origin=ORIGIN,
    principal=PRINCIPAL,
    transport=Transport.STREAMABLE_HTTP,
    client="claude-code/2.1",
)


def line_of(entry: AuditEntry) -> str:
    """Return the line that an entry becomes."""
    return seal(ChainHead(), draft(entry, NOON_NS), entry.phase)[0].decode("ascii")


def names_of(entry: AuditEntry) -> list[str]:
    """Return the names of its fields in order."""
    return list(json.loads(line_of(entry)))


def test_a_tool_invocation_begins_with_the_fields_that_users_know() -> None:
    """Scripts that people already have cut and search these lines."""
    entry = tool_invocation(CALL, Result.SUCCESS, status="ok", reply_bytes=900, duration_s=0.0124, intent_seq=7)

    assert line_of(entry).startswith(
        '{"timestamp": "2026-02-13T10:00:00.000000Z", "event": "tool_invocation", '
        '"correlation_id": "a1b2c3d4-0000-4000-8000-000000000000", "tool": "get_file_contents", "owner": "myorg", '
        '"repo": "backend", "path": "src/main.py", "result": "success", "client_ip": "203.0.113.42", '
    )
    assert [
        *("user_agent", "principal", "instance", "key_hint", "client", "transport", "arguments"),
        *("intent_seq", "decision", "status", "bytes", "duration_ms", "seq", "phase", "prev"),
    ] == names_of(entry)[9:]


def test_an_intent_says_everything_about_the_call_but_its_result() -> None:
    """After a crash the intent is all that is left of a call."""
    record = json.loads(line_of(tool_intent(CALL)))

    assert "tool_intent" == record["event"]
    assert "intent" == record["phase"]
    assert "result" not in record
    assert PLACES == {name: record["arguments"][name] for name in PLACES}
    assert ("key:1f0c9a2b3d4e", "main") == (record["principal"], record["instance"])


def test_a_refused_call_stands_there_with_decision_and_reasons() -> None:
    """Every denial is recorded with its reason."""
    record = json.loads(line_of(tool_invocation(CALL, Result.ERROR, status="forbidden", reasons=["scope"])))

    assert ("deny", ["scope"], "forbidden") == (record["decision"], record["reasons"], record["status"])
    assert "duration_ms" not in record


@pytest.mark.parametrize(
    ("pattern", "entry"),
    [
        ('"result": "error"', tool_invocation(CALL, Result.ERROR, status="not_found", intent_seq=1)),
        ('"event": "access_denied"', access_denied("invalid_api_key", ORIGIN)),
        ("access_denied.*invalid_api_key", access_denied("invalid_api_key", ORIGIN)),
        (
            "api_authentication.*success",
            api_authentication(AuthenticationStatus.SUCCESS, ORIGIN, key_hint="a1b2c3d4...e1f2", principal=PRINCIPAL),
        ),
        ("auth_rate_limit_exceeded", security_event("auth_rate_limit_exceeded", Severity.HIGH, client_ip="::1")),
    ],
    ids=["error", "denied", "invalid_key", "authentication", "rate_limit"],
)
def test_what_operators_search_for_is_found(pattern: str, entry: AuditEntry) -> None:
    """These patterns stand in the guides that people follow."""
    assert re.search(pattern, line_of(entry))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            api_authentication(AuthenticationStatus.SUCCESS, ORIGIN, key_hint="a1b2c3d4...e1f2"),
            ["timestamp", "event", "status", "client_ip", "user_agent", "key_hint"],
        ),
        (access_denied("invalid_api_key", Origin(address="::1")), ["timestamp", "event", "reason", "client_ip"]),
        (
            security_event("auth_rate_limit_exceeded", Severity.HIGH, client_ip="::1"),
            ["timestamp", "event", "kind", "severity", "client_ip"],
        ),
        (service_event("service_started", version="1"), ["timestamp", "event", "version"]),
    ],
    ids=["authentication", "denied", "security", "service"],
)
def test_other_records_have_exactly_the_promised_fields_in_order(entry: AuditEntry, expected: list[str]) -> None:
    """The format is a contract, and what is absent is left out."""
    assert [*expected, "seq", "phase", "prev"] == names_of(entry)


def test_additions_come_after_the_promised_fields() -> None:
    """A room may say more, but never in between."""
    denied = access_denied(
        "forbidden",
        ORIGIN,
        principal=PRINCIPAL,
        correlation_id=CALL.correlation_id,
        tool="x" * 300,
        arguments={"a": 1},
        scopes=["write:repository"],
    )
    failed = api_authentication(AuthenticationStatus.FAILURE, ORIGIN, reason="expired", attempts=3)

    assert ["user_agent", "correlation_id", "tool", "principal", "instance", "key_hint", "arguments", "scopes"] == [
        *denied.fields
    ][2:]
    assert "x" * 256 + "...(+44 characters)" == denied.fields["tool"]
    assert ["reason", "attempts"] == [*failed.fields][3:]


@pytest.mark.parametrize("name", ["Timestamp", "", "a b", "a\n", "x" * 41, "1a"])
def test_a_field_is_named_by_us_and_never_by_a_caller(name: str) -> None:
    """Names that a caller could choose would break the order and the search."""
    with pytest.raises(ValueError, match="not the name"):
        AuditEntry("event", Phase.EVENT, {name: 1})


@pytest.mark.parametrize("name", ["timestamp", "event", "seq", "phase", "prev"])
def test_what_the_trail_adds_cannot_be_handed_in(name: str) -> None:
    """A second `seq` would be a second truth."""
    with pytest.raises(ValueError, match="added by the trail"):
        AuditEntry("event", Phase.EVENT, {name: 1})


def test_a_record_with_too_many_fields_is_our_bug() -> None:
    """The bound of a line rests on the number of fields."""
    with pytest.raises(ValueError, match="at most"):
        AuditEntry("event", Phase.EVENT, {f"f{number}": 1 for number in range(47)})


def test_a_key_in_the_place_of_its_hint_is_not_written() -> None:
    """The log is kept for years and copied to many places; no key may stand in it."""
    with pytest.raises(ValueError, match="hint"):
        api_authentication(AuthenticationStatus.SUCCESS, ORIGIN, key_hint="0" * 64)


def test_free_text_stands_as_length_and_keyed_digest() -> None:
    """What people write is not copied into the log, but can be proved by whoever holds the key."""
    secret = "the content of a file"
    described = describe_arguments({"text": secret, "items": ["a", {"b": secret}], "limit": 5, "flag": None}, KEY)
    other = describe_arguments({"text": secret}, b"o" * 32)

    assert secret not in json.dumps(described)
    assert (5, None) == (described["limit"], described["flag"])
    assert described["text"] == {"length": 21, "digest": described["text"]["digest"]}  # type: ignore[index,call-overload]  # it is an object
    assert described["text"] == describe_arguments({"text": secret}, KEY)["text"]
    assert described["text"] != other["text"]
    assert re.fullmatch(r"hmac-sha256:[0-9a-f]{64}", str(described["items"]["digest"]))  # type: ignore[index,call-overload]  # the same


def test_places_and_named_arguments_stand_in_full() -> None:
    """Where something was done must be readable without any key, as it was understood and not as it was spelled."""
    described = describe_arguments(
        {"path": "/src/", "state": "open", "body": "x"}, KEY, places={"path": "src", "ref": "main"}, in_full={"state"}
    )

    assert ("src", "open", "main") == (described["path"], described["state"], described["ref"])
    assert isinstance(described["body"], dict)


def test_a_text_with_half_a_character_has_a_digest_too() -> None:
    """A lone surrogate, possible in JSON, must not end the call's record."""
    assert describe_arguments({"a": "\ud800"}, KEY)["a"] != describe_arguments({"a": "\ufffd"}, KEY)["a"]
