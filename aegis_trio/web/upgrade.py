"""The way back of one WebSocket: an HTTP answer while it is not accepted, a close frame afterwards.

Laws:
    1. A refusal is a whole HTTP answer with the security headers, given instead of the upgrade.
    2. After the upgrade nobody can read an answer: what breaks then is in the log, and the peer sees 1011, or 1008
       where its address was blocked.

Needs ASGI's extension `websocket.http.response`, which our server always offers.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final, cast, final

import structlog

from aegis_trio.model.asgi import Headers, Message, Send
from aegis_trio.model.errors import AddressBlocked, Bug, Fault
from aegis_trio.web.errors import HttpAnswer, plain_answer

INTERNAL_ERROR: Final = 1011  # source: RFC 6455 section 7.4.1
POLICY_VIOLATION: Final = 1008  # the same

log: Final = structlog.get_logger(__name__)


@final
class Upgrade:
    """Passes a route's messages on, and knows how far the WebSocket is."""

    __slots__ = ("_extra", "_send", "accepted", "answered")

    def __init__(self, send: Send, extra: tuple[tuple[bytes, bytes], ...]) -> None:
        self._send = send
        self._extra = extra
        self.accepted = False
        self.answered = False  # or has begun to be

    async def send(self, message: Message) -> None:
        """Send one message of the route."""
        kind = message["type"]
        if kind == "websocket.close" and not self.accepted:
            await self.refuse(plain_answer(403, "refused", "This WebSocket may not be opened."))
            return
        if kind == "websocket.accept":
            self.accepted = True
        elif kind == "websocket.http.response.start":
            self.answered = True
            present = cast("Headers", message.get("headers", []))
            names = {name.lower() for name, _ in present}
            message["headers"] = [*present, *(pair for pair in self._extra if pair[0] not in names)]
        await self._send(message)

    async def refuse(self, answer: HttpAnswer) -> None:
        """Answer instead of upgrading."""
        await self.send(
            {"type": "websocket.http.response.start", "status": answer.status, "headers": list(answer.headers)}
        )
        await self.send({"type": "websocket.http.response.body", "body": answer.body, "more_body": False})


async def end_socket(upgrade: Upgrade, fault: Fault, path: str, answer_of: Callable[[str, Fault], HttpAnswer]) -> None:
    """End what a route broke off with *fault*.

    Args:
        answer_of: gives a fault as the answer of a path, with the challenge of this deployment.

    Raises:
        Fault: half an answer was given, which cannot be taken back; the server ends the connection.
    """
    if upgrade.accepted:
        if not isinstance(fault, Bug):  # a bug is in the log already
            log.warning("websocket_failed", path=path, fault=fault.code, incident=str(uuid.uuid4()))
        code = POLICY_VIOLATION if isinstance(fault, AddressBlocked) else INTERNAL_ERROR
        await upgrade.send({"type": "websocket.close", "code": code, "reason": None})
    elif upgrade.answered:
        raise fault
    else:
        await upgrade.refuse(answer_of(path, fault))
