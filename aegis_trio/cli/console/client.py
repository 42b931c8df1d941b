"""The client: one WebSocket, requests that find their answers, and what the server says and asks in between.

Laws:
    1. Whatever arrives is hostile: what is no message is told to the observer and dropped, never raised.
    2. An answer goes to the request of its id, once; an answer to nobody is told and dropped.
    3. Waiting is bounded: by the caller's scope for answers, by constants for everything else.
    4. The server may ask for a form; `ping` is answered here, everything else it may ask for is refused here.

Source: MCP 2026-07-28 basic/transports/index#custom-transports: one WebSocket is one stdio.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, final

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from aegis_trio.cli.console.address import Target
from aegis_trio.cli.console.connecting import GOODBYE_S, open_connection
from aegis_trio.cli.console.messages import answer, refusal
from aegis_trio.cli.console.visible import json_line, visible_line
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.json_reader import MAX_DOCUMENT_BYTES, read_json
from aegis_trio.protocol.jsonrpc import Malformed, Notification, Request, RequestId, Response, classify
from aegis_trio.protocol.refusals import METHOD_NOT_FOUND, Refusal

MAX_ASKED: Final = 16  # forms that wait; a person fills in one at a time
FORM_METHOD: Final = "elicitation/create"
BUSY: Final = 503  # codes of our own equal HTTP statuses, as the gate's do


@final
class HungUp(Exception):
    """The connection has ended; the text says how."""


class Observer(Protocol):
    """Is told what happens, at once; must not raise."""

    def saw_frame(self, text: str, *, is_sent: bool) -> None:
        """Take note of one frame."""
        ...

    def saw_notification(self, notification: Notification) -> None:
        """Take note of what the server says without being asked."""
        ...

    def wondered(self, sentence: str) -> None:
        """Take note of what the server should not have sent."""
        ...


@final
class Expected:
    """The answer to one request, when it comes."""

    def __init__(self) -> None:
        self._arrived = trio.Event()
        self._response: Response | None = None

    def fulfil(self, response: Response | None) -> None:
        """Hand over the answer; None when none will come."""
        self._response = response
        self._arrived.set()

    async def wait(self) -> Response | None:
        """Wait for the answer; None when the connection ended before."""
        await self._arrived.wait()
        return self._response


@final
class Client:
    """A connection to a server."""

    def __init__(self, connection: WebSocketConnection, observer: Observer) -> None:
        self._connection = connection
        self._observer = observer
        self._expected: dict[RequestId, Expected] = {}
        self._asked_sender, self.asked = trio.open_memory_channel[Request](MAX_ASKED)
        self._ended = trio.Event()
        self.end_reason = ""

    async def wait_ended(self) -> str:
        """Wait until the connection has ended; return how."""
        await self._ended.wait()
        return self.end_reason

    def expect(self, request_id: RequestId) -> Expected:
        """Await the answer to *request_id*, which is about to be sent; `forget` it in the end."""
        expected = self._expected[request_id] = Expected()
        if self._ended.is_set():
            expected.fulfil(None)
        return expected

    def forget(self, request_id: RequestId) -> None:
        """Await it no longer."""
        self._expected.pop(request_id, None)

    async def send(self, message: JsonObject) -> None:
        """Send one message.

        Raises:
            HungUp: nobody is there.
        """
        await self.send_text(encode_json(message).decode())

    async def send_text(self, text: str) -> None:
        """Send one frame as it stands.

        Raises:
            HungUp: nobody is there.
        """
        # Invariant: told before it is sent, or a recording could show the answer before the question.
        self._observer.saw_frame(text, is_sent=True)
        try:
            await self._connection.send_message(text)
        except ConnectionClosed as closed:
            raise HungUp(_end_words(closed)) from None

    async def run_reader(self) -> None:
        """Take what arrives, until the connection ends."""
        try:
            while True:
                raw_message = await self._connection.get_message()
                reply = self._take(raw_message)
                if reply is not None:
                    with suppress(HungUp), trio.move_on_after(GOODBYE_S):
                        await self.send(reply)
        except ConnectionClosed as closed:
            self.end_reason = _end_words(closed)
        self._ended.set()
        for expected in self._expected.values():
            expected.fulfil(None)

    def _take(self, raw_message: str | bytes) -> JsonObject | None:
        """Do what one frame asks for; return what is to be answered at once."""
        if isinstance(raw_message, bytes):
            self._observer.wondered(f"The server sent a binary frame of {len(raw_message)} bytes; it is dropped.")
            return None
        self._observer.saw_frame(raw_message, is_sent=False)
        value = read_json(raw_message.encode("utf-8", "replace"))
        message = classify(value) if not isinstance(value, Refusal) else Malformed(None, value)
        match message:
            case Malformed(refusal=fault):
                self._observer.wondered(f"The server sent what is no message ({fault.message}); it is dropped.")
            case Response():
                self._hand_over(message)
            case Notification():
                self._observer.saw_notification(message)
            case Request():
                return self._asked_for(message)
        return None

    def _hand_over(self, response: Response) -> None:
        expected = None if response.id is None else self._expected.get(response.id)
        if expected is not None and response.id is not None:
            self.forget(response.id)
            expected.fulfil(response)
        elif response.id is None and response.error is not None:
            self._observer.wondered(
                f"The server refused a message that it could not read: {json_line(response.error)}."
            )
        else:
            self._observer.wondered("The server sent an answer that nobody waits for.")

    def _asked_for(self, request: Request) -> JsonObject | None:
        if request.method == "ping":
            return answer(request.id, {})
        if request.method != FORM_METHOD:
            return refusal(request.id, METHOD_NOT_FOUND, "This client offers forms only (elicitation).")
        try:
            self._asked_sender.send_nowait(request)
        except trio.WouldBlock:
            return refusal(request.id, BUSY, "Too many forms wait for this client.")
        return None


@asynccontextmanager
async def open_client(
    target: Target, key: Secret | None, observer: Observer, *, patience_s: float
) -> AsyncGenerator[Client]:
    """Connect to *target* for the time of a block.

    Args:
        key: sent as a bearer token; None for a gate that asks for none.
        patience_s: seconds that connecting may take.

    Raises:
        Unreachable: there is no connection; says what to do.
    """
    async with open_connection(target, key, patience_s=patience_s, max_message_chars=MAX_DOCUMENT_BYTES) as connection:
        client = Client(connection, observer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.run_reader)
            yield client
            nursery.cancel_scope.cancel()


def _end_words(closed: ConnectionClosed) -> str:
    reason = closed.reason
    if reason is None:
        return "The connection is closed."
    detail = f": {visible_line(reason.reason)}" if reason.reason else ""
    return f"The server has hung up ({reason.code} {reason.name}{detail})."
