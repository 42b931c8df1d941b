"""What a record says: builders for each kind, with exactly the names and the order that people search for.

Laws:
    1. Pure: no clock, no file. The trail adds the timestamp in front; sequence, phase and chain come last.
    2. The fields that users know stand first, in their order; what was added later stands behind them.
    3. What is absent is left out, never `null`.
    4. No key, token or content of a file: arguments come from `arguments.describe_arguments`, keys as hints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, final

from aegis_trio.audit.canonical import MAX_FIELDS
from aegis_trio.model.call import CorrelationId, Transport
from aegis_trio.model.errors import Severity
from aegis_trio.model.identity import Origin, Principal
from aegis_trio.model.json import JsonObject, JsonValue

_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_WRITERS_OWN: Final = frozenset({"timestamp", "event", "seq", "phase", "prev"})
_TOP_PLACES: Final = ("owner", "repo", "path")
_MAX_HINT_CHARACTERS: Final = 15  # eight, three dots, four
_MAX_NAME_CHARACTERS: Final = 256  # what clients call themselves and the tools they ask for


class Phase(StrEnum):
    """Which part of a story a record tells."""

    INTENT = "intent"
    OUTCOME = "outcome"
    EVENT = "event"


class Result(StrEnum):
    """What came of a call, as people search for it."""

    SUCCESS = "success"
    ERROR = "error"


class AuthenticationStatus(StrEnum):
    """What came of one authentication attempt."""

    SUCCESS = "success"
    FAILURE = "failure"


@final
@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One record before it has a time and a place in the chain; fields in printed order."""

    event: str
    phase: Phase
    fields: Mapping[str, JsonValue]

    def __post_init__(self) -> None:
        for name in (self.event, *self.fields):
            if not _is_field_name(name):
                raise ValueError(f"{name!r} is not the name of an event or field")
        if not _WRITERS_OWN.isdisjoint(self.fields):
            raise ValueError("timestamp, event, seq, phase and prev are added by the trail")
        if len(self.fields) > MAX_FIELDS - 2:
            raise ValueError(f"a record has at most {MAX_FIELDS - 2} fields of its own")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of a call before it runs; intent and outcome repeat it."""

    correlation_id: CorrelationId
    tool: str
    places: Mapping[str, str | int]
    """Arguments that name a place, in full."""
    arguments: JsonObject
    """Every argument, as `describe_arguments` returns them."""
    origin: Origin
    principal: Principal
    transport: Transport
    client: str | None = None
    """What the client calls itself, untrusted."""
    trace: str | None = None
    """The W3C trace id that the client sent, 32 hexadecimal digits, untrusted."""
    method: str | None = None
    """Which of the tool's methods, ours; None for a tool without."""


def tool_intent(call: CallFacts) -> AuditEntry:
    """Return the record that must be durable before anything is done for *call*."""
    fields = _call(call, None)
    fields["decision"] = "allow"
    return AuditEntry("tool_intent", Phase.INTENT, fields)


def tool_invocation(
    call: CallFacts,
    result: Result,
    *,
    status: str,
    reply_bytes: int | None = None,
    duration_s: float | None = None,
    reasons: Sequence[str] = (),
    intent_seq: int | None = None,
) -> AuditEntry:
    """Return the record of what came of *call*.

    Args:
        result: success or error.
        status: `ok`, or the code of the fault, or `cancelled`.
        reply_bytes: size of the reply.
        duration_s: from intent to outcome; None when the call never ran.
        reasons: words for the operator, such as the name of the rule that refused.
        intent_seq: sequence of the call's intent; None when the call was refused before it.
    """
    fields = _call(call, result)
    _add(fields, "intent_seq", intent_seq)
    _add(fields, "decision", "deny" if intent_seq is None else "allow")
    _add(fields, "reasons", list(reasons) or None)
    _add(fields, "status", status)
    _add(fields, "bytes", reply_bytes)
    _add(fields, "duration_ms", None if duration_s is None else round(duration_s * 1000))
    return AuditEntry("tool_invocation", Phase.OUTCOME, fields)


def api_authentication(
    status: AuthenticationStatus,
    origin: Origin,
    *,
    key_hint: str | None = None,
    principal: Principal | None = None,
    reason: str | None = None,
    **additions: JsonValue,
) -> AuditEntry:
    """Return the record of one authentication attempt.

    Args:
        key_hint: first eight and last four characters of the key's hexadecimal body; never more of it.
        principal: whom the credential stands for, when it was valid.
        reason: why it failed, such as `invalid_api_key`.
        additions: further fields, last.

    Raises:
        ValueError: the hint is longer than a hint, so it may be a key — our bug.
    """
    _check_hint(key_hint)
    fields: dict[str, JsonValue] = {"status": status.value, "client_ip": origin.address}
    _add(fields, "user_agent", _name(origin.user_agent))
    _add(fields, "key_hint", key_hint)
    _add(fields, "reason", reason)
    _add_principal(fields, principal)
    return AuditEntry("api_authentication", Phase.EVENT, {**fields, **additions})


def access_denied(
    reason: str,
    origin: Origin,
    *,
    principal: Principal | None = None,
    correlation_id: CorrelationId | None = None,
    tool: str | None = None,
    arguments: JsonObject | None = None,
    **additions: JsonValue,
) -> AuditEntry:
    """Return the record of one denial.

    Args:
        reason: stable words without spaces, such as `invalid_api_key` or the code of a fault.
        principal: who was refused, when known.
        correlation_id: of the call that was refused.
        tool: its raw name.
        arguments: as `describe_arguments` returns them.
        additions: further fields, last.
    """
    fields: dict[str, JsonValue] = {"reason": reason, "client_ip": origin.address}
    _add(fields, "user_agent", _name(origin.user_agent))
    _add(fields, "correlation_id", correlation_id)
    _add(fields, "tool", _name(tool))
    _add_principal(fields, principal)
    _add(fields, "arguments", arguments)
    return AuditEntry("access_denied", Phase.EVENT, {**fields, **additions})


def security_event(
    kind: str, severity: Severity, *, client_ip: str | None = None, **additions: JsonValue
) -> AuditEntry:
    """Return the record of something that people should look at.

    Args:
        kind: stable words without spaces, such as `auth_rate_limit_exceeded`.
        severity: how loudly.
        client_ip: where it came from, when it came from somewhere.
        additions: further fields, last.
    """
    fields: dict[str, JsonValue] = {"kind": kind, "severity": severity.value}
    _add(fields, "client_ip", client_ip)
    return AuditEntry("security_event", Phase.EVENT, {**fields, **additions})


def service_event(name: str, **fields: JsonValue) -> AuditEntry:
    """Return a record of the gate's own life, such as `service_started`."""
    return AuditEntry(name, Phase.EVENT, fields)


def _call(call: CallFacts, result: Result | None) -> dict[str, JsonValue]:
    _check_hint(call.principal.key_hint)
    fields: dict[str, JsonValue] = {"correlation_id": call.correlation_id, "tool": _name(call.tool)}
    for place in _TOP_PLACES:
        _add(fields, place, call.places.get(place))
    _add(fields, "result", None if result is None else result.value)
    fields["client_ip"] = call.origin.address
    _add(fields, "user_agent", _name(call.origin.user_agent))
    _add_principal(fields, call.principal)
    _add(fields, "client", _name(call.client))
    fields["transport"] = call.transport.value
    fields["arguments"] = call.arguments
    _add(fields, "method", call.method)
    _add(fields, "trace", call.trace)
    return fields


@lru_cache(maxsize=256)  # the names are this file's own, the same for every record
def _is_field_name(name: str) -> bool:
    return _FIELD_NAME.fullmatch(name) is not None


def _add(fields: dict[str, JsonValue], name: str, value: JsonValue) -> None:
    if value is not None:
        fields[name] = value


def _add_principal(fields: dict[str, JsonValue], principal: Principal | None) -> None:
    if principal is not None:
        fields["principal"] = principal.id
        fields["instance"] = principal.instance
        if "key_hint" not in fields:
            _add(fields, "key_hint", principal.key_hint)
        _add(fields, "login", principal.login)
        _add(fields, "grant", principal.grant)


def _check_hint(hint: str | None) -> None:
    # Threat: whoever hands in the key itself would write it into the one file that is kept for years.
    if hint is not None and len(hint) > _MAX_HINT_CHARACTERS:
        raise ValueError("a key's hint has at most fifteen characters")


def _name(raw_name: str | None) -> str | None:
    if raw_name is None or len(raw_name) <= _MAX_NAME_CHARACTERS:
        return raw_name
    return f"{raw_name[:_MAX_NAME_CHARACTERS]}...(+{len(raw_name) - _MAX_NAME_CHARACTERS} characters)"
