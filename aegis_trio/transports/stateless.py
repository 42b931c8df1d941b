"""Modern messages over HTTP: each stands alone, and what it starts ends with its request.

Laws:
    1. Closing the response is the cancel: the call ends at once, down to the forge.
    2. Nothing of a message outlives its request; no session is looked up, made or named.

Source: MCP 2026-07-28 basic/transports/streamable-http.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import final

import trio

from aegis_trio.model.call import CallKind, Transport
from aegis_trio.model.errors import Unauthenticated
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.jsonrpc import Message, Reply
from aegis_trio.protocol.param_headers import check_param_headers
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.protocol.revisions import Revision
from aegis_trio.protocol.steps import (
    Accepted,
    Answer,
    Listen,
    ListFeature,
    Perform,
)
from aegis_trio.transports.desk import Visitor
from aegis_trio.transports.exchange import Exchange
from aegis_trio.transports.hub import SessionHub, StreamKind
from aegis_trio.transports.negotiation import Forms
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.reception import Reception
from aegis_trio.transports.replies import send_empty
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.transports.visit import Visit, not_acceptable


@final
class Stateless:
    """Serves messages that stand alone."""

    def __init__(self, *, reception: Reception, hub: SessionHub, settings: SessionSettings) -> None:
        self._reception = reception
        self._desk = reception.desk
        self._hub = hub
        self._settings = settings

    async def serve(self, message: Message, revision: Revision, visit: Visit) -> None:
        """Serve one modern message; nothing of it outlives this request.

        Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, #cancellation.
        """
        step = dispatch(message, revision, self._desk.card)
        match step:
            case Accepted():
                await send_empty(visit.send, 202)
            case Answer(reply=reply):
                await visit.give(reply)
            case ListFeature():
                await visit.give(self._desk.list_feature(step, visit.caller, revision))
            case Perform():
                failure = self._desk.screen([step], visit.caller, Transport.STREAMABLE_HTTP, None)
                if failure is not None:
                    await visit.give_failure(step.id, failure, revision)
                    return
                refusal = self._refusal_of_headers(step, visit)
                if refusal is not None:
                    await visit.refuse(step.id, refusal)
                    return
                exchange = Exchange(visit.forms, self._plain_stream)
                visitor = self._visitor(visit, revision, exchange)
                await self._owned_call(partial(self._desk.perform, step, visitor), exchange, visit)
            case Listen():
                await self._listen(step, revision, visit)
            case _:
                raise RuntimeError("a stateless message was dispatched as one of a session")

    def _refusal_of_headers(self, step: Perform, visit: Visit) -> Refusal | None:
        """Tell how `Mcp-Param-*` headers contradict the arguments of a tool that declares them.

        Source: MCP 2026-07-28 basic/transports/streamable-http#server-behavior-for-custom-headers.
        """
        if step.kind is not CallKind.TOOL:
            return None
        spec = self._desk.door.directory.tool_for(visit.caller, step.subject)
        return None if spec is None else check_param_headers(visit.raw_headers, spec.input_schema, step.arguments)

    async def _listen(self, step: Listen, revision: Revision, visit: Visit) -> None:
        """Tell of changes for as long as this request lasts.

        Source: MCP 2026-07-28 basic/patterns/subscriptions.
        """
        if not visit.forms.stream:
            await visit.refuse(step.id, not_acceptable("text/event-stream"))
            return
        exchange = Exchange(Forms(json=False, stream=True), self._plain_stream)
        visitor = self._visitor(visit, revision, exchange)
        await self._owned_call(partial(self._reception.listen, step, visitor), exchange, visit)

    def _visitor(self, visit: Visit, revision: Revision, exchange: Exchange) -> Visitor:
        return Visitor(caller=visit.caller, revision=revision, transport=Transport.STREAMABLE_HTTP, sink=exchange)

    def _plain_stream(self) -> Outbox:
        return Outbox(self._settings, self._hub.outbox_budget, self._hub.note_cut, once=True)

    async def _owned_call(self, make: Callable[[], Awaitable[Reply]], exchange: Exchange, visit: Visit) -> None:
        """Run what belongs to this request: when the delivery ends, so does the call."""
        exchange.expect()

        async def run() -> None:
            exchange.answer(await make())

        with (
            self._hub.request_of(visit.caller.principal.owner) as access,
            self._hub.stream(exchange, StreamKind.POST),
            closing(exchange),
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
                await exchange.deliver(visit.receive, visit.send, json_within_s=self._settings.json_within_s)
                nursery.cancel_scope.cancel()
        if access.cancelled_caught and not exchange.started:
            raise Unauthenticated("Invalid API key", "This credential was removed while the call ran.", token_sent=True)
