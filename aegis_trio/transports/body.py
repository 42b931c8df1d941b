"""The body of a request: read whole before anything else, within a size and a time.

Law: nobody waits for a body longer than its deadline, and nobody keeps more of it than the bound.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, final

import trio

from aegis_trio.model.asgi import Receive, Scope
from aegis_trio.model.json import JsonValue
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.refusals import INVALID_REQUEST, Refusal, invalid_request
from aegis_trio.transports.credentials import headers_of
from aegis_trio.transports.negotiation import is_json_body


@final
class Unread(Enum):
    """There is no body to read and nobody to answer."""

    HUNG_UP = auto()


HUNG_UP: Final = Unread.HUNG_UP


async def read_document(
    scope: Scope, receive: Receive, *, max_bytes: int, deadline_s: float
) -> JsonValue | Refusal | Unread:
    """Read the whole body as one JSON document; what it must be declared as is checked first.

    Returns:
        The value, why it is refused (415, 413, 408, 400), or that the client left.
    """
    if not is_json_body(headers_of(scope)):
        return invalid_request("Content-Type must be application/json", 415)
    body = await read_body(receive, max_bytes=max_bytes, deadline_s=deadline_s)
    return read_json(body, max_bytes=max_bytes) if isinstance(body, bytes) else body


async def read_body(receive: Receive, *, max_bytes: int, deadline_s: float) -> bytes | Refusal | Unread:
    """Read the whole body.

    Args:
        max_bytes: bound of the body.
        deadline_s: how long the client may take to send it, seconds.

    Returns:
        The body, the refusal of one that is too big (413) or too slow (408), or that the client left.
    """
    raw_body = bytearray()
    # Threat: a body sent a byte a minute holds memory and a place for as long as the client likes.
    with trio.move_on_after(deadline_s):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return HUNG_UP
            piece = message.get("body", b"")
            raw_body += piece if isinstance(piece, bytes) else b""
            if len(raw_body) > max_bytes:
                return Refusal(
                    code=INVALID_REQUEST, message=f"The body is larger than {max_bytes} bytes.", http_status=413
                )
            if not message.get("more_body", False):
                return bytes(raw_body)
    return Refusal(
        code=INVALID_REQUEST, message=f"The body did not arrive within {deadline_s:g} seconds.", http_status=408
    )
