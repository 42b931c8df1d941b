"""HTTP+SSE of 2024-11-05: GET /mcp/sse is the session, POST /mcp/messages brings its messages.

Laws:
    1. The stream's request is the session's life: when it ends, so does everything of the session.
    2. The id in the endpoint's address opens nothing: every POST is authenticated, and must be the same principal.
    3. A client that came with a key in its address gets a ticket in the endpoint's address instead, which is good
       for this session alone; the key is never written back.
    4. A reader that is too slow is cut, never buffered.
    5. A POST whose messages need scopes that are missing is refused as 403 with a challenge, and nothing of it runs.

Source: MCP 2024-11-05 basic/transports#http-with-sse.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final
from urllib.parse import urlencode

import trio

from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.model.call import Transport
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonValue
from aegis_trio.protocol.jsonrpc import Malformed, Message, Request, refusal_reply
from aegis_trio.protocol.ladder import Handshake, InSession, Refused, Stateless, choose_route
from aegis_trio.protocol.refusals import METHOD_NOT_FOUND, Refusal, invalid_request
from aegis_trio.protocol.sse import encode_event
from aegis_trio.transports.body import Unread, read_document
from aegis_trio.transports.credentials import caller_of, headers_of, origin_of, query_value
from aegis_trio.transports.hub import SessionHub, StreamKind
from aegis_trio.transports.negotiation import accepted_forms
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.ports import Challenge, Doorman, no_challenge
from aegis_trio.transports.reception import Reception, revision_of
from aegis_trio.transports.replies import (
    end_stream,
    fault_reply,
    send_empty,
    send_events,
    send_reply,
    start_stream,
)
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.settings import SessionSettings

GOODBYE_S: Final = 1.0  # promises say that what ends does so within a second
TICKET_BYTES: Final = 32  # 256 bits: as good as the key that it stands for
_UNKNOWN_SESSION: Final = invalid_request("there is no such session; open the event stream again", 404)
_NOT_MODERN: Final = Refusal(
    code=METHOD_NOT_FOUND, message="Method not found: this transport begins with initialize; 2026-07-28 is at /mcp"
)
_NOT_HERE: Final = invalid_request("this path has no such method", 405)


@final
@dataclass(frozen=True, slots=True)
class _Life:
    """An open stream: its session, its way out, and who may post to it without a key."""

    session: SessionBody
    outbox: Outbox
    caller: Caller
    ticket_digest: bytes | None


@final
class HttpSse:
    """The ASGI application of both paths."""

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
        self._doorman = doorman
        self._hub = hub
        self._settings = settings
        self._lives: dict[str, _Life] = {}
        self._challenge = challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Fault: before anything was sent: the credential was refused, or there is no room.
        """
        match scope["method"]:
            case "GET":
                await self._open(scope, receive, send)
            case "POST":
                await self._post(scope, receive, send)
            case _:
                await send_reply(send, refusal_reply(None, _NOT_HERE), ((b"allow", b"GET, POST"),))

    # ---- GET: the session -------------------------------------------------------------------------------------------

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow_query = self._settings.allow_query_api_key
        caller = await caller_of(self._doorman, scope, allow_query=allow_query)
        if not accepted_forms(headers_of(scope)).stream:
            await send_reply(send, refusal_reply(None, invalid_request("Accept must list text/event-stream", 406)))
            return
        by_query = allow_query and query_value(scope, "api_key") is not None
        ticket = secrets.token_urlsafe(TICKET_BYTES) if by_query else None
        session = self._hub.admit(caller.principal.owner, Transport.HTTP_SSE)
        session.holder = caller.principal
        outbox = Outbox(self._settings, self._hub.outbox_budget, partial(self._cut, session))
        self._lives[session.id] = _Life(session, outbox, caller, None if ticket is None else _digest(ticket))
        try:
            with self._hub.stream(outbox, StreamKind.HTTP_SSE), session.heard_by(outbox):
                session.voice = outbox
                await start_stream(send)
                endpoint = encode_event("endpoint", self._endpoint(session.id, ticket))

                async def live() -> None:
                    # Source: MCP 2024-11-05 basic/transports#http-with-sse: the endpoint is the first event. Whoever
                    # has it may post at once, so the session lives before it is sent.
                    await send_events(send, endpoint)
                    await outbox.pump(receive, send)

                await session.run(live, max_age_s=self._settings.max_age_s)
                if not outbox.is_over:
                    # The session was ended, too old, or broke: its client should see an end, not a lost connection.
                    with trio.move_on_after(GOODBYE_S):
                        await end_stream(send)
        finally:
            outbox.close()
            del self._lives[session.id]
            self._hub.forget(session)

    def _cut(self, session: SessionBody) -> None:
        self._hub.note_cut()
        self._hub.forget(session)

    def _endpoint(self, session_id: str, ticket: str | None) -> str:
        query = {"sessionId": session_id} if ticket is None else {"sessionId": session_id, "ticket": ticket}
        return f"{self._settings.messages_path}?{urlencode(query)}"

    # ---- POST: its messages -----------------------------------------------------------------------------------------

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        # 1. who is calling  2. the form of the request  3. its body  4. whose session. In this order a stranger
        # learns nothing about sessions.
        raw_id = query_value(scope, "sessionId") or ""
        caller = self._ticket_holder(scope, raw_id)
        if caller is None:
            caller = await caller_of(self._doorman, scope, allow_query=False)
        settings = self._settings
        document = await read_document(
            scope, receive, max_bytes=settings.max_body_bytes, deadline_s=settings.body_deadline_s
        )
        if isinstance(document, Unread):
            return
        life = self._lives.get(raw_id)
        session = self._hub.find_session(raw_id, caller.principal.owner, Transport.HTTP_SSE, caller.principal)
        if isinstance(document, Refusal):
            await send_reply(send, refusal_reply(None, document))
        elif session is None or life is None:
            await send_reply(send, refusal_reply(None, _UNKNOWN_SESSION))
        else:
            await self._take(document, life, caller, str(scope["path"]), send)

    async def _take(self, document: JsonValue, life: _Life, caller: Caller, path: str, send: Send) -> None:
        # The session stands in the address here, and routing headers belong to Streamable HTTP.
        route = choose_route(document, None)
        refusal: Refusal | None = None
        messages: tuple[Message | Malformed, ...] = ()
        match route:
            case Refused(id=None, refusal=refusal):
                pass
            case Refused(id=request_id, refusal=refused):
                messages = (Malformed(request_id, refused),)
            case Stateless(message=Request(id=request_id)):
                # A client that probes for the modern era here falls back to the handshake after this answer; an
                # HTTP error would be the end of its transport.
                messages = (Malformed(request_id, _NOT_MODERN),)
            case Stateless():
                pass  # a modern notification, which asks for nothing
            case Handshake(request=request):
                messages = (request,)
            case InSession(messages=messages, is_batch=is_batch):
                refusal = life.session.refusal_of_batch() if is_batch else None
        if refusal is not None:
            await send_reply(send, refusal_reply(None, refusal))
            return
        steps = [self._reception.read(message, life.session) for message in messages]
        failure = self._reception.screen(steps, life.session, caller)
        if failure is not None:
            request_id = messages[0].id if len(messages) == 1 and isinstance(messages[0], Request) else None
            reply = fault_reply(request_id, failure.fault, revision_of(life.session), failure.correlation_id)
            await send_reply(send, reply, self._challenge(path, failure.fault))
            return
        for step in steps:
            # An answer may have been the one too many for a slow reader, which ends the session.
            if not life.session.ended:
                self._reception.act(step, life.session, caller, life.outbox)
        await send_empty(send, 202)

    def _ticket_holder(self, scope: Scope, raw_id: str) -> Caller | None:
        raw_ticket = query_value(scope, "ticket")
        life = self._lives.get(raw_id)
        if raw_ticket is None or life is None or life.ticket_digest is None:
            return None
        if not hmac.compare_digest(_digest(raw_ticket), life.ticket_digest):
            return None
        return replace(life.caller, origin=origin_of(scope))


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()
