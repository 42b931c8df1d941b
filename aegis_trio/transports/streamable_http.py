"""Streamable HTTP: POST, GET and DELETE at the MCP endpoint, for both eras; POST /mcp/sse answers alike.

Laws:
    1. The credential is checked before a byte of the body is read, on every request.
    2. A session is its principal's: for a stranger it does not exist, byte for byte.
    3. Up to 2025-11-25 a call belongs to its session and a hang-up leaves it running; from 2026-07-28 on it belongs
       to its request, and a hang-up cancels it at once.
    4. A stream of a session that was lost goes on where it broke, with nothing lost or doubled.
    5. A scope that is missing is refused as 403 with a challenge before anything runs, and so is a whole batch.

Not here: Host, Origin and methods of the path (web/screen.py).
"""

from __future__ import annotations

from functools import partial
from typing import Final, final

from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.model.call import Transport
from aegis_trio.model.errors import Fault
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.headers import read_routing_headers
from aegis_trio.protocol.jsonrpc import Malformed, Message, Request, RequestId, refusal_reply
from aegis_trio.protocol.ladder import Handshake, InSession, Refused, choose_route
from aegis_trio.protocol.ladder import Stateless as Alone
from aegis_trio.protocol.refusals import Refusal, header_mismatch, invalid_request
from aegis_trio.protocol.revisions import LEGACY_VERSIONS, NEWEST_LEGACY
from aegis_trio.protocol.steps import (
    Answer,
    OpenSession,
)
from aegis_trio.transports.body import Unread, read_document
from aegis_trio.transports.credentials import caller_of, headers_of
from aegis_trio.transports.exchange import Exchange
from aegis_trio.transports.hub import SessionHub, StreamKind
from aegis_trio.transports.negotiation import accepted_forms
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.ports import Challenge, Doorman, no_challenge
from aegis_trio.transports.reception import Reception, revision_of
from aegis_trio.transports.replies import fault_reply, send_empty, start_stream
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.transports.stateless import Stateless
from aegis_trio.transports.visit import Visit, not_acceptable

SSE_PATH: Final = "/mcp/sse"
SESSION_HEADER: Final = b"mcp-session-id"
_ALLOW_POST: Final = ((b"allow", b"POST"),)
_UNKNOWN_SESSION: Final = invalid_request("there is no such session; send initialize to open one", 404)
_NO_SESSION: Final = invalid_request("the header Mcp-Session-Id is missing; send initialize first")
_NOT_KEPT: Final = invalid_request(
    "the events behind this Last-Event-ID are not kept any more, or never were; open a stream without it"
)
_NOT_HERE: Final = invalid_request("only POST is served here without a session", 405)


@final
class StreamableHttp:
    """The ASGI application of the MCP endpoint."""

    def __init__(
        self,
        *,
        reception: Reception,
        doorman: Doorman,
        hub: SessionHub,
        settings: SessionSettings,
        challenge: Challenge = no_challenge,
    ) -> None:
        self._reception = reception
        self._desk = reception.desk
        self._doorman = doorman
        self._hub = hub
        self._settings = settings
        self._challenge = challenge
        self._stateless = Stateless(reception=reception, hub=hub, settings=settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Fault: before anything was sent: the credential was refused.
        """
        # 1. who is calling  2. what for. Threat: whoever has no credential learns nothing about sessions or methods.
        allow_query = self._settings.allow_query_api_key and scope["path"] == SSE_PATH
        caller = await caller_of(self._doorman, scope, allow_query=allow_query)
        visit = Visit(
            caller=caller,
            headers=read_routing_headers(headers_of(scope)),
            raw_headers=headers_of(scope),
            forms=accepted_forms(headers_of(scope)),
            receive=receive,
            send=send,
            challenge=partial(self._challenge, str(scope["path"])),
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

    async def _post(self, scope: Scope, visit: Visit) -> None:
        if not (visit.forms.json or visit.forms.stream):
            await visit.refuse(None, not_acceptable("application/json and text/event-stream"))
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
            case Alone(message=message, revision=revision):
                await self._stateless.serve(message, revision, visit)
            case Handshake(request=request):
                await self._handshake(request, visit)
            case InSession():
                await self._in_session(route, visit)

    async def _handshake(self, request: Request, visit: Visit) -> None:
        """Open a session.

        Source: MCP 2025-11-25 basic/lifecycle#initialization, basic/transports#session-management.
        """
        step = dispatch(request, NEWEST_LEGACY, self._desk.card)
        match step:
            case OpenSession():
                try:
                    session = await self._hub.open_session(visit.caller.principal.owner, step)
                except Fault as fault:
                    await visit.give(fault_reply(request.id, fault, step.revision))
                else:
                    session.holder = visit.caller.principal
                    await visit.give(step.reply, ((SESSION_HEADER, session.id.encode()),))
            case Answer(reply=reply):
                await visit.give(reply)
            case _:
                raise RuntimeError("a handshake was dispatched as something else")

    async def _in_session(self, route: InSession, visit: Visit) -> None:
        """Serve the messages of a session; its calls go on when this request ends.

        Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server.
        """
        session = self._find(visit)
        request_id = _only_id(route.messages)
        refusal = session if isinstance(session, Refusal) else session.refusal_of_batch() if route.is_batch else None
        if refusal is not None or isinstance(session, Refusal):
            await visit.refuse(request_id, refusal or _UNKNOWN_SESSION)
            return
        steps = [self._reception.read(message, session) for message in route.messages]
        failure = self._reception.screen(steps, session, visit.caller)
        if failure is not None:
            await visit.give_failure(request_id, failure, revision_of(session))
            return
        open_stream = partial(session.open_stream, once=True)
        exchange = Exchange(visit.forms, open_stream, if_gone=refusal_reply(request_id, _UNKNOWN_SESSION))
        with session.heard_by(exchange), self._hub.stream(exchange, StreamKind.POST):
            for step in steps:
                self._reception.act(step, session, visit.caller, exchange)
            await exchange.deliver(
                visit.receive,
                visit.send,
                json_within_s=self._settings.resumable_within_s,
                is_batch=route.is_batch,
                primed=session.revision is not None and session.revision.primes_streams,
            )

    def _find(self, visit: Visit) -> SessionBody | Refusal:
        if visit.headers.session_id is None:
            return _NO_SESSION
        principal = visit.caller.principal
        session = self._hub.find_session(
            visit.headers.session_id, principal.owner, Transport.STREAMABLE_HTTP, principal
        )
        return session or _UNKNOWN_SESSION

    # ---- GET: the stream of a session; DELETE: its end --------------------------------------------------------------

    async def _get(self, visit: Visit) -> None:
        """Open a stream for messages of ours.

        Source: MCP 2025-11-25 basic/transports#listening-for-messages-from-the-server; 2026-07-28
        basic/transports/streamable-http#earlier-streamable-http-revisions (405).
        """
        session = await self._session_or_refuse(visit)
        if session is None:
            return
        if not visit.forms.stream:
            await visit.refuse(None, not_acceptable("text/event-stream"))
            return
        raw_event_id = visit.headers.last_event_id
        if raw_event_id is not None:
            await self._resume(raw_event_id, session, visit)
            return
        streams = [one for one in session.listeners if isinstance(one, Outbox) and one.is_staying]
        if len(streams) >= self._settings.max_streams_per_session:
            # A client that came back did not close what it lost: its oldest stream makes room.
            streams[0].leave()
        # Source: MCP 2025-11-25 basic/transports#multiple-connections: each message goes to one stream, the newest.
        session.voice = outbox = session.open_stream(once=False)
        await self._read(outbox, session, visit, after=0)

    async def _resume(self, raw_event_id: str, session: SessionBody, visit: Visit) -> None:
        """Go on with a stream that its client lost, behind the last event that it has.

        Source: MCP 2025-11-25 basic/transports#resumability-and-redelivery.
        """
        name, _, raw_number = raw_event_id.rpartition("-")
        outbox = session.streams.get(name)
        after = int(raw_number) if raw_number.isascii() and raw_number.isdigit() and len(raw_number) < 16 else -1
        if outbox is None or not outbox.can_resume(after):
            await visit.refuse(None, _NOT_KEPT)
            return
        await self._read(outbox, session, visit, after=after)

    async def _read(self, outbox: Outbox, session: SessionBody, visit: Visit, *, after: int) -> None:
        primed = session.revision is not None and session.revision.primes_streams
        outbox.hold()
        try:
            with session.heard_by(outbox), self._hub.stream(outbox, StreamKind.LISTEN):
                await start_stream(visit.send)
                await outbox.pump(visit.receive, visit.send, after=after, primed=primed)
        finally:
            outbox.let_go()

    async def _delete(self, visit: Visit) -> None:
        """End a session.

        Source: MCP 2025-11-25 basic/transports#session-management, item 5.
        """
        session = await self._session_or_refuse(visit)
        if session is not None:
            self._hub.forget(session)
            await send_empty(visit.send, 204)

    async def _session_or_refuse(self, visit: Visit) -> SessionBody | None:
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


def _only_id(messages: tuple[Message | Malformed, ...]) -> RequestId | None:
    match messages:
        case (Request(id=request_id),):
            return request_id
        case _:
            return None
