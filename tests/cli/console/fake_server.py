"""A small MCP server on a WebSocket, with every habit that a console meets: both eras, slow, rude and broken."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

KEY = "k" * 40
VERSION = "io.modelcontextprotocol/protocolVersion"
EVIL = "\x1b]0;owned\x07\u202eevil"
PATIENCE_S = 60
INFO = {"name": "fake", "version": "1"}

TOOLS: list[dict[str, Any]] = [
    {"name": "get_me", "title": "Who am I", "description": "The account.", "inputSchema": {"type": "object"}},
    {
        "name": "echo",
        "description": f"Gives back what it is given. {EVIL}",
        "inputSchema": {
            "type": "object",
            "properties": {
                "text": {"type": "string", "description": "What to say."},
                "how": {"enum": ["loud", "soft"]},
                "twice": {"type": "boolean"},
            },
            "required": ["text"],
        },
    },
    {"name": EVIL, "inputSchema": 7},
]
FORM = {
    "message": f"Really? {EVIL}",
    "requestedSchema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "times": {"type": "integer", "default": 1}},
        "required": ["name"],
    },
}


def text_result(text: str) -> dict[str, Any]:
    """Return the result of a tool that says *text*."""
    return {"resultType": "complete", "content": [{"type": "text", "text": text}]}


@dataclass
class FakeServer:
    """What the server saw, and what it is told to do."""

    port: int = 0
    scheme: str = "http"
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    refuses: tuple[int, bytes] | None = None
    moved_to: bytes | None = None
    refuses_from: int = 99
    rejects_handshake: bool = False
    lists_nonsense: bool = False
    lacks: frozenset[str] = frozenset()
    discovers_slowly: bool = False
    asked: trio.Event = field(default_factory=trio.Event)
    drops_handshake: bool = False
    version: int = 1
    pages_end: bool = False
    key: str = KEY
    lot: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    slow_began: trio.Event = field(default_factory=trio.Event)
    hang_up: trio.Event = field(default_factory=trio.Event)
    tells: trio.Event = field(default_factory=trio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def wait_cancelled(self, count: int) -> None:
        """Wait until the client has cancelled *count* requests."""
        with trio.fail_after(PATIENCE_S):
            while len(self.cancelled) < count:
                await self.lot.park()

    async def wait_answered(self) -> None:
        """Wait until the client has answered something."""
        with trio.fail_after(PATIENCE_S):
            while not self.answers:
                await self.lot.park()

    async def wait_asked(self) -> None:
        """Wait until the client waits for the first answer."""
        with trio.fail_after(PATIENCE_S):
            await self.asked.wait()

    def methods(self) -> list[str]:
        return [message["method"] for message in self.received if "method" in message]

    async def handle(self, request: WebSocketRequest) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in request.headers}
        self.headers.append(headers)
        if len(self.headers) > self.refuses_from:
            await request.reject(503)
        elif self.refuses is not None:
            moved = [] if self.moved_to is None else [(b"location", self.moved_to)]
            await request.reject(self.refuses[0], body=self.refuses[1], extra_headers=moved)
        elif headers.get("authorization") != f"Bearer {KEY}":
            await request.reject(401, body=b'{"error":"\x1b[2Junauthenticated"}')
        elif request.path != "/mcp/ws":
            await request.reject(404)
        else:
            await Line(self, await request.accept()).run()


@dataclass
class Line:
    """One connection."""

    server: FakeServer
    socket: WebSocketConnection
    calls: dict[Any, trio.CancelScope] = field(default_factory=dict)
    owed: dict[Any, trio.MemorySendChannel[Any]] = field(default_factory=dict)

    async def run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.hang_up_when_told)
                nursery.start_soon(self.tell_when_told)
                try:
                    while True:
                        text = await self.socket.get_message()
                        self.take(json.loads(text), nursery)
                except ConnectionClosed:
                    nursery.cancel_scope.cancel()
        except* ConnectionClosed:
            pass

    async def hang_up_when_told(self) -> None:
        await self.server.hang_up.wait()
        await self.socket.aclose(1001)

    async def tell_when_told(self) -> None:
        await self.server.tells.wait()
        await self.note("tools/list_changed", {})

    def take(self, message: Any, nursery: trio.Nursery) -> None:
        self.server.received.append(message)
        self.server.lot.unpark_all()
        if not isinstance(message, dict):
            return
        if "method" not in message:
            self.server.answers.append(message)
            if message["id"] in self.owed:
                self.owed.pop(message["id"]).send_nowait(message)
        elif message["method"] == "notifications/cancelled":
            self.server.cancelled.append(message["params"]["requestId"])
            if message["params"]["requestId"] in self.calls:
                self.calls[message["params"]["requestId"]].cancel()
        elif message["method"] == "notifications/ask_me":
            nursery.start_soon(self.send, {"id": "unasked", "method": "elicitation/create", "params": FORM})
        elif "id" in message:
            nursery.start_soon(self.serve, message)

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send_message(json.dumps({"jsonrpc": "2.0", **message}))

    async def serve(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        with trio.CancelScope() as self.calls[message["id"]]:
            answer = await self.answer(message["id"], message["method"], params)
            if answer is not None:
                await self.send({"id": message["id"], **answer})

    async def answer(self, request_id: Any, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        answer = getattr(self, f"answer_{method.replace('/', '_')}", None)
        call = getattr(self, f"call_{params.get('name')}", None) if method == "tools/call" else None
        if call is not None:
            return await call(request_id, params)
        if answer is None or method in self.server.lacks:
            return {"error": {"code": -32601, "message": f"Method not found {EVIL}", "data": {"method": method}}}
        return await answer(params)

    async def answer_initialize(self, params: dict[str, Any]) -> dict[str, Any] | None:
        if self.server.drops_handshake:
            await self.socket._stream.aclose()
            return None
        if self.server.rejects_handshake:
            return {"error": {"code": -32022, "message": "no"}}
        return {"result": {"protocolVersion": params["protocolVersion"], "serverInfo": INFO}}

    async def answer_server_discover(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.server.discovers_slowly:
            self.server.asked.set()
            await trio.sleep_forever()
        return {"result": {"resultType": "complete", "_meta": {"io.modelcontextprotocol/serverInfo": INFO}}}

    async def answer_tools_list(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.server.lists_nonsense:
            return {"result": {"tools": 7}}
        return {"result": {"tools": TOOLS[1:]} if "cursor" in params else {"tools": TOOLS[:1], "nextCursor": ""}}

    async def answer_resources_list(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"resources": [{"uri": "repo://a/b", "name": "b"}, 7]}}

    async def answer_resources_templates_list(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"resourceTemplates": [{"uriTemplate": "repo://{owner}", "title": "of one"}]}}

    async def answer_resources_read(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"contents": [{"uri": params["uri"], "text": "hello"}]}}

    async def answer_prompts_list(self, params: dict[str, Any]) -> dict[str, Any]:
        prompts = [{"name": "greet", "arguments": [{"name": "who", "required": True}]}]
        end = {} if self.server.pages_end else {"nextCursor": params.get("cursor", "x") + "x"}
        return {"result": {"prompts": prompts, **end}}

    async def answer_prompts_get(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"given": {key: value for key, value in params.items() if key != "_meta"}}}

    answer_completion_complete = answer_prompts_get
    answer_logging_setLevel = answer_prompts_get  # noqa: N815 -- the method's own spelling

    async def call_get_me(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {**text_result("tidewater-bot"), "structuredContent": {"version": self.server.version}}}

    async def call_echo(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": text_result(json.dumps(params["arguments"]) + EVIL)}

    async def call_fail(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {**text_result("no such thing"), "isError": True}}

    async def call_slow(self, request_id: Any, params: dict[str, Any]) -> None:
        token = params["_meta"]["progressToken"]
        await self.note("progress", {"progressToken": token, "progress": 0, "message": "slow has begun"})
        self.server.slow_began.set()
        await trio.sleep_forever()

    async def call_tell(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        token = params["_meta"]["progressToken"]
        await self.note("progress", {"progressToken": token, "progress": 1, "total": 2, "message": f"half {EVIL}"})
        await self.note("progress", {"progressToken": token, "progress": 2})
        await self.note("message", {"level": "info", "data": f"a word {EVIL}"})
        await self.note("message", {"level": 5, "data": {"a": 1}})
        await self.note("tools/list_changed", {})
        return {"result": text_result("told")}

    async def call_ask(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        if VERSION in params["_meta"]:
            if "inputResponses" in params:
                said = {"state": params.get("requestState"), **params["inputResponses"]}
                return {"result": text_result(f"answered {json.dumps(said)}")}
            asked = {"sure": {"method": "elicitation/create", "params": FORM}}
            return {"result": {"resultType": "input_required", "inputRequests": asked, "requestState": "s1"}}
        sender, receiver = trio.open_memory_channel[Any](1)
        self.owed["form"] = sender
        await self.send({"id": "form", "method": "elicitation/create", "params": FORM})
        answer = await receiver.receive()
        return {"result": text_result(f"answered {json.dumps(answer['result'])}")}

    async def call_insist(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"resultType": "input_required", "requestState": "again"}}

    async def call_wonder(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        if "inputResponses" in params:
            return {"result": text_result(json.dumps([params["inputResponses"], "requestState" in params]))}
        return {"result": {"resultType": "input_required"}}

    async def call_sample(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        asked = {"it": {"method": "sampling/createMessage", "params": {}}}
        return {"result": {"resultType": "input_required", "inputRequests": asked}}

    async def call_rude(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Send everything that a server must not send, then answer."""
        await self.socket.send_message(b"\x00binary")
        await self.socket.send_message("not JSON \x1b[31m")
        await self.socket.send_message('{"jsonrpc":"2.0","id":1,"id":2,"result":{}}')
        await self.send({"id": 4711, "result": {}})
        await self.send({"error": {"code": -32700, "message": f"Parse error {EVIL}"}})
        for number in range(20):
            await self.send({"id": f"f{number}", "method": "elicitation/create", "params": FORM})
        replies: list[Any] = []
        for number, method in enumerate(("ping", "sampling/createMessage", "roots/list")):
            sender, receiver = trio.open_memory_channel[Any](1)
            self.owed[f"q{number}"] = sender
            await self.send({"id": f"q{number}", "method": method})
            reply = await receiver.receive()
            replies.append(reply.get("result", reply.get("error", {}).get("code")))
        return {"result": text_result(json.dumps(replies))}

    async def call_hang_up(self, request_id: Any, params: dict[str, Any]) -> None:
        await self.socket.aclose(1011, "bye \x1b[31m")

    async def call_farewell(self, request_id: Any, params: dict[str, Any]) -> None:
        """Answer, and be gone before anything else can be asked."""
        await self.send({"id": request_id, "result": text_result("farewell")})
        await self.socket.aclose(1001)

    async def call_vanish(self, request_id: Any, params: dict[str, Any]) -> None:
        await self.socket._stream.aclose()

    async def note(self, what: str, params: dict[str, Any]) -> None:
        await self.send({"method": f"notifications/{what}", "params": params})


@asynccontextmanager
async def open_fake_server(tls: ssl.SSLContext | None = None) -> AsyncGenerator[FakeServer]:
    """Serve on a free port of loopback for the time of a block."""
    server = FakeServer(scheme="http" if tls is None else "https")
    async with trio.open_nursery() as nursery:
        serving = await nursery.start(partial(serve_websocket, server.handle, "127.0.0.1", 0, tls))
        server.port = serving.port
        yield server
        nursery.cancel_scope.cancel()
