"""Streamable HTTP: POST, GET and DELETE at the MCP endpoint, for both eras; POST /mcp/sse answers alike.

Laws:
    1. The credential is checked before a byte of the body is read, on every request.
    2. A session is its principal's: for a stranger it does not exist, byte for byte.
    3. Up to 2025-11-25 a call belongs to its session and a hang-up leaves it running; from 2026-07-28 on it belongs
       to its request, and a hang-up cancels it at once.

Not here: Host, Origin and methods of the path (web/screen.py), resumption by `Last-Event-ID`.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.model.call import Transport
from aegis_trio.model.errors import Fault, Unauthenticated
from aegis_trio.model.identity import Caller
from aegis_trio.protocol.dispatch import Accepted, Answer, CallTool, Cancel, ListTools, OpenSession, dispatch
from aegis_trio.protocol.headers import RoutingHeaders, read_routing_headers
from aegis_trio.protocol.jsonrpc import Malformed, Message, Reply, Request, RequestId, refusal_reply
from aegis_trio.protocol.ladder import Handshake, InSession, Refused, Stateless, choose_route
from aegis_trio.protocol.refusals import Refusal, header_mismatch, invalid_request
from aegis_trio.protocol.revisions import LEGACY_VERSIONS, NEWEST_LEGACY, Revision
from aegis_trio.transports.body import Unread, read_document
from aegis_trio.transports.credentials import headers_of, origin_of, raw_credentials
from aegis_trio.transports.desk import Desk
from aegis_trio.transports.exchange import Exchange
from aegis_trio.transports.hub import SessionHub, StreamKind
from aegis_trio.transports.negotiation import Forms, accepted_forms
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.ports import Doorman
from aegis_trio.transports.replies import HeaderLines, fault_reply, send_empty, send_reply, start_stream
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.settings import SessionSettings

SSE_PATH: Final = "/mcp/sse"
SESSION_HEADER: Final = b"mcp-session-id"
_ALLOW_POST: Final = ((b"allow", b"POST"),)
_UNKNOWN_SESSION: Final = invalid_request("there is no such session; send initialize to open one", 404)
_NO_SESSION: Final = invalid_request("the header Mcp-Session-Id is missing; send initialize first")
_NOT_HERE: Final = invalid_request("only POST is served here without a session", 405)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One request whose credential was right."""

    caller: Caller
    headers: RoutingHeaders
    forms: Forms
    receive: Receive
    send: Send

    async def refuse(self, request_id: RequestId | None, refusal: Refusal, extra: HeaderLines = ()) -> None:
        """Answer with *refusal*."""
        await send_reply(self.send, refusal_reply(request_id, refusal), extra)


@final
class StreamableHttp:
    """The ASGI application of the MCP endpoint."""

    def __init__(self, *, desk: Desk, doorman: Doorman, hub: SessionHub, settings: SessionSettings) -> None:
        self._desk = desk
        self._doorman = doorman
        self._hub = hub
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Fault: before anything was sent: the credential was refused.
        """
        # 1. who is calling  2. what for. Threat: whoever has no credential learns nothing about sessions or methods.
        allow_query = self._settings.allow_query_api_key and scope["path"] == SSE_PATH
        raw = raw_credentials(scope, allow_query=allow_query)
        caller = await self._doorman.authenticate(raw, origin_of(scope))
        visit = _Visit(
            caller=caller,
            headers=read_routing_headers(headers_of(scope)),
            forms=accepted_forms(headers_of(scope)),
            receive=receive,
            send=send,
        )
        match scope["method"]:
            case "POST":
                await self._post(scope, visit)
            case "GET":
                await self._get(visit)
            case "DELETE":
                await self._delete(visit)
            case _:
                await visit.refuse(None, _NOT_HERE, _ALLOW_POST)

    # ---- POST: messages ---------------------------------------------------------------------------------------------

    async def _post(self, scope: Scope, visit: _Visit) -> None:
        if not (visit.forms.json or visit.forms.stream):
            await visit.refuse(None, _not_acceptable("application/json and text/event-stream"))
            return
        settings = self._settings
        document = await read_document(
            scope, visit.receive, max_bytes=settings.max_body_bytes, deadline_s=settings.body_deadline_s
        )
        if isinstance(document, Unread):
            return
        if isinstance(document, Refusal):
            await visit.refuse(None, document)
            return
        route = choose_route(document, visit.headers)
        match route:
            case Refused(id=request_id, refusal=refusal):
                await visit.refuse(request_id, refusal)
            case Stateless(message=message, revision=revision):
                await self._stateless(message, revision, visit)
            case Handshake(request=request):
                await self._handshake(request, visit)
            case InSession():
                await self._in_session(route, visit)

    async def _stateless(self, message: Message, revision: Revision, visit: _Visit) -> None:
        """Serve one modern message; nothing of it outlives this request.

        Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, #cancellation.
        """
        step = dispatch(message, revision, self._desk.card)
        match step:
            case Accepted() | Cancel() | OpenSession():
                # The revision has neither a handshake nor a posted cancellation, so this was a notification.
                await send_empty(visit.send, 202)
            case Answer(reply=reply):
                await self._give(reply, visit)
            case ListTools(id=request_id):
                await self._give(self._desk.list_tools(request_id, visit.caller, revision), visit)
            case CallTool():
                await self._owned_call(step, revision, visit)

    async def _owned_call(self, step: CallTool, revision: Revision, visit: _Visit) -> None:
        """Run a call that belongs to this request: when the delivery ends, so does the call."""
        exchange = Exchange()
        exchange.expect()

        async def run() -> None:
            exchange.answer(
                await self._desk.call_tool(
                    step, visit.caller, revision, transport=Transport.STREAMABLE_HTTP, client=None
                )
            )

        with (
            self._hub.request_of(visit.caller.principal.id) as access,
            self._hub.stream(exchange, StreamKind.POST),
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
                await exchange.deliver(visit.receive, visit.send, forms=visit.forms, settings=self._settings)
                nursery.cancel_scope.cancel()
        if access.cancelled_caught and not exchange.started:
            raise Unauthenticated("Invalid API key", "This credential was removed while the call ran.")

    async def _handshake(self, request: Request, visit: _Visit) -> None:
        """Open a session.

        Source: MCP 2025-11-25 basic/lifecycle#initialization, basic/transports#session-management.
        """
        step = dispatch(request, NEWEST_LEGACY, self._desk.card)
        match step:
            case OpenSession():
                try:
                    session = await self._hub.open_session(visit.caller.principal.id, step.revision, step.client)
                except Fault as fault:
                    await self._give(fault_reply(request.id, fault, step.revision), visit)
                else:
                    await self._give(step.reply, visit, ((SESSION_HEADER, session.id.encode()),))
            case Answer(reply=reply):
                await self._give(reply, visit)
            case Accepted() | Cancel() | ListTools() | CallTool():
                raise RuntimeError("a handshake was dispatched as something else")

    async def _give(self, reply: Reply, visit: _Visit, extra: HeaderLines = ()) -> None:
        exchange = Exchange()
        exchange.expect()
        exchange.answer(reply)
        await exchange.deliver(visit.receive, visit.send, forms=visit.forms, settings=self._settings, extra=extra)

    async def _in_session(self, route: InSession, visit: _Visit) -> None:
        """Serve the messages of a session; its calls go on when this request ends.

        Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server.
        """
        session = self._find(visit)
        request_id = _only_id(route.messages)
        refusal = session if isinstance(session, Refusal) else session.refusal_of_batch() if route.is_batch else None
        if refusal is not None or isinstance(session, Refusal):
            await visit.refuse(request_id, refusal or _UNKNOWN_SESSION)
            return
        exchange = Exchange(if_gone=refusal_reply(request_id, _UNKNOWN_SESSION))
        with session.heard_by(exchange), self._hub.stream(exchange, StreamKind.POST):
            for message in route.messages:
                self._desk.take(message, session, visit.caller, exchange)
            await exchange.deliver(
                visit.receive, visit.send, forms=visit.forms, settings=self._settings, is_batch=route.is_batch
            )

    def _find(self, visit: _Visit) -> SessionBody | Refusal:
        if visit.headers.session_id is None:
            return _NO_SESSION
        session = self._hub.find_session(visit.headers.session_id, visit.caller.principal.id, Transport.STREAMABLE_HTTP)
        return session or _UNKNOWN_SESSION

    # ---- GET: the stream of a session; DELETE: its end --------------------------------------------------------------

    async def _get(self, visit: _Visit) -> None:
        """Open a stream for messages of ours.

        Source: MCP 2025-11-25 basic/transports#listening-for-messages-from-the-server; 2026-07-28
        basic/transports/streamable-http#earlier-streamable-http-revisions (405).
        """
        session = await self._session_or_refuse(visit)
        if session is None:
            return
        if not visit.forms.stream:
            await visit.refuse(None, _not_acceptable("text/event-stream"))
            return
        streams = [listener for listener in session.listeners if isinstance(listener, Outbox)]
        if len(streams) >= self._settings.max_streams_per_session:
            # A client that came back did not close what it lost: its oldest stream makes room.
            streams[0].leave()
        with trio.CancelScope() as cut:
            outbox = Outbox(self._settings, self._hub.outbox_budget, cut.cancel)
            with session.heard_by(outbox), self._hub.stream(outbox, StreamKind.LISTEN), closing(outbox):
                await start_stream(visit.send)
                await outbox.pump(visit.receive, visit.send)

    async def _delete(self, visit: _Visit) -> None:
        """End a session.

        Source: MCP 2025-11-25 basic/transports#session-management, item 5.
        """
        session = await self._session_or_refuse(visit)
        if session is not None:
            self._hub.forget(session)
            await send_empty(visit.send, 204)

    async def _session_or_refuse(self, visit: _Visit) -> SessionBody | None:
        headers = visit.headers
        if headers.duplicated is not None:
            await visit.refuse(None, header_mismatch(f"the header {headers.duplicated} stands more than once."))
            return None
        version = headers.protocol_version
        if headers.session_id is None or (version is not None and version not in LEGACY_VERSIONS):
            # Clients probe with GET: 405 says "no stream here", while 404 would say "no server here".
            await visit.refuse(None, _NOT_HERE, _ALLOW_POST)
            return None
        found = self._find(visit)
        if isinstance(found, Refusal):
            await visit.refuse(None, found)
            return None
        return found


def _not_acceptable(wanted: str) -> Refusal:
    return invalid_request(f"Accept must list {wanted}", 406)


def _only_id(messages: tuple[Message | Malformed, ...]) -> RequestId | None:
    match messages:
        case (Request(id=request_id),):
            return request_id
        case _:
            return None
