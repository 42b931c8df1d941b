"""The small words of the model: secrets, decisions, clocks, keys, JSON, tool specs."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.call import ToolRequest, Transport, new_correlation_id
from aegis_trio.model.clock import SetClock, SystemClock, as_timestamp
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import Forbidden
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonValue, encode_json
from aegis_trio.model.keyring import Keyring, Purpose, derive
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import Risk
from aegis_trio.toolsets.catalogue import TOOLS

VALUE = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("template", ["{}", "{!r}", "{!s}", "{!r:>9}", "{:x}"])
def test_a_secret_is_never_shown(template: str) -> None:
    """Logs, errors and f-strings meet secrets by accident; the value must not come out."""
    assert VALUE not in template.format(Secret(VALUE))


def test_a_secret_is_not_pickled_and_not_hashed() -> None:
    """A pickle is a copy on disk; a hash makes comparison in variable time."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE))
    with pytest.raises(TypeError):
        hash(Secret(VALUE))


def test_secrets_compare_by_value() -> None:
    """Whatever text they hold, also text that is no valid Unicode."""
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret("\ud800") != Secret("\ud801")
    assert Secret(VALUE) != VALUE
    assert (VALUE, len(VALUE)) == (Secret(VALUE).reveal(), len(Secret(VALUE)))


def test_a_callers_token_does_not_show() -> None:
    """A caller is logged in tracebacks; its token must not be."""
    principal = Principal(
        id=PrincipalId("local"), kind=PrincipalKind.LOCAL, instance=DEFAULT_INSTANCE, scopes=frozenset()
    )
    caller = Caller(principal=principal, gitea_token=Secret(VALUE), origin=Origin(address="local"))

    assert VALUE not in repr(caller)


@pytest.mark.parametrize("decision", [Allow(), Deny("no", Forbidden("No."))], ids=["allow", "deny"])
def test_a_decision_has_no_truth_value(decision: Allow | Deny) -> None:
    """`if decide(…)` would take a Deny for a yes."""
    with pytest.raises(TypeError):
        bool(decision)


def test_a_timestamp_is_utc_with_microseconds() -> None:
    """The audit trail's form, by which lines sort as text."""
    assert "1970-01-01T00:00:00.000000Z" == as_timestamp(0)
    assert "2026-02-13T10:00:00.000001Z" == as_timestamp(1_770_976_800_000_001_999)


def test_a_set_clock_stands_until_it_is_put() -> None:
    """Tests must own the time of day."""
    clock = SetClock(5)
    assert 5 == clock.now_ns() == clock.now_ns()

    clock.set_ns(3)
    assert 3 == clock.now_ns()


def test_the_system_clock_tells_the_machines_time() -> None:
    """The one place that asks the machine."""
    before = time.time_ns()
    assert before <= SystemClock().now_ns() <= time.time_ns()


def test_keys_of_two_purposes_and_two_roots_differ() -> None:
    """A cursor's key must not sign a session ticket, and a rotated root must not look like the old one."""
    ring = Keyring((Secret(VALUE), Secret(VALUE[::-1])))
    keys = {key for purpose in Purpose for key in ring.keys(purpose)}

    assert 2 * len(Purpose) == len(keys)
    assert {32} == {len(key) for key in keys}
    assert ring.key(Purpose.CURSOR) == ring.keys(Purpose.CURSOR)[0]


def test_a_derived_key_is_hkdf() -> None:
    """The derivation is RFC 5869's, so another program can check a digest in the audit trail."""
    extracted = hmac.new(b"aegis-trio keyring v1", VALUE.encode(), hashlib.sha256).digest()
    expected = hmac.new(extracted, b"pagination cursor\x01", hashlib.sha256).digest()

    assert expected == derive(Secret(VALUE), Purpose.CURSOR)


@pytest.mark.parametrize("roots", [(), (Secret("short"),)], ids=["none", "short"])
def test_a_ring_without_a_strong_root_is_refused(roots: tuple[Secret, ...]) -> None:
    """A weak root would be the weakest key of all purposes at once."""
    with pytest.raises(ValueError, match="root secret"):
        Keyring(roots)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_encoded_json_reads_back_the_same(value: JsonValue) -> None:
    """Property: what leaves is what was meant, lone surrogates included."""
    assert value == json.loads(encode_json(value))


def test_a_lone_surrogate_leaves_as_an_escape() -> None:
    """A client can send one, escaped; echoing it must not crash the answer."""
    assert b'"\\ud800"' == encode_json("\ud800")
    assert '"é"'.encode() == encode_json("é")


def test_what_json_cannot_hold_is_our_bug() -> None:
    """NaN would make the whole answer unreadable for strict clients."""
    with pytest.raises(ValueError, match="Out of range"):
        encode_json(float("nan"))


def test_correlation_ids_are_fresh_uuids() -> None:
    """One id finds one call in answer, log and trail."""
    assert new_correlation_id() != new_correlation_id()
    assert 4 == uuid.UUID(new_correlation_id()).version
    request = ToolRequest(tool="get_me", raw_arguments={}, transport=Transport.REST)
    assert 4 == uuid.UUID(request.correlation_id).version


@pytest.mark.requirement("MCP-TOOL-06")
def test_a_tools_hints_follow_from_its_risk() -> None:
    """Annotations must not contradict what policy decides by."""
    tool = TOOLS[0]

    assert (Risk.READ, True, False) == (tool.risk, tool.read_only, tool.destructive)
