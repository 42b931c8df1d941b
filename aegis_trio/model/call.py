"""One call of a tool: what was asked for, by whom, and what came of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType, TypeAlias, final

from aegis_trio.model.errors import Fault
from aegis_trio.model.json import JsonObject

CorrelationId = NewType("CorrelationId", str)
"""A random UUID in text: the same in the answer, the log and the audit trail of one call."""

MAX_REPLY_BYTES: Final = 48 * 1024  # clients cut tool results near 25,000 tokens; this stays under it
"""Bound of one rendered tool result, in bytes of JSON: structured content and its text form together."""


class Transport(StrEnum):
    """The way in that a call took, as the audit trail names it."""

    STREAMABLE_HTTP = "streamable_http"
    HTTP_SSE = "http_sse"
    REST = "rest"


def new_correlation_id() -> CorrelationId:
    """Return a fresh random id."""
    return CorrelationId(str(uuid.uuid4()))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """A tool's name and its arguments as the client sent them: JSON, not yet validated."""

    tool: str
    raw_arguments: JsonObject
    transport: Transport
    correlation_id: CorrelationId = field(default_factory=new_correlation_id)
    client: str | None = None
    """What the client calls itself (`name/version`), untrusted."""


@final
@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a tool answers: one JSON object, already within the bound that its context gave it."""

    structured: JsonObject


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


ToolOutcome: TypeAlias = Success | Failure
