"""Plain sockets to a gate: for what a decent client library would not send, and for many streams at little cost.

async with open_wire(gate.url) as wire:
    await wire.send(request("GET", "/", {"Host": host_of(gate.url)}))
    answer = await wire.receive_answer()
"""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import trio


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """Everything of it, for a search."""
        return self.head + b"\r\n\r\n" + self.body


class Ended(Exception):
    """The gate closed the connection before a whole answer."""


class Wire:
    """One connection, and the bytes that came on it so far."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._rest = b""

    async def send(self, data: bytes) -> None:
        """Send bytes as they are; the gate may have gone away already, which the answer will tell."""
        with suppress(trio.BrokenResourceError):
            await self.stream.send_all(data)

    async def receive_until(self, words: bytes) -> bytes:
        """Return what came up to and with *words*."""
        while words not in self._rest:
            self._rest += await self._some()
        end = self._rest.index(words) + len(words)
        found, self._rest = self._rest[:end], self._rest[end:]
        return found

    async def receive_rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        try:
            while True:
                self._rest += await self._some()
        except Ended:
            return self._rest

    async def receive_answer(self, *, has_body: bool = True) -> Answer:
        """Return the next whole answer.

        Raises:
            Ended: the connection ended first.
        """
        return await self.receive_body(await self.receive_head(), has_body=has_body)

    async def receive_head(self) -> Answer:
        """Return the next answer without its body."""
        head = (await self.receive_until(b"\r\n\r\n"))[:-4]
        return Answer(int(head.split(b" ", 2)[1]), head, b"")

    async def receive_body(self, answer: Answer, *, has_body: bool = True) -> Answer:
        """Return *answer* with its body."""
        headers = _headers(answer.head)
        if not has_body or answer.status in {204, 304}:
            return answer
        if headers.get(b"transfer-encoding") == b"chunked":
            return replace(answer, body=await self._chunks())
        if b"content-length" in headers:
            return replace(answer, body=await self._exactly(int(headers[b"content-length"])))
        return replace(answer, body=await self.receive_rest())

    async def receive_chunk(self) -> bytes:
        """Return the next piece of a body that is sent in pieces; nothing when it has ended."""
        size = int(await self.receive_until(b"\r\n"), 16)
        return (await self._exactly(size + 2))[:-2]

    async def reset(self) -> None:
        """Break the connection off: what was not read yet is lost, and the gate hears of it at once (RST)."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self.stream)

    async def _chunks(self) -> bytes:
        body = b""
        while chunk := await self.receive_chunk():
            body += chunk
        return body

    async def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._rest += await self._some()
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    async def _some(self) -> bytes:
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError as broken:
            raise Ended(self._rest) from broken
        if not data:
            raise Ended(self._rest)
        return data


def _headers(head: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in lines}


@asynccontextmanager
async def open_wire(url: str) -> AsyncIterator[Wire]:
    """Connect to the gate at *url*."""
    parts = urlsplit(url)
    stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
    try:
        yield Wire(stream)
    finally:
        await trio.aclose_forcefully(stream)


def request(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a well-formed request."""
    sized = {**headers, "Content-Length": str(len(body))} if body or method == "POST" else headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sized.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def host_of(url: str) -> str:
    """Return what stands in the Host header for *url*."""
    return urlsplit(url).netloc
