"""The reference: the hardened server with an application that reads the body and answers 400 bytes of JSON."""

from __future__ import annotations

from functools import partial

import structlog
import trio

from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.supervisor.garbage import tune_garbage_collector
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.serve import serve
from aegis_trio.web.server.sockets import bound_port, open_listeners

BODY = b'{"answer":"' + b"x" * 387 + b'"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request alike, once its body is read."""
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY, "more_body": False})


async def main() -> None:
    """Serve until ended from outside."""
    listeners = await open_listeners("127.0.0.1", 0)
    tune_garbage_collector()
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(
                serve,
                answer,
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


trio.run(main)
