"""WebSocket: MCP on one socket at /mcp/ws, for debugging; the way in of the console.

One text message is one JSON-RPC message, or one batch where the session's revision has them.

Laws:
    1. Who has no valid credential is answered in HTTP, and nothing is upgraded. A key in the address never counts.
    2. The socket is the session's life: when it closes, so does everything of the session.
    3. Whatever ends the socket from our side says why in its close frame.

Not here: frames, sizes, pings and the closing handshake (web/server/websockets.py), messages (line.py).

Source: RFC 6455; MCP 2026-07-28 basic/transports (custom transports); ASGI 3.0, WebSocket message format 2.3.
"""

from __future__ import annotations

from typing import Final, cast, final

import trio

from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.model.call import Transport
from aegis_trio.transports.credentials import caller_of
from aegis_trio.transports.line import Heard, LineEnd, open_line
from aegis_trio.transports.ports import Doorman
from aegis_trio.transports.reception import Reception
from aegis_trio.transports.settings import SessionSettings

PATH: Final = "/mcp/ws"
SUBPROTOCOL: Final = "mcp"  # MCP names none, but the clients that exist ask for this one, and some insist
GOODBYE_S: Final = 1.0  # promises say that what ends does so within a second

# Source: RFC 6455 section 7.4.1. A reason has at most 123 bytes.
CLOSES: Final = {
    LineEnd.LEFT: (1001, "the gate is ending"),
    LineEnd.IDLE: (1001, "nothing was said for a long time"),
    LineEnd.AGED: (1001, "the session was open for too long; connect again"),
    LineEnd.ENDED: (1008, "the access of this credential has ended"),
    LineEnd.CUT: (1008, "answers were not read in time"),
    LineEnd.NOT_TEXT: (1003, "a JSON-RPC message is one text message"),
    LineEnd.BROKE: (1011, "internal error"),
}


@final
class McpSocket:
    """The ASGI application of the path."""

    def __init__(self, *, reception: Reception, doorman: Doorman, settings: SessionSettings) -> None:
        self._reception = reception
        self._doorman = doorman
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket.

        Raises:
            Fault: before it was accepted: the credential was refused, or there is no room.
        """
        caller = await caller_of(self._doorman, scope, allow_query=False)
        with open_line(caller, Transport.WEBSOCKET, reception=self._reception, settings=self._settings) as line:
            if (await receive())["type"] != "websocket.connect":
                return
            offered = cast("list[str]", scope.get("subprotocols", []))
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if SUBPROTOCOL in offered else None})

            async def hear() -> Heard:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return LineEnd.HUNG_UP
                text = message.get("text")
                return text.encode() if isinstance(text, str) else LineEnd.NOT_TEXT

            async def say(body: bytes) -> None:
                await send({"type": "websocket.send", "text": body.decode()})

            settings = self._settings
            end = await line.run(hear, say, idle_s=settings.idle_s, max_age_s=settings.max_age_s)
            if end in CLOSES:
                code, reason = CLOSES[end]
                with trio.move_on_after(GOODBYE_S):
                    await send({"type": "websocket.close", "code": code, "reason": reason})
