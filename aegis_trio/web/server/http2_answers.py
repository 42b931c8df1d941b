"""Answers of one HTTP/2 connection: frames made as the peer's windows allow, in the order in which they must leave.

Laws:
    1. A head waits for the first piece of its body, so that a short answer is one write.
    2. What no window takes stays with the application that sends it; nothing is buffered here.
    3. A peer that grants nothing within the write deadline loses the stream, and no other.

Not here: which streams there are and how they end (http2).

Source: RFC 9113 sections 5.2 (flow control), 8.1 (answers), 8.2.2 (fields of one connection).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

import h2.exceptions
import trio
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from hypercorn.protocol.events import Response

from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.outbox import Outbox
from aegis_trio.web.server.statistics import Tally

_PROGRESS_BYTES: Final = 64 * 1024  # a peer must take this much within the write deadline

# Source: RFC 9113 section 8.2.2: fields of one connection; Hypercorn's own error answers carry one.
_CONNECTION_FIELDS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)


@final
class Answers:
    """What our side says on the streams of one connection."""

    def __init__(
        self,
        connection: H2Connection,
        limits: ConnectionLimits,
        tally: Tally,
        *,
        is_open: Callable[[int], bool],
        common_fields: Callable[[], list[tuple[bytes, bytes]]],
    ) -> None:
        """Say nothing yet.

        Args:
            is_open: whether the stream of that id still has an application.
            common_fields: the fields that every answer carries.
        """
        self._connection = connection
        self._limits = limits
        self._tally = tally
        self._is_open = is_open
        self._common_fields = common_fields
        self._windows: dict[int, trio.Event] = {}  # for streams that wait for the peer
        self._held: dict[int, Response] = {}  # heads that wait for their bodies
        self.outbox: Final = Outbox()

    def hold(self, head: Response) -> None:
        """Take the head of an answer."""
        self._held[head.stream_id] = head

    def drop_head(self, stream_id: int) -> bool:
        """Forget a head that was not sent; return whether there was one."""
        return self._held.pop(stream_id, None) is not None

    async def send(self, stream_id: int, data: bytes, *, is_last: bool) -> None:
        """Send a piece of a body, behind its head; return when all of it was handed over.

        Raises:
            h2.exceptions.ProtocolError: the peer closed the stream or the connection, or the fields cannot be sent.
            KeyError: the stream ended while we waited for the peer, or because we did so for too long.
        """
        rest = memoryview(data)
        held = self._held.pop(stream_id, None)
        if held is not None:
            fields = (field for field in held.headers if field[0] not in _CONNECTION_FIELDS)
            head = [(b":status", b"%d" % held.status_code), *fields, *self._common_fields()]
            self._connection.send_headers(stream_id, head, end_stream=is_last and not rest)
        elif is_last and not rest:
            self._connection.end_stream(stream_id)
        deadline = None
        progress = 0
        while rest:
            window = self._connection.local_flow_control_window(stream_id)
            size = min(len(rest), window, self._connection.max_outbound_frame_size)
            if size <= 0:
                self.push()
                if deadline is None:
                    deadline = trio.current_time() + self._limits.write_deadline_s
                await self._wait_for_window(stream_id, deadline)
                continue
            self._connection.send_data(stream_id, rest[:size], end_stream=is_last and size == len(rest))
            rest = rest[size:]
            progress += size
            if progress >= _PROGRESS_BYTES:
                deadline, progress = None, 0
            if rest:
                await self.flush()
        await self.flush()

    def say(self, stream_id: int, status: int) -> None:
        """Answer with *status* and nothing else."""
        head = [(b":status", b"%d" % status), (b"content-length", b"0"), *self._common_fields()]
        try:
            self._connection.send_headers(stream_id, head, end_stream=True)
        except h2.exceptions.ProtocolError:
            return  # the peer was faster
        self.push()

    def reset(self, stream_id: int, code: ErrorCodes) -> None:
        """End one stream, whatever its state."""
        try:
            self._connection.reset_stream(stream_id, code)
        except h2.exceptions.ProtocolError:
            return  # the peer was faster
        self.push()

    def window_updated(self, stream_id: int | None) -> None:
        """Wake who waits for the peer's window of that stream; without one, all."""
        for waiting in (stream_id,) if stream_id else tuple(self._windows):
            news = self._windows.pop(waiting, None)
            if news is not None:
                news.set()

    async def flush(self) -> None:
        """Hand over what h2 has ready, and wait while there is too much of it."""
        self.push()
        await self.outbox.wait_for_room()

    def push(self) -> None:
        """Hand over what h2 has ready."""
        self.outbox.put(self._connection.data_to_send())

    async def _wait_for_window(self, stream_id: int, deadline: float) -> None:
        """Wait until the peer grants more; a peer that does not in time loses the stream."""
        if not self._is_open(stream_id):
            raise KeyError(stream_id)
        news = self._windows.setdefault(stream_id, trio.Event())
        with trio.CancelScope(deadline=deadline) as scope:
            await news.wait()
        if scope.cancelled_caught:
            self._tally.cut_reading_slowly_total += 1
            self.reset(stream_id, ErrorCodes.CANCEL)
            raise KeyError(stream_id)
