"""A line: one connection that carries every message, both ways and of both eras (WebSocket, stdio).

A message that brings its `_meta` stands alone; `initialize` opens the one handshake of the line; every other message
follows what that agreed on. All of them belong to one session, and its end is the line's.

Laws:
    1. Hanging up ends every call of the line; `notifications/cancelled` ends one of them, in both eras.
    2. Who reads slower than he asks is heard later; who does not read at all is cut.
    3. What cannot be read as a message is answered without an id, and the line goes on. A notification is never
       answered.
    4. A line that leaves first gives the answers that are still owed.

Not here: how messages are told apart from each other (websocket.py, stdio.py), and what they ask (reception.py).

Source: MCP 2026-07-28 basic/transports (custom transports), basic/transports/stdio.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial
from typing import Final, TypeAlias, assert_never, final

import trio

from aegis_trio.model.call import Transport
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import Malformed, Message, Notification, Reply, classify
from aegis_trio.protocol.ladder import Handshake, InSession, Refused, Stateless, choose_route
from aegis_trio.protocol.refusals import Refusal, invalid_request
from aegis_trio.protocol.revisions import Revision
from aegis_trio.transports.hub import StreamKind
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.ports import ReplySink
from aegis_trio.transports.reception import Reception
from aegis_trio.transports.settings import SessionSettings

MAX_UNREAD: Final = 16  # messages; a quarter of what is kept before a reader is cut, so answers of calls find room
MAX_BATCHES: Final = 8  # at once; each holds its answers back until it has all of them


class LineEnd(Enum):
    """How a line came to its end."""

    HUNG_UP = auto()  # nobody is at the other end
    LEFT = auto()  # the gate ends, and everything owed was given
    IDLE = auto()
    AGED = auto()
    ENDED = auto()  # its principal's access ended
    CUT = auto()  # its reader was too slow
    NOT_TEXT = auto()  # what came is of a kind that this transport does not have
    BROKE = auto()  # by a bug of ours, which is in the log


class HungUp(Exception):
    """Nobody reads what is said any more; raised by the transport's `say`."""


Heard: TypeAlias = bytes | Refusal | LineEnd
"""One message, why one cannot be read, or the end."""
Hear: TypeAlias = Callable[[], Awaitable[Heard]]
Say: TypeAlias = Callable[[bytes], Awaitable[None]]


@final
class Line:
    """One line; made by `open_line` alone."""

    __slots__ = ("_batches", "_caller", "_end", "_reception", "_room", "_session", "_settings", "_too_old_at", "outbox")

    def __init__(self, caller: Caller, transport: Transport, reception: Reception, settings: SessionSettings) -> None:
        self._caller = caller
        self._reception = reception
        self._settings = settings
        self._session = reception.hub.admit(caller.principal.owner, transport)
        self.outbox = Outbox(settings, reception.hub.outbox_budget, self._cut)
        """Everything that is said on the line."""
        self._room = trio.Event()
        self._batches = 0
        self._end: LineEnd | None = None
        self._too_old_at = math.inf

    async def run(self, hear: Hear, say: Say, *, idle_s: float, max_age_s: float) -> LineEnd:
        """Carry messages until one side ends it.

        Args:
            hear: waits for one message, and may be cancelled while it waits.
            say: sends one message; raises `HungUp` when nobody is there.
            idle_s: how long nothing may come while nothing runs, seconds.
            max_age_s: how long the line may last, seconds.
        """
        self._too_old_at = trio.current_time() + max_age_s
        await self._session.run(partial(self._live, hear, say, idle_s), max_age_s=max_age_s)
        return self._end or (LineEnd.AGED if self._is_too_old() else LineEnd.BROKE)

    def close(self) -> None:
        """Keep nothing any more, and end the session."""
        self.outbox.close()
        self._reception.hub.forget(self._session)

    @contextmanager
    def counted(self) -> Generator[None]:
        """Let a drain tell the line to leave."""
        with self._reception.hub.stream(self.outbox, StreamKind.LINE), self._session.heard_by(self.outbox):
            yield

    async def _live(self, hear: Hear, say: Say, idle_s: float) -> None:
        try:
            async with trio.open_nursery() as loops:

                async def hear_to_the_end() -> None:
                    self._note_end(await self._hear_all(hear, idle_s))
                    loops.cancel_scope.cancel()

                loops.start_soon(hear_to_the_end)
                self._note_end(await self._say_all(say))
                loops.cancel_scope.cancel()
        finally:
            if self._session.ended and not self._session.ended_within:
                self._note_end(LineEnd.AGED if self._is_too_old() else LineEnd.ENDED)

    # ---- what is heard ----------------------------------------------------------------------------------------------

    async def _hear_all(self, hear: Hear, idle_s: float) -> LineEnd:
        while True:
            await self._wait_for_room()
            heard: Heard = LineEnd.IDLE
            with trio.move_on_after(idle_s):
                heard = await hear()
            match heard:
                case LineEnd.IDLE if self._session.calls or self._session.watches:
                    pass
                case LineEnd():
                    return heard
                case _:
                    self._take(heard)

    async def _wait_for_room(self) -> None:
        # Threat: who sends requests and reads no answers would have us keep all of them.
        await trio.lowlevel.checkpoint()
        while self.outbox.waiting >= MAX_UNREAD:
            self._room = trio.Event()
            await self._room.wait()

    def _take(self, heard: bytes | Refusal) -> None:
        max_bytes = self._settings.max_body_bytes
        document = heard if isinstance(heard, Refusal) else read_json(heard, max_bytes=max_bytes)
        if isinstance(document, Refusal):
            self._take_one(Malformed(None, document))
            return
        route = choose_route(document, None)
        match route:
            case Refused(id=None) if isinstance(classify(document), Notification):
                pass  # source: JSON-RPC 2.0 section 4.1: a notification is not answered, not even with an error
            case Refused(id=message_id, refusal=refusal):
                self._take_one(Malformed(message_id, refusal))
            case Stateless(message=message, revision=revision):
                self._take_one(message, stateless=revision)
            case Handshake(request=request):
                self._take_one(request)
                if self._session.revision is not None:
                    self._session.voice = self.outbox
            case InSession(messages=messages, is_batch=True):
                self._take_batch(messages)
            case InSession(messages=messages):
                for each in messages:
                    self._take_one(each)
            case _:
                assert_never(route)

    def _take_batch(self, messages: Sequence[Message | Malformed]) -> None:
        """Take a batch of 2025-03-26; its answers leave as one array.

        Source: JSON-RPC 2.0 section 6; MCP 2025-03-26 basic/index#batching.
        """
        refusal = self._session.refusal_of_batch()
        if refusal is None and self._batches >= MAX_BATCHES:
            refusal = invalid_request(f"{MAX_BATCHES} batches are not answered yet; wait for one of them")
        if refusal is not None:
            self._take_one(Malformed(None, refusal))
            return
        self._batches += 1
        sink = _BatchSink(self.outbox, self._batch_ended)
        for message in messages:
            self._take_one(message, sink)
        sink.release()

    def _batch_ended(self) -> None:
        self._batches -= 1

    def _take_one(
        self, message: Message | Malformed, sink: ReplySink | None = None, *, stateless: Revision | None = None
    ) -> None:
        # An answer may have been the one too many for a slow reader, which ends the session.
        if not self._session.ended:
            sink = self.outbox if sink is None else sink
            self._reception.take(message, self._session, self._caller, sink, stateless=stateless)

    # ---- what is said -----------------------------------------------------------------------------------------------

    async def _say_all(self, say: Say) -> LineEnd:
        outbox, said = self.outbox, 0
        while True:
            queued = outbox.next(said)
            if queued is None:
                if outbox.is_leaving:
                    return LineEnd.LEFT
                await outbox.wait()
                continue
            # The message counts until it is sent, so that a blocked one fills the outbox.
            with trio.move_on_after(self._settings.write_within_s) as patience:
                try:
                    await say(queued.body)
                except HungUp:
                    return LineEnd.HUNG_UP
            if patience.cancelled_caught:
                self._cut()
                return LineEnd.CUT
            said = queued.number
            outbox.mark_sent(said)
            self._room.set()

    # ---- how it ends ------------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        self._note_end(LineEnd.CUT)
        self._reception.hub.note_cut()
        self._reception.hub.forget(self._session)

    def _is_too_old(self) -> bool:
        return trio.current_time() >= self._too_old_at

    def _note_end(self, end: LineEnd) -> None:
        if self._end is None:
            self._end = end


@contextmanager
def open_line(
    caller: Caller, transport: Transport, *, reception: Reception, settings: SessionSettings
) -> Generator[Line]:
    """Hold the place of one line; `Line.run` is its life.

    Raises:
        RateLimited: the principal has as many sessions as it may, all of them in use.
        NotReady: the gate has as many as it may, or it is draining.
    """
    line = Line(caller, transport, reception, settings)
    try:
        with line.counted():
            yield line
    finally:
        line.close()


@final
class _BatchSink:
    """The answers of one batch; owes one release of its own until every message of it was taken."""

    __slots__ = ("_ended", "_outbox", "_owed", "_replies")

    def __init__(self, outbox: Outbox, ended: Callable[[], None]) -> None:
        self._outbox = outbox
        self._ended = ended
        self._replies: list[Reply] = []
        self._owed = 1
        outbox.expect()

    @property
    def can_speak(self) -> bool:
        """Whether messages before the answer reach the client."""
        return self._outbox.can_speak

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        self._owed += 1

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        self._replies.append(reply)
        self.release()

    def release(self) -> None:
        """Learn that one expected answer came, or will not come."""
        self._owed -= 1
        if self._owed:
            return
        if self._replies:
            self._outbox.put(encode_json([reply.body for reply in self._replies]))
        self._outbox.release()
        self._ended()

    def notify(self, message: JsonObject) -> None:
        """Take one message that belongs before an answer."""
        self._outbox.notify(message)
