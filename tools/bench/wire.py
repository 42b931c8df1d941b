"""Small HTTP clients for measuring: prepared bytes out, one answer in, as little of their own as possible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import hpack
import trio

_NO_HEADERS: Final[Mapping[str, str]] = {}
_BOTH_FORMS: Final = {"content-type": "application/json", "accept": "application/json, text/event-stream"}

# Source: RFC 9113 sections 3.4, 6.1, 6.2, 6.5, 6.7, 6.9.
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACKNOWLEDGED, _END_HEADERS = 0x1, 0x1, 0x4
_STATUS_200: Final = b"\x88"  # of HPACK's static table, the only one while the dynamic table has no room
_WINDOW_BYTES: Final = 2**31 - 1
_MAX_FRAME_BYTES: Final = 16_384  # every server's first word


def get(
    url: str, path: str, token: str, accept: str = "application/json", headers: Mapping[str, str] = _NO_HEADERS
) -> bytes:
    """Return the bytes of a GET."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Authorization: Bearer {token}"]
    lines += [f"Accept: {accept}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def post(url: str, path: str, token: str, document: object, headers: Mapping[str, str] = _NO_HEADERS) -> bytes:
    """Return the bytes of a POST of JSON."""
    body = json.dumps(document).encode()
    fields = {**_BOTH_FORMS, **headers}
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Asker(Protocol):
    """A connection on which one prepared request after the other is asked."""

    async def ask(self, request: bytes) -> bytes:
        """Send *request* and return the body of its answer."""
        ...

    async def aclose(self) -> None:
        """Close the connection."""
        ...


class Line:
    """One keep-alive connection of HTTP/1.1."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    @classmethod
    async def open(cls, url: str) -> Line:
        """Connect to the server of *url*."""
        return cls(await _connect(url))

    async def send(self, request: bytes) -> None:
        """Send a request and wait for nothing."""
        await self._stream.send_all(request)

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            RuntimeError: another status than 200, or the connection ended.
        """
        await self._stream.send_all(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        fields = head.lower()
        if int(head[9:12]) != 200:
            raise RuntimeError(f"status {head[9:12]!r}, not 200: {body[:300]!r}")
        if b"transfer-encoding: chunked" in fields:
            while not body.endswith(b"0\r\n\r\n"):
                body += await self._more()
            return body
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += await self._more()
        return body

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def _more(self) -> bytes:
        return await _more(self._stream)


def post_http2(url: str, path: str, token: str, document: object, headers: Mapping[str, str] = _NO_HEADERS) -> bytes:
    """Return the header block and the body of a POST of JSON, as `Multiplexed.ask` takes them.

    A block that uses no dynamic table is the same bytes on every stream.

    Raises:
        ValueError: the body does not fit into one frame, and nothing that is measured is so large.
    """
    body = json.dumps(document).encode()
    if len(body) > _MAX_FRAME_BYTES:
        raise ValueError(f"document: {len(body)} bytes of JSON, and one frame takes {_MAX_FRAME_BYTES}")
    fields = {
        ":method": "POST",
        ":path": path,
        ":scheme": "http",
        ":authority": urlsplit(url).netloc,
        "authorization": f"Bearer {token}",
        "content-length": str(len(body)),
        **_BOTH_FORMS,
        **headers,
    }
    block = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(name, value) for name, value in fields.items()])
    return len(block).to_bytes(4, "big") + block + body


class Multiplexed:
    """One connection of HTTP/2 with prior knowledge, used by one asker: a stream after the other."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._last_id = -1
        self._seen = b""

    @classmethod
    async def open(cls, url: str) -> Multiplexed:
        """Connect to the server of *url*; it may send as much as it likes, and compresses nothing for us."""
        stream = await _connect(url)
        no_table, wide = b"\0\1" + bytes(4), b"\0\4" + _WINDOW_BYTES.to_bytes(4, "big")
        more = (_WINDOW_BYTES - 65_535).to_bytes(4, "big")
        await stream.send_all(_PREFACE + _frame(_SETTINGS, 0, 0, no_table + wide) + _frame(_WINDOW, 0, 0, more))
        return cls(stream)

    async def ask(self, request: bytes) -> bytes:
        """Send a request of `post_http2` and return the body of its answer.

        Raises:
            RuntimeError: another status than 200, the stream was reset, or the connection ended.
        """
        self._last_id += 2
        split = 4 + int.from_bytes(request[:4], "big")
        head = _frame(_HEADERS, _END_HEADERS, self._last_id, request[4:split])
        await self._stream.send_all(head + _frame(_DATA, _END_STREAM, self._last_id, request[split:]))
        body, ended = b"", False
        while not ended:
            kind, flags, payload = await self._next()
            match kind:
                case _ if kind == _HEADERS:
                    # A change of the table's size may stand first. Source: RFC 7541 section 6.3.
                    if not payload.lstrip(b"\x20").startswith(_STATUS_200):
                        raise RuntimeError(f"not 200: {payload[:300]!r}")
                    ended = bool(flags & _END_STREAM)
                case _ if kind == _DATA:
                    body += payload
                    ended = bool(flags & _END_STREAM)
                case _ if kind == _SETTINGS and not flags & _ACKNOWLEDGED:
                    await self._stream.send_all(_frame(_SETTINGS, _ACKNOWLEDGED, 0, b""))
                case _ if kind == _PING and not flags & _ACKNOWLEDGED:
                    await self._stream.send_all(_frame(_PING, _ACKNOWLEDGED, 0, payload))
                case _ if kind in {_RESET, _GOAWAY}:
                    raise RuntimeError(f"the server gave up: frame {kind}, {payload!r}")
                case _:
                    pass
        return body

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def _next(self) -> tuple[int, int, bytes]:
        while len(self._seen) < 9 or len(self._seen) < 9 + int.from_bytes(self._seen[:3], "big"):
            self._seen += await _more(self._stream)
        end = 9 + int.from_bytes(self._seen[:3], "big")
        kind, flags, payload = self._seen[3], self._seen[4], self._seen[9:end]
        self._seen = self._seen[end:]
        return kind, flags, payload


def _frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + payload


async def _connect(url: str) -> trio.SocketStream:
    parts = urlsplit(url)
    return await trio.open_tcp_stream(parts.hostname or "127.0.0.1", parts.port or 80)


async def _more(stream: trio.SocketStream) -> bytes:
    data = await stream.receive_some(262144)
    if not data:
        raise RuntimeError("the connection ended")
    return bytes(data)
