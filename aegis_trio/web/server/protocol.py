"""The protocol of one connection: HTTP/1.1 until HTTP/2's preface comes, or HTTP/2 where TLS agreed on it.

Not here: bytes and deadlines (connection). Source: hypercorn/protocol/__init__.py.
"""

from __future__ import annotations

from typing import final

from hypercorn.events import Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H2ProtocolAssumedError

from aegis_trio.web.server.context import Link
from aegis_trio.web.server.http2 import Http2
from aegis_trio.web.server.http11 import Http11


@final
class Protocol(ProtocolWrapper):
    """What the connection speaks. Reason: Hypercorn's wrapper makes its own protocols, and follows `Upgrade: h2c`."""

    def __init__(self, link: Link, alpn: str | None) -> None:  # not super's: it would make its own
        self._link = link
        self._spoken: Http11 | Http2 = Http2(link) if alpn == "h2" else Http11(link)

    async def initiate(self) -> None:
        """Begin."""
        await self._spoken.initiate()

    async def handle(self, event: Event) -> None:
        """Pass one event on; change to HTTP/2 when its preface comes."""
        try:
            await self._spoken.handle(event)
        except H2ProtocolAssumedError as preface:
            self._spoken = Http2(self._link)
            await self._spoken.initiate()
            await self._spoken.handle(RawData(preface.data))

    @property
    def retires_busy(self) -> bool:
        """Whether `retire` also means something to a peer that is being served: GOAWAY, or a close frame."""
        return isinstance(self._spoken, Http2) or self._spoken.is_websocket

    @property
    def is_full(self) -> bool:
        """Whether the connection must stop reading; HTTP/2 has windows instead."""
        return isinstance(self._spoken, Http11) and self._spoken.is_full

    async def wait_for_room(self) -> None:
        """Wait until the application has read something."""
        if isinstance(self._spoken, Http11):
            await self._spoken.wait_for_room()

    async def read_on(self) -> None:
        """Take up what was received and left lying while it was full."""
        if isinstance(self._spoken, Http11):
            await self._spoken.read_on()

    async def end_uploads(self) -> None:
        """Refuse requests whose bodies are still coming."""
        await self._spoken.end_uploads()

    def check(self, now: float) -> None:
        """Keep the deadlines of single streams."""
        self._spoken.check(now)

    async def retire(self) -> None:
        """End an idle connection politely; ask a busy one to end."""
        await self._spoken.retire()
