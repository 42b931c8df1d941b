"""Clients for the probes: they do what they are told, also what no client may do.

Built on h2 (with its checks switched off) and on bytes; both take any Trio stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.events
import trio
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

PATIENCE_S = 60


class Http1Client:
    """Bytes out, bytes in."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.received = bytearray()

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def read_some(self) -> bool:
        """Read once; return whether there is more."""
        with trio.fail_after(PATIENCE_S):
            try:
                data = await self.stream.receive_some(65_536)
            except trio.BrokenResourceError:
                data = b""
        self.received += data
        return bool(data)

    async def read_until(self, text: bytes) -> bytes:
        """Return what comes until *text* has come; what follows is kept."""
        while text not in self.received:
            assert await self.read_some(), f"the server ended the connection after {bytes(self.received)!r}"
        end = self.received.index(text) + len(text)
        taken = bytes(self.received[:end])
        del self.received[:end]
        return taken

    async def read_answer(self) -> tuple[int, bytes]:
        """Return the status and the body of one answer that has a content-length."""
        head = await self.read_until(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(self.received) < length:
            assert await self.read_some(), f"the server ended the connection after {bytes(self.received)!r}"
        body = bytes(self.received[:length])
        del self.received[:length]
        return int(head[9:12]), body

    async def read_to_end(self) -> bytes:
        while await self.read_some():
            pass
        return bytes(self.received)

    async def close(self) -> None:
        await self.stream.aclose()


class Http2Client:
    """A connection that speaks HTTP/2 by prior knowledge."""

    def __init__(self, stream: trio.abc.Stream, *, window: int = 65_535, credits_body: bool = True) -> None:
        self.stream = stream
        self.credits_body = credits_body
        self.connection = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
            )
        )
        self.connection.local_settings = Settings(
            client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.ENABLE_PUSH: 0}
        )
        # h2 takes GOAWAY for the end of everything; a client that follows RFC 9113 reads its open streams on.
        self.connection._frame_dispatch_table[GoAwayFrame] = self._take_goodbye
        self.bodies: dict[int, bytearray] = {}
        self.heads: dict[int, dict[bytes, bytes]] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.goodbye: int | None = None  # error code of GOAWAY
        self.settled = False

    async def begin(self) -> None:
        self.connection.initiate_connection()
        await self.flush()
        await self.read_events(lambda: self.settled)

    async def flush(self) -> None:
        await self.stream.send_all(self.connection.data_to_send())

    async def request(
        self,
        path: str | bytes = "/",
        *,
        method: bytes = b"GET",
        more: bool = False,
        extra: tuple[tuple[bytes, bytes], ...] = (),
        without: tuple[bytes, ...] = (),
    ) -> int:
        """Send a head; *more* says that a body follows."""
        stream_id = self.connection.get_next_available_stream_id()
        raw_path = path if isinstance(path, bytes) else path.encode()
        head = [(b":method", method), (b":scheme", b"http"), (b":authority", b"probe"), (b":path", raw_path)]
        head = [field for field in head if field[0] not in without]
        self.connection.send_headers(stream_id, [*head, *extra], end_stream=not more)
        await self.flush()
        return stream_id

    async def send_body(self, stream_id: int, data: bytes, *, end: bool = True) -> None:
        """Send as much as the windows allow, and wait for them."""
        while data:
            size = min(
                len(data), self.connection.local_flow_control_window(stream_id), self.connection.max_outbound_frame_size
            )
            if size <= 0:
                await self.read_once()
                if stream_id in self.resets:
                    return
                continue
            self.connection.send_data(stream_id, data[:size])
            data = data[size:]
            await self.flush()
        if end:
            self.connection.end_stream(stream_id)
            await self.flush()

    async def read_once(self) -> bool:
        """Read once; return whether there is more."""
        with trio.fail_after(PATIENCE_S):
            try:
                data = await self.stream.receive_some(65_536)
            except trio.BrokenResourceError:
                return False
        if not data:
            return False
        for event in self.connection.receive_data(data):
            self.take(event)
        if self.goodbye is None:
            await self.flush()
        return True

    def _take_goodbye(self, frame: GoAwayFrame) -> tuple[list[Any], list[Any]]:
        self.goodbye = frame.error_code
        return [], []

    def take(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.heads[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.bodies.setdefault(event.stream_id, bytearray()).extend(event.data or b"")
            if self.credits_body and event.flow_controlled_length:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[event.stream_id] = int(event.error_code or 0)
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.settled = True

    async def read_events(self, condition: Callable[[], bool]) -> None:
        """Read until *condition* holds."""
        while not condition():
            assert await self.read_once(), "the server ended the connection"

    async def read_answer(self, stream_id: int) -> tuple[int, bytes]:
        """Return the status and the body of one answer."""
        await self.read_events(lambda: stream_id in self.ended or stream_id in self.resets)
        assert stream_id not in self.resets, f"reset with {self.resets[stream_id]}"
        return int(self.heads[stream_id][b":status"]), bytes(self.bodies.get(stream_id, b""))

    async def read_reset(self, stream_id: int) -> int:
        """Return the code with which the server resets one stream."""
        await self.read_events(lambda: stream_id in self.resets)
        return self.resets[stream_id]

    async def read_goodbye(self) -> int:
        """Return the code with which the server says goodbye, once it has closed the connection."""
        while await self.read_once():
            pass
        assert self.goodbye is not None
        return self.goodbye

    async def read_body_until(self, stream_id: int, text: bytes) -> None:
        body = self.bodies.setdefault(stream_id, bytearray())
        await self.read_events(lambda: text in body or stream_id in self.resets or stream_id in self.ended)
        assert text in body

    async def close(self) -> None:
        await self.stream.aclose()
