"""A WebSocket without a network: the peer of the application that serves /mcp/ws, and the messages of a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import trio

from aegis_trio.model.asgi import Application, Message
from aegis_trio.model.call import Pending, Success, ToolOutcome, ToolReply, ToolRequest
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import NeedsInput, Question
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.transports.websocket import McpSocket
from tests.transports.harness import ORIGIN, V_MODERN, Gate, initialize, request

FORM: JsonObject = {
    "message": "Who are you?",
    "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
QUESTION = Question("elicitation/create", FORM)


class Socket:
    """One WebSocket, as the peer of a server sees it."""

    def __init__(self) -> None:
        self.accepted: Message | None = None
        self.heard: list[str] = []
        self.times: list[float] = []
        self.closed: tuple[int, str] | None = None
        self.error: BaseException | None = None
        self.over = trio.Event()
        self.breaks_with: Exception | None = None
        self.taken = 0
        self._hung_up = False
        self._said: list[Message] = [{"type": "websocket.connect"}]
        self._may_read = trio.Event()
        self._may_read.set()
        self._news = trio.Event()
        self._more = trio.Event()

    @property
    def messages(self) -> list[Any]:
        """Everything that was said to us, decoded."""
        return [json.loads(text) for text in self.heard]

    def answer_to(self, request_id: JsonValue) -> Any:
        """Return the one answer to the request of that id."""
        [answer] = [one for one in self.messages if isinstance(one, dict) and self._answers(one, request_id)]
        return answer

    def has_answer_to(self, request_id: JsonValue) -> bool:
        """Return whether the request of that id was answered."""
        return any(isinstance(one, dict) and self._answers(one, request_id) for one in self.messages)

    def notified(self, method: str) -> list[Any]:
        """Return the messages of that method, be they notifications or requests."""
        return [one for one in self.messages if isinstance(one, dict) and one.get("method") == method]

    def say(self, *documents: JsonValue) -> None:
        """Send messages."""
        for document in documents:
            self.say_text(json.dumps(document))

    def say_text(self, text: str) -> None:
        """Send a text message that may be no JSON."""
        self._put({"type": "websocket.receive", "text": text, "bytes": None})

    def say_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        self._put({"type": "websocket.receive", "text": None, "bytes": data})

    def hang_up(self) -> None:
        """Close the connection; what was said before is still heard."""
        self._hung_up = True
        self._more.set()

    def stop_reading(self) -> None:
        """Let the next send block."""
        self._may_read = trio.Event()

    def read_on(self) -> None:
        """Take what is sent again."""
        self._may_read.set()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was sent makes *condition* true."""
        while not condition():
            assert not self.over.is_set(), f"over too early: {self.closed} {self.heard} {self.error!r}"
            self._news = trio.Event()
            await self._news.wait()

    async def answered(self, request_id: JsonValue) -> Any:
        """Wait for the answer to the request of that id."""
        await self.wait_for(lambda: self.has_answer_to(request_id))
        return self.answer_to(request_id)

    async def asked(self, document: JsonObject) -> Any:
        """Send a request and wait for its answer."""
        self.say(document)
        return await self.answered(document["id"])

    async def receive(self) -> Message:
        """Be the server's `receive`."""
        while not self._said:
            if self._hung_up:
                await trio.lowlevel.checkpoint()
                return {"type": "websocket.disconnect", "code": 1006}
            self._more = trio.Event()
            await self._more.wait()
        self.taken += 1
        return self._said.pop(0)

    async def send(self, message: Message) -> None:
        """Be the server's `send`."""
        await trio.lowlevel.checkpoint()
        await self._may_read.wait()
        if self.breaks_with is not None and message["type"] == "websocket.send":
            raise self.breaks_with
        assert self.closed is None, "something was sent after the end"
        if message["type"] == "websocket.accept":
            self.accepted = message
        elif message["type"] == "websocket.send":
            assert self.accepted is not None, "something was said before the upgrade"
            self.heard.append(str(message["text"]))
            self.times.append(trio.current_time())
        else:
            assert "websocket.close" == message["type"]
            self.closed = (int(str(message["code"])), str(message["reason"]))
        self._news.set()

    async def run(self, app: Application, scope: dict[str, Any]) -> None:
        """Serve this socket with *app*; what it raises stands in `error`."""
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 -- a server survives its application; the test looks at it
            self.error = error
        finally:
            self.over.set()
            self._news.set()

    def _put(self, message: Message) -> None:
        self._said.append(message)
        self._more.set()

    @staticmethod
    def _answers(message: dict[str, Any], request_id: JsonValue) -> bool:
        return message.get("id") == request_id and "method" not in message


def connect(
    gate: Gate,
    nursery: trio.Nursery,
    *headers: tuple[str, str],
    key: str | None = "ada",
    query: str = "",
    subprotocols: tuple[str, ...] = (),
) -> Socket:
    """Begin one upgrade."""
    lines = [*headers] if key is None else [*headers, ("authorization", f"Bearer {key}")]
    scope = {
        "type": "websocket",
        "path": "/mcp/ws",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in lines],
        "subprotocols": list(subprotocols),
        "aegis.origin": ORIGIN,
    }
    app = McpSocket(reception=gate.reception, doorman=gate.doorman, settings=gate.settings)
    socket = Socket()
    nursery.start_soon(socket.run, app, scope)
    return socket


async def shake_hands(socket: Socket, version: str = "2025-11-25", **capabilities: JsonValue) -> None:
    """Open the legacy era of a line, under the request id `hello`."""
    document = initialize(version, "hello")
    document["params"]["capabilities"] = capabilities  # type: ignore[call-overload,index] # it is an object
    assert version == (await socket.asked(document))["result"]["protocolVersion"]
    socket.say({"jsonrpc": "2.0", "method": "notifications/initialized"})


def modern(method: str, request_id: JsonValue, params: JsonObject | None = None, **meta: JsonValue) -> JsonObject:
    """Return a message of 2026-07-28; keys of *meta* are those of `_meta` itself."""
    described: JsonObject = {META_VERSION: V_MODERN, META_CAPABILITIES: {}, **meta}
    return request(method, {**(params or {}), "_meta": described}, request_id)


def modern_call(tool: str, request_id: JsonValue, arguments: JsonObject | None = None, **meta: JsonValue) -> JsonObject:
    """Return a call of 2026-07-28."""
    return modern("tools/call", request_id, {"name": tool, "arguments": arguments or {}}, **meta)


def modern_cancel(request_id: JsonValue) -> JsonObject:
    """Return the cancellation of 2026-07-28."""
    params: JsonObject = {"requestId": request_id, "_meta": {META_VERSION: V_MODERN}}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


async def asking(caller: Caller, call: ToolRequest) -> ToolOutcome:
    """Answer with what the client was asked."""
    try:
        answers = await call.peer.ask({"who": QUESTION})
    except NeedsInput as needs:
        return Pending(call.correlation_id, needs.questions)
    return Success(call.correlation_id, ToolReply({"who": answers["who"]["content"]}))


async def reporting(caller: Caller, call: ToolRequest) -> ToolOutcome:
    """Report twice, then answer."""
    await call.peer.report(1, 2)
    await call.peer.report(2, 2)
    return Success(call.correlation_id, ToolReply({}))
