"""The schema's own word on parameters: each request is checked against the wire types of its revision.

Law: what passes here has the types that the schema of its revision demands; dispatch still reads it defensively.

Not here: arguments of tools, which their own schema judges (toolsets).
"""

from __future__ import annotations

from typing import Final

from mcp_types.methods import validate_client_notification, validate_client_request
from pydantic import ValidationError

from aegis_trio.protocol.jsonrpc import Notification, Request
from aegis_trio.protocol.refusals import Refusal, invalid_params
from aegis_trio.protocol.revisions import Revision

MAX_FAULTS_SHOWN: Final = 3
_FRAME: Final = frozenset({"params"})  # the models are whole messages; clients know their parameters only


def check_request(request: Request, revision: Revision) -> Refusal | None:
    """Tell how *request* breaks the schema of *revision*, or None when it does not.

    Raises:
        KeyError: the revision has no such method — our caller looks first.

    Source: MCP schema/<revision>/schema.ts, as the models of mcp-types.
    """
    try:
        validate_client_request(request.method, revision.version, request.params)
    except ValidationError as invalid:
        return invalid_params(_describe(invalid))
    return None


def is_valid_notification(notification: Notification, revision: Revision) -> bool:
    """Return whether *notification* follows the schema of *revision*; one that does not is ignored.

    Source: MCP 2025-11-25 basic/utilities/cancellation#error-handling.
    """
    try:
        validate_client_notification(notification.method, revision.version, notification.params)
    except ValidationError:
        return False
    return True


def _describe(invalid: ValidationError) -> str:
    # Threat: pydantic's own text repeats the input; only place and rule leave.
    faults = invalid.errors(include_url=False, include_context=False, include_input=False)[:MAX_FAULTS_SHOWN]
    return "; ".join(f"{_place(fault['loc'])}: {fault['msg']}" for fault in faults)


def _place(location: tuple[int | str, ...]) -> str:
    steps = [str(step) for step in location if step not in _FRAME]
    # A member's name may be the client's own invention, of any length.
    return ".".join(steps)[:120] or "params"
