"""An ASGI server without sockets, and fakes of the rooms below the transports."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.testing

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.model.asgi import Application, Message
from aegis_trio.model.call import Failure, Success, ToolOutcome, ToolReply, ToolRequest, Transport
from aegis_trio.model.errors import Fault, Unauthenticated
from aegis_trio.model.features import PromptSpec, ResourceSpec
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.protocol.cursors import CursorSealer
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.protocol.request_state import RequestState, StateSealer
from aegis_trio.protocol.results import ServerCard
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.desk import Desk
from aegis_trio.transports.http_sse import HttpSse
from aegis_trio.transports.hub import SessionHub
from aegis_trio.transports.ports import Door
from aegis_trio.transports.reception import Reception
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.transports.streamable_http import StreamableHttp
from aegis_trio.transports.subscriptions import ListName

CARD = ServerCard(name="aegis-trio", version="0.1.0", title="Aegis", instructions="Use get_me first.")
ORIGIN = Origin(address="198.51.100.7", user_agent="test")
JSON_TYPE = ("content-type", "application/json")
BOTH_FORMS = ("accept", "application/json, text/event-stream")
V_MODERN = "2026-07-28"
_EVENT = re.compile(r"(?:id: (?P<id>[^\n]+)\n)?event: message\ndata: (?P<data>[^\n]+)\n\n")
_ID = re.compile(r"^id: ([^\n]+)\n(?=(?:.+\n)*\n)", re.MULTILINE)


class Conversation:
    """One request and its answer, as the peer of a server sees them."""

    def __init__(self, body: bytes | None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.times: list[float] = []
        self.is_complete = False
        self.scope = trio.CancelScope()
        self.error: BaseException | None = None
        self.over = trio.Event()
        self.breaks_with: Exception | None = None
        self._body = body
        self._hung_up = trio.Event()
        self._may_read = trio.Event()
        self._may_read.set()
        self._news = trio.Event()

    @classmethod
    def of(cls, document: JsonValue) -> Conversation:
        """Return a POST of JSON that has yet to be served."""
        return cls(json.dumps(document).encode())

    @property
    def text(self) -> str:
        """What was sent so far."""
        return b"".join(self.chunks).decode()

    @property
    def json(self) -> Any:
        """The answer as one JSON document, also where it came as the only message of a stream."""
        if self.headers.get("content-type") != "text/event-stream":
            return json.loads(self.text)
        (message,) = self.messages
        return message

    @property
    def messages(self) -> list[Any]:
        """The data of each `message` event so far."""
        return [message for _, message in self.events]

    @property
    def events(self) -> list[tuple[str | None, Any]]:
        """The id and the data of each `message` event so far."""
        return events_of(self.text)

    @property
    def last_id(self) -> str:
        """The last id of a whole event so far; what a client brings back in `Last-Event-ID`."""
        return ids_of(self.text)[-1]

    def hang_up(self) -> None:
        """Close the connection."""
        self._hung_up.set()

    def stop_reading(self) -> None:
        """Let the next send block."""
        self._may_read = trio.Event()

    def read_on(self) -> None:
        """Take what is sent again."""
        self._may_read.set()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was sent makes *condition* true."""
        while not condition():
            assert not self.over.is_set(), f"over too early: {self.status} {self.text!r} {self.error!r}"
            self._news = trio.Event()
            await self._news.wait()

    async def brings(self, count: int) -> bool:
        """Wait until *count* messages came, or the end; return whether they came."""
        while len(self.messages) < count and not self.over.is_set():
            self._news = trio.Event()
            await self._news.wait()
        return len(self.messages) >= count

    async def receive(self) -> Message:
        """Be the server's `receive`."""
        if self._body is not None:
            body, self._body = self._body, None
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": body, "more_body": False}
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Be the server's `send`."""
        await trio.lowlevel.checkpoint()
        await self._may_read.wait()
        if self.breaks_with is not None:
            raise self.breaks_with
        if message["type"] == "http.response.start":
            assert self.status == 0, "an answer was begun twice"
            self.status = message["status"]  # type: ignore[assignment]  # ASGI says it is an integer
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}  # type: ignore[attr-defined]  # and these pairs
        else:
            assert self.status, "a body was sent before its head"
            assert not self.is_complete, "something was sent after the end"
            if message["body"]:
                self.chunks.append(message["body"])  # type: ignore[arg-type]  # and this bytes
                self.times.append(trio.current_time())
            self.is_complete = not message.get("more_body", False)
        self._news.set()

    async def run(self, app: Application, scope: dict[str, Any]) -> None:
        """Serve this request with *app*; what it raises stands in `error`."""
        try:
            with self.scope:
                await app(scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 -- a server survives its application; the test looks at it
            self.error = error
        finally:
            self.over.set()
            self._news.set()


def events_of(text: str) -> list[tuple[str | None, Any]]:
    """Return the id and the data of each whole `message` event in *text*."""
    return [(event["id"], json.loads(event["data"])) for event in _EVENT.finditer(text)]


def ids_of(text: str) -> list[str]:
    """Return the id of each whole event in *text*, with a message or without one."""
    return [str(event_id) for event_id in _ID.findall(text)]


def make_caller(name: str) -> Caller:
    """Return the caller that the fake doorman knows under the key *name*."""
    principal = Principal(
        id=PrincipalId(f"key:{name}"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset()
    )
    return Caller(principal=principal, gitea_token=Secret("t" * 40), origin=ORIGIN)


class FakeDoorman:
    """Knows the keys `ada` and `bob`, as bearer or in the address."""

    def __init__(self) -> None:
        self.seen: list[RawCredentials] = []

    async def authenticate(self, raw: RawCredentials, origin: Origin) -> Caller:
        await trio.lowlevel.checkpoint()
        self.seen.append(raw)
        keys = {value.decode().removeprefix("Bearer ") for value in raw.authorization} | {raw.query_key or ""}
        for name in ("ada", "bob"):
            if name in keys:
                return make_caller(name)
        raise Unauthenticated("Invalid API key")


Script = Callable[[Caller, ToolRequest], Awaitable[ToolOutcome]]


@dataclass
class FakeDoor:
    """Tools that do what a test says."""

    scripts: dict[str, Script] = field(default_factory=dict)
    requests: list[ToolRequest] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    tools: tuple[ToolSpec[ToolContext], ...] = ()
    prompts: tuple[PromptSpec[ToolContext], ...] = ()
    resources: tuple[ResourceSpec[ToolContext], ...] = ()
    changes: dict[str, Callable[[], None]] = field(default_factory=dict)
    unwatchable: dict[str, Fault] = field(default_factory=dict)
    begin_after_s: dict[str, float] = field(default_factory=dict)
    breaks_with: dict[str, Exception] = field(default_factory=dict)
    looks_speak: bool = False
    beginning: int = 0
    most_beginning: int = 0
    watched: int = 0
    ends_after_s: float = 0.0
    narrow: bool = False
    lacking: dict[str, Fault] = field(default_factory=dict)
    """What the caller lacks for what it names."""

    @property
    def directory(self) -> FakeDoor:
        """Itself: it keeps what is served."""
        return self

    def prompts_for(self, caller: Caller) -> tuple[PromptSpec[ToolContext], ...]:
        return self.prompts

    def is_narrow_for(self, caller: Caller) -> bool:
        return self.narrow

    def resources_for(self, caller: Caller) -> tuple[ResourceSpec[ToolContext], ...]:
        return self.resources

    async def watch(
        self,
        caller: Caller,
        request: ToolRequest,
        changed: Callable[[], None],
        *,
        task_status: trio.TaskStatus[Fault | None],
    ) -> None:
        self.watched += 1
        self.beginning += 1
        self.most_beginning = max(self.beginning, self.most_beginning)
        try:
            await trio.sleep(self.begin_after_s.get(request.tool, 0.0))
            if request.tool in self.breaks_with:
                raise self.breaks_with[request.tool]
            if self.looks_speak:
                await request.peer.report(1, 2)
                await request.peer.log(LogLevel.EMERGENCY, "of a look")
        finally:
            self.beginning -= 1
        task_status.started(self.unwatchable.get(request.tool))
        if request.tool in self.unwatchable:
            return
        self.changes[request.tool] = changed
        try:
            await trio.sleep_forever()
        finally:
            if self.changes.get(request.tool) is changed:
                del self.changes[request.tool]
            with trio.CancelScope(shield=True):
                await trio.sleep(self.ends_after_s)

    def screen(self, caller: Caller, requests: Sequence[ToolRequest]) -> Failure | None:
        for request in requests:
            if request.tool in self.lacking:
                return Failure(request.correlation_id, self.lacking[request.tool])
        return None

    def tools_for(self, caller: Caller) -> tuple[ToolSpec[ToolContext], ...]:
        return self.tools or (make_spec(f"tool_of_{caller.principal.id.removeprefix('key:')}"),)

    def tool_for(self, caller: Caller, name: str) -> ToolSpec[ToolContext] | None:
        return next((spec for spec in self.tools_for(caller) if spec.name == name), None)

    async def call(self, caller: Caller, request: ToolRequest) -> ToolOutcome:
        self.requests.append(request)
        self.callers.append(caller)
        try:
            return await self.scripts.get(request.tool, echo)(caller, request)
        except trio.Cancelled:
            self.cancelled.append(request.tool)
            raise


async def echo(caller: Caller, request: ToolRequest) -> ToolOutcome:
    """Answer with the arguments."""
    await trio.lowlevel.checkpoint()
    return Success(request.correlation_id, ToolReply({"tool": request.tool, "arguments": request.raw_arguments}))


def lasting(seconds: float) -> Script:
    """Return a script that answers after *seconds*."""

    async def script(caller: Caller, request: ToolRequest) -> ToolOutcome:
        await trio.sleep(seconds)
        return await echo(caller, request)

    return script


def make_spec(name: str) -> ToolSpec[ToolContext]:
    """Return a tool that is listed and never run."""

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        raise NotImplementedError

    return ToolSpec(
        name=name,
        title="T",
        description="D",
        toolset=Toolset.SERVER,
        risk=Risk.READ,
        cost=CostClass.CHEAP,
        timeout_s=5.0,
        scopes=frozenset(),
        gitea_scopes=frozenset(),
        input_schema={"type": "object", "properties": {}},
        example={},
        prepare=prepare,
        idempotent=True,
        open_world=False,
    )


def make_desk(door: Door) -> Desk:
    """Return a desk before *door* whose seals hold for ten minutes of Trio's clock."""

    def now_s() -> int:
        return int(trio.current_time())

    spent: set[str] = set()

    def spend(state: RequestState) -> bool:
        if state.state_id in spent:
            return False
        spent.add(state.state_id)
        return True

    return Desk(
        door=door,
        card=CARD,
        cursors=CursorSealer(b"c" * 32, now_s),
        states=StateSealer(b"s" * 32, now_s),
        spend=spend,
    )


def challenge_in_words(path: str, fault: Fault) -> tuple[tuple[bytes, bytes], ...]:
    """Tell which fault is challenged where."""
    return ((b"www-authenticate", f"{fault.code} at {path}".encode()),)


class Gate:
    """Both transports over one hub, driven without sockets."""

    def __init__(self, nursery: trio.Nursery, settings: SessionSettings, door: Door | None = None) -> None:
        self.door = FakeDoor()
        self.doorman = FakeDoorman()
        self.settings = settings
        self.hub = SessionHub(settings)
        reception = Reception(desk=make_desk(door or self.door), hub=self.hub)
        self.reception = reception
        self.http = StreamableHttp(
            reception=reception, doorman=self.doorman, hub=self.hub, settings=settings, challenge=challenge_in_words
        )
        self.sse = HttpSse(
            reception=reception, doorman=self.doorman, hub=self.hub, settings=settings, challenge=challenge_in_words
        )
        self._nursery = nursery

    async def announce_lists(self) -> None:
        """Say that every list changed, and wait until everybody who hears it was told."""
        for name in ListName:
            self.hub.announce_list(name)
        await trio.testing.wait_all_tasks_blocked()

    def start(
        self,
        method: str,
        path: str,
        *headers: tuple[str, str],
        body: bytes | None = b"",
        key: str | None = "ada",
        query: str = "",
        app: Application | None = None,
    ) -> Conversation:
        """Begin one request."""
        conversation = Conversation(body)
        scope = scope_of(method, path, headers, key=key, query=query)
        chosen = app or (self.http if path == "/mcp" or (path == "/mcp/sse" and method == "POST") else self.sse)
        self._nursery.start_soon(conversation.run, chosen, scope)
        return conversation

    def serve(self, conversation: Conversation, *headers: tuple[str, str], key: str = "ada") -> None:
        """Begin a POST that was made before."""
        scope = scope_of("POST", "/mcp", (JSON_TYPE, BOTH_FORMS, *headers), key=key)
        self._nursery.start_soon(conversation.run, self.http, scope)

    def session_of(self, header: tuple[str, str], key: str = "ada") -> SessionBody:
        """Return the session that *header* names."""
        session = self.hub.find_session(header[1], make_caller(key).principal.id, Transport.STREAMABLE_HTTP)
        assert session is not None
        return session

    def post(
        self, document: JsonValue | bytes, *headers: tuple[str, str], path: str = "/mcp", **more: Any
    ) -> Conversation:
        """Begin one POST of JSON."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        names = {name for name, _ in headers}
        defaults = [pair for pair in (JSON_TYPE, BOTH_FORMS) if pair[0] not in names]
        return self.start("POST", path, *defaults, *headers, body=body, **more)

    async def asked(self, document: JsonValue | bytes, *headers: tuple[str, str], **more: Any) -> Conversation:
        """POST and wait for the whole answer."""
        conversation = self.post(document, *headers, **more)
        await conversation.over.wait()
        return conversation

    async def done(self, *args: Any, **kwargs: Any) -> Conversation:
        """Make one request and wait for the whole answer."""
        conversation = self.start(*args, **kwargs)
        await conversation.over.wait()
        return conversation

    async def session(
        self, version: str = "2025-11-25", capabilities: JsonObject | None = None, **more: Any
    ) -> tuple[str, str]:
        """Shake hands; return the session header."""
        answer = await self.asked(initialize(version, capabilities=capabilities), **more)
        assert answer.status == 200, answer.text
        return ("mcp-session-id", answer.headers["mcp-session-id"])

    async def stream(self, *headers: tuple[str, str], path: str = "/mcp", **more: Any) -> Conversation:
        """Open an event stream with GET and wait for its first bytes."""
        conversation = self.start("GET", path, ("accept", "text/event-stream"), *headers, **more)
        await conversation.wait_for(lambda: bool(conversation.chunks))
        return conversation


def scope_of(
    method: str, path: str, headers: Sequence[tuple[str, str]], *, key: str | None, query: str = ""
) -> dict[str, Any]:
    """Return the ASGI scope of one request."""
    lines = [*headers] if key is None else [*headers, ("authorization", f"Bearer {key}")]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in lines],
        "aegis.origin": ORIGIN,
    }


def request(method: str, params: JsonObject | None = None, request_id: JsonValue = 1) -> JsonObject:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}


def notification(method: str, params: JsonObject | None = None) -> JsonObject:
    """Return a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params or {}}


def initialize(
    version: str = "2025-11-25", request_id: JsonValue = 1, *, capabilities: JsonObject | None = None
) -> JsonObject:
    """Return a handshake."""
    params: JsonObject = {
        "protocolVersion": version,
        "capabilities": capabilities or {},
        "clientInfo": {"name": "Cursor", "version": "1"},
    }
    return request("initialize", params, request_id)


def call(tool: str, request_id: JsonValue = 1, **arguments: JsonValue) -> JsonObject:
    """Return a call of a tool."""
    return request("tools/call", {"name": tool, "arguments": arguments}, request_id)


def modern(
    method: str, params: JsonObject | None = None, *, meta: JsonObject | None = None, request_id: JsonValue = 1
) -> tuple[JsonObject, tuple[str, str], tuple[str, str]]:
    """Return a modern request with the headers that it needs; *meta* adds to what its `_meta` must have."""
    required: JsonObject = {META_VERSION: V_MODERN, META_CAPABILITIES: {}}
    document = request(method, {**(params or {}), "_meta": {**required, **(meta or {})}}, request_id)
    return document, ("mcp-protocol-version", V_MODERN), ("mcp-method", method)


def modern_call(tool: str, **arguments: JsonValue) -> tuple[JsonObject, *tuple[tuple[str, str], ...]]:
    """Return a modern call with the headers that it needs."""
    document, *headers = modern("tools/call", {"name": tool, "arguments": arguments})
    return (document, *headers, ("mcp-name", tool))
