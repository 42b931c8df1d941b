"""The reference: the hardened server with an application that does nothing but answer.

POST /N          reads the body and answers N bytes of JSON
GET /stream      a stream that rests until the next event
POST /announce   one event to every stream
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import structlog
import trio

from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.supervisor.garbage import tune_garbage_collector
from aegis_trio.transports.bell import Bell, Wake
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.serve import serve
from aegis_trio.web.server.sockets import bound_port, open_listeners

EVENT: Final = b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
MAX_BYTES: Final = 1_000_000


class Bare:
    """The application."""

    def __init__(self) -> None:
        self._bells: set[Bell] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, once its body is read."""
        while (await receive()).get("more_body", False):
            pass
        match str(scope["path"]):
            case "/stream":
                await self._stream(receive, send)
            case "/announce":
                for bell in self._bells:
                    bell.ring()
                await _answer(send, 2)
            case path:
                await _answer(send, min(int(path[1:]), MAX_BYTES))

    async def _stream(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b": \n\n", "more_body": True})
        bell = Bell()
        self._bells.add(bell)
        while await bell.wait(receive, math.inf) is Wake.RUNG:
            await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        self._bells.discard(bell)


async def _answer(send: Send, size: int) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def main() -> None:
    """Serve until ended from outside."""
    listeners = await open_listeners("127.0.0.1", 0)
    tune_garbage_collector()
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(
                serve,
                Bare(),
                listeners,
                limits=ConnectionLimits(),
                trusted_proxies=lambda _address: True,
                tls=None,
                shutdown=trio.Event(),
                grace_s=1.0,
                log=structlog.get_logger(),
            )
        )
        print(f"http://127.0.0.1:{bound_port(listeners[0])}", flush=True)


if __name__ == "__main__":
    trio.run(main)
