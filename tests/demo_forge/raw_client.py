"""A client that sends targets byte for byte: every usual one would tidy `..` and `//` away.

Not here: redirects, pools, TLS.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

import h11
import trio

_READ_BYTES: Final = 65_536


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A request as it shall stand on the wire; `target` is latin-1."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, with lower-case header names."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()
    """Every `Set-Cookie`, of which `headers` keeps the last."""


@final
class RawClient:
    """One connection, opened again when the server closed it."""

    def __init__(self, stream: trio.SocketStream, host: str, port: int) -> None:
        self._stream = stream
        self._host = host
        self._port = port
        self._http = h11.Connection(h11.CLIENT)

    async def ask(self, request: RawRequest) -> Response:
        """Send one request and return its answer."""
        if self._http.our_state is not h11.IDLE:
            await self._stream.aclose()
            self._stream = await trio.open_tcp_stream(self._host, self._port)
            self._http = h11.Connection(h11.CLIENT)
        headers = list(request.headers)
        if not any(name.lower() == "host" for name, _ in headers):
            headers.insert(0, ("Host", f"{self._host}:{self._port}"))
        if request.body:
            headers.append(("Content-Length", str(len(request.body))))
        # h11 only follows the state: it would refuse some of the headers that were really sent.
        self._http.send(h11.Request(method=request.method, target="/", headers=[("Host", "x")]))
        self._http.send(h11.EndOfMessage())
        lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        await self._stream.send_all("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)
        return await self._receive()

    async def _receive(self) -> Response:
        status, headers, body = 0, {}, bytearray()
        cookies: list[str] = []
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise ConnectionError(f"no whole answer: {error}") from error
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._stream.receive_some(_READ_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
                cookies = [value.decode("latin-1") for name, value in event.headers if name == b"set-cookie"]
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise ConnectionError(f"unexpected {event!r}")
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return Response(status=status, headers=headers, body=bytes(body), cookies=tuple(cookies))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


@asynccontextmanager
async def open_raw_client(url: str) -> AsyncIterator[RawClient]:
    """Connect to the server at *url*."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    client = RawClient(await trio.open_tcp_stream(host, port), host, port)
    try:
        yield client
    finally:
        with trio.move_on_after(1, shield=True):
            await client.aclose()
