"""Records as a gate writes them, for measuring: the intent and the outcome of one call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Final

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.entry import AuditEntry, CallFacts, Result, tool_intent, tool_invocation
from aegis_trio.audit.recovery import draft
from aegis_trio.model.call import CorrelationId, Transport
from aegis_trio.model.identity import DEFAULT_INSTANCE, Origin, Principal, PrincipalId, PrincipalKind

_FACTS: Final = CallFacts(
    correlation_id=CorrelationId("5a0c1f9e-8d6b-4c1e-9a54-0f2f8a1d7c33"),
    tool="get_me",
    places={},
    arguments={},
    origin=Origin(address="10.0.0.1"),
    principal=Principal(
        id=PrincipalId("key:1f0c9a2b3d4e"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset()
    ),
    transport=Transport.STREAMABLE_HTTP,
)
_NOW_NS: Final = 1_770_000_000_000_000_000
_NO_SEQ: Final = 987_654_321_987_654  # stands nowhere else in the record


def intent() -> AuditEntry:
    """Return the record that must be durable before a call is made."""
    return tool_intent(_FACTS)


def outcome(intent_seq: int) -> AuditEntry:
    """Return the record of what came of it."""
    return tool_invocation(
        _FACTS, Result.SUCCESS, status="ok", reply_bytes=265, duration_s=0.012, intent_seq=intent_seq
    )


def endless_log() -> Iterator[tuple[bytes, bytes]]:
    """Yield the lines of a log without end, each with its leaf hash: calls, one after the other.

    Each record is rendered by the product once; in later ones of the kind only the sequence of the intent is another.
    """
    begun, done = draft(intent(), _NOW_NS), draft(outcome(_NO_SEQ), _NOW_NS)
    before, after = done.split(json.dumps(_NO_SEQ))
    head = ChainHead()
    for seq in count(0, 2):
        for text, phase in ((begun, intent().phase), (f"{before}{seq}{after}", outcome(0).phase)):
            line, head = seal(head, text, phase)
            yield line, bytes.fromhex(head.prev)
