"""One HTTP request to the MCP endpoint whose credential was right, and the shortest answers to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from aegis_trio.model.asgi import Headers, Receive, Send
from aegis_trio.model.call import Failure
from aegis_trio.model.errors import Fault
from aegis_trio.model.identity import Caller
from aegis_trio.protocol.headers import RoutingHeaders
from aegis_trio.protocol.jsonrpc import Reply, RequestId, refusal_reply
from aegis_trio.protocol.refusals import Refusal, invalid_request
from aegis_trio.protocol.revisions import Revision
from aegis_trio.protocol.sse import encode_message
from aegis_trio.transports.negotiation import Forms
from aegis_trio.transports.replies import (
    HeaderLines,
    end_stream,
    fault_reply,
    send_events,
    send_reply,
    start_stream,
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request whose credential was right."""

    caller: Caller
    headers: RoutingHeaders
    raw_headers: Headers
    forms: Forms
    receive: Receive
    send: Send
    challenge: Callable[[Fault], HeaderLines]
    """Says in headers how a client comes by what a fault names, where it can."""

    async def refuse(self, request_id: RequestId | None, refusal: Refusal, extra: HeaderLines = ()) -> None:
        """Answer with *refusal*."""
        await send_reply(self.send, refusal_reply(request_id, refusal), extra)

    async def give_failure(self, request_id: RequestId | None, failure: Failure, revision: Revision) -> None:
        """Answer with what ended a call before anything of it began, and say how to come by what was missing."""
        reply = fault_reply(request_id, failure.fault, revision, failure.correlation_id)
        await self.give(reply, self.challenge(failure.fault))

    async def give(self, reply: Reply, extra: HeaderLines = ()) -> None:
        """Answer with one message, in the form that the client takes."""
        if self.forms.json or reply.http_status != 200:
            await send_reply(self.send, reply, extra)
            return
        await start_stream(self.send, extra)
        await send_events(self.send, encode_message(reply.body))
        await end_stream(self.send)


def not_acceptable(wanted: str) -> Refusal:
    """Return the refusal of a client that does not take *wanted*."""
    return invalid_request(f"Accept must list {wanted}", 406)
