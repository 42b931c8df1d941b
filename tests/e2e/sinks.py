"""Servers that take what a gate posts: alerts, spans.

async with open_sink(204) as sink:
    ...  # let something post to sink.url, wait for sink.arrived, look at sink.posts
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio


class Sink:
    """A server that keeps what is posted to it, and answers with a status, or never."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.arrived = trio.Event()
        self.port = 0

    @property
    def base(self) -> str:
        """Return where it stands."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return where to post to."""
        return f"{self.base}/in"

    async def serve(self, stream: trio.SocketStream) -> None:
        """Take one request."""
        data = b""
        async with stream:
            async for chunk in stream:
                data += chunk
                head, end, body = data.partition(b"\r\n\r\n")
                pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
                headers = {name.lower(): value for name, value in pairs} if end else {}
                if not end or len(body) < int(headers["content-length"]):
                    continue
                self.posts.append((headers, body))
                self.arrived.set()
                if self.status is None:
                    await trio.sleep_forever()
                await stream.send_all(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
                return


@asynccontextmanager
async def open_sink(status: int | None) -> AsyncIterator[Sink]:
    """Run a sink until the block ends."""
    sink = Sink(status)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, sink.serve, 0, host="127.0.0.1"))
        sink.port = listeners[0].socket.getsockname()[1]
        yield sink
        nursery.cancel_scope.cancel()
