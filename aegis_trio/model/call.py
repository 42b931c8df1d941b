"""One call: what was asked for, by whom, and what came of it.

A call is of a tool, a resource, a prompt or a completion; all take the same way through the same door.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType, TypeAlias, final

from aegis_trio.model.errors import Fault
from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import SILENT_PEER, Peer, Question

CorrelationId = NewType("CorrelationId", str)
"""A random UUID in text: the same in the answer, the log and the audit trail of one call."""

MAX_REPLY_BYTES: Final = 48 * 1024  # clients cut tool results near 25,000 tokens; this stays under it
"""Bound of one rendered tool result, in bytes of JSON: structured content and its text form together."""
MAX_RESOURCE_BYTES: Final = 1536 * 1024
"""Bound of one resource as JSON: a file of 1 MiB in Base64, and what stands around it. It goes to an application, not
into a model's context, so it is not held to `MAX_REPLY_BYTES`."""


class Transport(StrEnum):
    """The way in that a call took, as the audit trail names it."""

    STREAMABLE_HTTP = "streamable_http"
    HTTP_SSE = "http_sse"
    WEBSOCKET = "websocket"
    STDIO = "stdio"
    REST = "rest"


class CallKind(StrEnum):
    """What a call is of."""

    TOOL = "tool"
    RESOURCE = "resource"
    RESOURCE_LIST = "resource_list"
    PROMPT = "prompt"
    COMPLETION = "completion"


def new_correlation_id() -> CorrelationId:
    """Return a fresh random id."""
    return CorrelationId(str(uuid.uuid4()))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TraceParent:
    """A span of the client's, below which a call of its stands; the client's word, so nothing is decided by it."""

    trace_id: str
    """32 hexadecimal digits, not all zero."""
    span_id: str
    """16 hexadecimal digits, not all zero."""
    is_sampled: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """A tool's name and its arguments as the client sent them: JSON, not yet validated."""

    tool: str
    """The tool's or prompt's name; for a resource its URI; for a completion what it completes."""
    raw_arguments: JsonObject
    transport: Transport
    kind: CallKind = CallKind.TOOL
    correlation_id: CorrelationId = field(default_factory=new_correlation_id)
    client: str | None = None
    """What the client calls itself (`name/version`), untrusted."""
    trace: str | None = None
    """The W3C trace id that the client sent, 32 hexadecimal digits, for the log; untrusted."""
    parent: TraceParent | None = None
    """The client's span in that trace."""
    peer: Peer = SILENT_PEER
    """The client, as the call may speak to it while it runs."""


@final
@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a call answers, already within the bound that its context gave it."""

    structured: JsonObject | None = None
    """One JSON object; a tool's also stands as text in its result."""
    content: tuple[JsonObject, ...] = ()
    """Blocks in MCP's own form: of a tool that answers with more than JSON, or the contents of a resource."""
    is_error: bool = False
    """Whether the tool ran and says that it failed."""


@final
@dataclass(frozen=True, slots=True)
class Success:
    """The tool ran; its intent and outcome are in the audit trail."""

    correlation_id: CorrelationId
    reply: ToolReply
    reply_bytes: int = 0
    """Size of the reply as an MCP result, for the audit trail."""


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """The call was refused or failed; `fault` says why and what to do."""

    correlation_id: CorrelationId
    fault: Fault


@final
@dataclass(frozen=True, slots=True)
class Pending:
    """The call cannot go on without answers of the client; it is made again with them.

    Source: MCP 2026-07-28 basic/patterns/mrtr.
    """

    correlation_id: CorrelationId
    questions: Mapping[str, Question]


ToolOutcome: TypeAlias = Success | Failure | Pending
