"""A small HTTP/1.1 client for measuring: prepared bytes out, one answer in, as little of its own as possible."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import trio


def get(url: str, path: str, token: str) -> bytes:
    """Return the bytes of a GET."""
    head = f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Accept: application/json\r\n\r\n".encode()


def post(url: str, path: str, token: str, document: object, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a POST of JSON."""
    body = json.dumps(document).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Line:
    """One keep-alive connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    @classmethod
    async def open(cls, url: str) -> Line:
        """Connect to the server of *url*."""
        parts = urlsplit(url)
        stream = await trio.open_tcp_stream(parts.hostname or "127.0.0.1", parts.port or 80)
        return cls(stream)

    async def ask(self, request: bytes, expected: int = 200) -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            RuntimeError: another status than *expected*, or the connection ended.
        """
        await self._stream.send_all(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        fields = head.lower()
        if int(head[9:12]) != expected:
            raise RuntimeError(f"status {head[9:12]!r}, not {expected}: {body[:300]!r}")
        if b"transfer-encoding: chunked" in fields:
            while not body.endswith(b"0\r\n\r\n"):
                body += await self._more()
            return body
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += await self._more()
        return body

    async def open_stream(self, request: bytes) -> None:
        """Send a request whose answer never ends, and wait for its first bytes."""
        await self._stream.send_all(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._more()
        if int(data[9:12]) != 200:
            raise RuntimeError(f"no stream: {data[:300]!r}")

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def _more(self) -> bytes:
        data = await self._stream.receive_some(262144)
        if not data:
            raise RuntimeError("the connection ended")
        return bytes(data)
