"""Whose trace a request belongs to, as the client says in `_meta`: for the log, and for nothing else.

Laws:
    1. What is not well formed is as if it were not there: a trace never makes a request fail.
    2. Every field is bounded and is plain ASCII, so it stands in a log line as it is.
    3. It is the client's word: nothing is decided by it.

Not here: handing a trace on to Gitea, which knows none.

Source: MCP 2026-07-28 basic/index#meta (SEP-414); W3C Trace Context Level 2; W3C Baggage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from aegis_trio.model.call import TraceParent
from aegis_trio.model.json import JsonObject, JsonValue

MAX_MEMBERS: Final = 32  # Source: W3C Trace Context section 3.3.1.1
MAX_STATE_CHARS: Final = 512  # Source: the same, section 3.3.1.5: what everybody must carry at least
# Trade: baggage may have 8192 bytes; we log it and do not carry it, so one that long is no use to us.
MAX_BAGGAGE_CHARS: Final = 1024

_PARENT: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_MAX_PARENT_CHARS: Final = 256  # version 00 has 55; a later one may append
_SAMPLED: Final = 0x01
# Source: W3C Trace Context sections 3.3.1.3.1 and 3.3.1.3.2.
_STATE_MEMBER: Final = re.compile(
    r"(?P<key>[a-z0-9][a-z0-9_\-*/@]{0,255})=(?P<value>[\x20-\x2B\x2D-\x3C\x3E-\x7E]{0,255}[\x21-\x2B\x2D-\x3C\x3E-\x7E])"
)
# Source: W3C Baggage section 3.3.1; properties after `;` are allowed and not kept.
_BAGGAGE_MEMBER: Final = re.compile(
    r"(?P<key>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?P<value>[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]*)"
    r"(?:[ \t]*;[\x20\x21\x23-\x2B\x2D-\x5B\x5D-\x7E\t]*)?"
)

Members: TypeAlias = tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """One request's place in a trace."""

    trace_id: str
    """32 hexadecimal digits, not all zero."""
    parent_id: str
    """16 hexadecimal digits, not all zero: the client's own span."""
    is_sampled: bool
    state: Members = ()
    """What each tracing system on the way noted, newest first."""
    baggage: Members = ()
    """What the application attached; values are percent-encoded, as they came."""

    @property
    def parent(self) -> TraceParent:
        """The client's span."""
        return TraceParent(trace_id=self.trace_id, span_id=self.parent_id, is_sampled=self.is_sampled)


def read_trace_context(meta: JsonObject) -> TraceContext | None:
    """Return the trace that *meta* names, or None when it names none.

    Args:
        meta: `_meta` of a request's params.
    """
    parent = _read_parent(meta.get("traceparent"))
    if parent is None:
        # Source: W3C Trace Context section 3.3: without a valid traceparent, tracestate must not be used.
        return None
    return TraceContext(
        trace_id=parent["trace"],
        parent_id=parent["span"],
        is_sampled=bool(int(parent["flags"], 16) & _SAMPLED),
        state=_read_members(meta.get("tracestate"), _STATE_MEMBER, MAX_STATE_CHARS),
        baggage=_read_members(meta.get("baggage"), _BAGGAGE_MEMBER, MAX_BAGGAGE_CHARS),
    )


def _read_parent(raw_parent: JsonValue) -> re.Match[str] | None:
    """Read a `traceparent`.

    Source: W3C Trace Context section 3.2; for versions to come, section 4.3.
    """
    if not isinstance(raw_parent, str) or len(raw_parent) > _MAX_PARENT_CHARS:
        return None
    parent = _PARENT.fullmatch(raw_parent)
    if parent is None or parent["version"] == "ff" or (parent["version"] == "00" and parent["more"]):
        return None
    return parent if parent["trace"].strip("0") and parent["span"].strip("0") else None


def _read_members(raw_list: JsonValue, form: re.Pattern[str], max_chars: int) -> Members:
    """Read a list of `key=value`; one that breaks its form or bound anywhere is none."""
    if not isinstance(raw_list, str) or len(raw_list) > max_chars:
        return ()
    # Source: W3C Trace Context section 3.3.1.1: empty members are allowed; so is white space around each.
    members = [form.fullmatch(member) for raw_member in raw_list.split(",") if (member := raw_member.strip(" \t"))]
    if len(members) > MAX_MEMBERS:
        return ()
    found = tuple((member["key"], member["value"]) for member in members if member is not None)
    return found if len(found) == len(members) else ()
