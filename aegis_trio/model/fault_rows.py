"""How each class of fault stands on the wire and in the audit trail.

Not here: the classes themselves (errors.py), rendering (web/errors.py for HTTP, gateway/render.py for MCP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.errors import (
    AddressBlocked,
    AuditUnavailable,
    BeyondKey,
    Bug,
    ClientFault,
    ClientRefused,
    Conflict,
    DeadlineExceeded,
    Fault,
    Forbidden,
    GrantDead,
    InsufficientScope,
    InvalidArgument,
    MissingCapability,
    NotAnswered,
    NotFound,
    NotReady,
    RateLimited,
    Refused,
    ReplyTooLarge,
    ResourceMissing,
    ResultGone,
    ServerFault,
    Severity,
    TooMany,
    Unauthenticated,
    UnknownPrompt,
    UnknownTool,
    UpstreamBroken,
    UpstreamBusy,
    UpstreamFault,
    UpstreamForbade,
    UpstreamPaused,
    UpstreamRejectedIdentity,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)


@final
@dataclass(frozen=True, slots=True)
class FaultRow:
    """How one class of fault stands on the wire and in the audit trail."""

    jsonrpc_code: int
    http_status: int
    severity: Severity


# Source: MCP 2026-07-28 basic/index#error-codes: own codes stand outside -32768…-32000; ours are the HTTP status.
FAULT_ROWS: Final[dict[type[Fault], FaultRow]] = {
    ClientFault: FaultRow(-32600, 400, Severity.LOW),
    InvalidArgument: FaultRow(-32602, 400, Severity.LOW),
    UnknownTool: FaultRow(-32602, 404, Severity.LOW),
    UnknownPrompt: FaultRow(-32602, 404, Severity.LOW),
    ResourceMissing: FaultRow(-32602, 404, Severity.LOW),
    MissingCapability: FaultRow(-32021, 400, Severity.LOW),
    NotAnswered: FaultRow(-32600, 400, Severity.LOW),
    NotFound: FaultRow(404, 404, Severity.LOW),
    Conflict: FaultRow(409, 409, Severity.LOW),
    ReplyTooLarge: FaultRow(413, 413, Severity.LOW),
    ResultGone: FaultRow(410, 410, Severity.LOW),
    Refused: FaultRow(403, 403, Severity.MEDIUM),
    Unauthenticated: FaultRow(401, 401, Severity.MEDIUM),
    Forbidden: FaultRow(403, 403, Severity.MEDIUM),
    InsufficientScope: FaultRow(403, 403, Severity.MEDIUM),
    BeyondKey: FaultRow(403, 403, Severity.MEDIUM),
    TooMany: FaultRow(429, 429, Severity.MEDIUM),
    AddressBlocked: FaultRow(429, 429, Severity.HIGH),
    RateLimited: FaultRow(429, 429, Severity.MEDIUM),
    UpstreamFault: FaultRow(502, 502, Severity.MEDIUM),
    UpstreamUnreachable: FaultRow(502, 502, Severity.MEDIUM),
    UpstreamTimeout: FaultRow(504, 504, Severity.MEDIUM),
    UpstreamRejectedIdentity: FaultRow(502, 502, Severity.HIGH),
    GrantDead: FaultRow(502, 502, Severity.MEDIUM),
    ClientRefused: FaultRow(502, 502, Severity.HIGH),
    UpstreamForbade: FaultRow(403, 403, Severity.MEDIUM),
    UpstreamBusy: FaultRow(503, 503, Severity.MEDIUM),
    UpstreamPaused: FaultRow(503, 503, Severity.MEDIUM),
    UpstreamBroken: FaultRow(502, 502, Severity.MEDIUM),
    UpstreamTooLarge: FaultRow(502, 502, Severity.MEDIUM),
    ServerFault: FaultRow(-32603, 500, Severity.HIGH),
    AuditUnavailable: FaultRow(503, 503, Severity.HIGH),
    NotReady: FaultRow(503, 503, Severity.MEDIUM),
    DeadlineExceeded: FaultRow(504, 504, Severity.MEDIUM),
    Bug: FaultRow(-32603, 500, Severity.HIGH),
}


def row_of(fault: Fault) -> FaultRow:
    """Return the row of *fault*'s class.

    Raises:
        KeyError: a class without a row — our bug; a test finds it before.
    """
    return FAULT_ROWS[type(fault)]
