"""The wire: HTTP/1.1 on one connection, and the playing of faults.

Laws:
    1. The target reaches the forge byte for byte as it was sent.
    2. A body has a cap; what a client sends wrong ends its own connection only.
    3. While an answer is held back, the client's leaving is noticed and recorded.

Not here: sockets and listeners (server.py), and what the answers say (forge.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, final

import h11
import trio

from aegis_trio.demo_forge.answers import Answer, text_answer
from aegis_trio.demo_forge.faults import Cut, Fault
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.request_log import RequestRecord
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.times import as_http

MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # a commit of many files, base64 in JSON
MAX_HEAD_BYTES: Final = 1024 * 1024  # Source: net/http DefaultMaxHeaderBytes
BUFFERED_BYTES: Final = 2048  # Source: net/http bufferBeforeChunkingSize: a longer body leaves in chunks
_READ_BYTES: Final = 65_536
_SLOW_PIECE_BYTES: Final = 64
_ENDLESS_PIECE: Final = b" " * 16_384


class _BodyTooLong(Exception):
    """The client's body passed the cap."""


@final
class Connection:
    """One client's connection, request after request until somebody ends it."""

    __slots__ = ("_forge", "_http", "_is_head", "_stream")

    def __init__(self, forge: Forge, stream: trio.SocketStream) -> None:
        self._forge = forge
        self._stream = stream
        self._is_head = False
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)

    async def run(self) -> None:
        """Serve until the connection ends; a client that is gone or talks nonsense is the usual end."""
        try:
            while True:
                if not await self._serve_one():
                    return
                self._http.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
            return
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
        except _BodyTooLong:
            await self._refuse(413)

    async def _refuse(self, status: int) -> None:
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        try:
            await self._send(text_answer(status, f"{status} Bad Request"), closing=True)
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
            return

    async def _serve_one(self) -> bool:
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            return False
        self._is_head = head.method == b"HEAD"
        body = bytearray()
        while True:
            event = await self._next_event()
            if isinstance(event, h11.EndOfMessage):
                break
            if not isinstance(event, h11.Data):
                return False
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                raise _BodyTooLong
        request = _request_of(head, bytes(body))
        record = self._forge.world.requests.add_nowait(
            method=request.method,
            raw_path=request.raw_path,
            raw_query=request.raw_query,
            has_authorization=request.header("authorization") is not None,
        )
        try:
            await self._answer(request, record)
        except trio.BrokenResourceError:
            record.client_left = True
            raise
        finally:
            record.done.set()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _next_event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._stream.receive_some(_READ_BYTES))

    async def _answer(self, request: Request, record: RequestRecord) -> None:
        answer, record.principal = self._forge.answer(request)
        fault = self._forge.world.faults.take(request.raw_path)
        if fault is None:
            record.status = answer.status
            await self._send(answer)
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, nursery.cancel_scope, record)
                await self._play(fault, answer, record)
                nursery.cancel_scope.cancel()
        except* trio.BrokenResourceError:
            record.client_left = True
        if record.client_left:
            raise trio.BrokenResourceError

    async def _watch(self, scope: trio.CancelScope, record: RequestRecord) -> None:
        """Note when the client closes its side while its answer is not out; keep what it sends ahead."""
        while True:
            try:
                data = await self._stream.receive_some(_READ_BYTES)
            except trio.ClosedResourceError:  # the fault was to close it ourselves
                return
            except trio.BrokenResourceError:
                data = b""
            if not data:
                record.client_left = True
                scope.cancel()
                return
            self._http.receive_data(data)

    async def _play(self, fault: Fault, answer: Answer, record: RequestRecord) -> None:
        if fault.hold is not None:
            await fault.hold.wait()
        if fault.cut is Cut.BEFORE_ANSWER:
            await self._stream.aclose()
            return
        answer = _spoiled(answer, fault)
        record.status = answer.status
        if not fault.endless and fault.slow_s is None and fault.cut is None:
            await self._send(answer)
            return
        await self._write(self._head_of(answer, chunked=fault.endless))
        if fault.cut is Cut.AFTER_HEADERS:
            await self._stream.aclose()
            return
        await self._play_body(fault, answer.body)

    async def _play_body(self, fault: Fault, body: bytes) -> None:
        while fault.endless:
            if fault.slow_s is not None:
                await trio.sleep(fault.slow_s)
            await self._write(h11.Data(data=_ENDLESS_PIECE))
        end = len(body) // 2 if fault.cut is Cut.IN_BODY else len(body)
        for start in range(0, end, _SLOW_PIECE_BYTES):
            if fault.slow_s is not None:
                await trio.sleep(fault.slow_s)
            await self._write(h11.Data(data=body[start : min(start + _SLOW_PIECE_BYTES, end)]))
        if fault.cut is Cut.IN_BODY:
            await self._stream.aclose()
            return
        await self._write(h11.EndOfMessage())

    async def _send(self, answer: Answer, *, closing: bool = False) -> None:
        named = any(name == "Content-Length" for name, _ in answer.headers)
        chunked = len(answer.body) > BUFFERED_BYTES and not named
        data = self._http.send(self._head_of(answer, chunked=chunked, closing=closing)) or b""
        if answer.body and not self._is_head:
            data += self._http.send(h11.Data(data=answer.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        await self._stream.send_all(data)

    def _head_of(self, answer: Answer, *, chunked: bool, closing: bool = False) -> h11.Response:
        headers = [(name.encode("ascii"), value.encode()) for name, value in answer.all_headers()]
        if not any(name.lower() == b"date" for name, _ in headers):  # a fault may order another time
            headers.append((b"Date", as_http(self._forge.world.now()).encode("ascii")))
        if chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        elif answer.status not in {204, 304} and not any(name == b"Content-Length" for name, _ in headers):
            headers.append((b"Content-Length", str(len(answer.body)).encode("ascii")))
        if closing:
            headers.append((b"Connection", b"close"))
        return h11.Response(status_code=answer.status, headers=headers)

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send_all(data)


def _request_of(head: h11.Request, body: bytes) -> Request:
    raw_path, _, raw_query = head.target.decode("latin-1").partition("?")
    return Request(
        method=head.method.decode("ascii"),
        raw_path=raw_path,
        raw_query=raw_query,
        headers=tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers),
        body=body,
    )


def _spoiled(answer: Answer, fault: Fault) -> Answer:
    """Return *answer* as *fault* changes it; the length follows the body."""
    body = answer.body
    if fault.status is not None or fault.body is not None:
        body = fault.body or b""
    kept = tuple(pair for pair in answer.headers if pair[0] != "Content-Length")
    return replace(
        answer,
        status=answer.status if fault.status is None else fault.status,
        headers=(*kept, *fault.headers),
        body=body,
        content_type=answer.content_type if fault.content_type is None else fault.content_type,
    )
