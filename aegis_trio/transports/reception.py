"""The reception: what one message of a session, or of a line, asks of the server is done here.

A session is one of the handshake era, over HTTP; a line is one connection that carries every message (WebSocket,
stdio) and serves both eras.

Laws:
    1. Each request gets exactly one answer or one release, in its sink; a notification gets nothing.
    2. Who can refuse a request in HTTP reads first, screens what was read for scopes that are missing, and acts then.
    3. Whatever takes time runs as a call of the session, under the id of its request, so that it can be cancelled.

Not here: making calls (desk.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never, final

from aegis_trio.model.call import Failure, Transport
from aegis_trio.model.errors import Bug
from aegis_trio.model.identity import Caller
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.jsonrpc import Malformed, Message, Reply, refusal_reply, result_reply
from aegis_trio.protocol.refusals import invalid_request
from aegis_trio.protocol.results import empty_result, listen_result
from aegis_trio.protocol.revisions import OLDEST, Revision
from aegis_trio.protocol.steps import (
    Accepted,
    Answer,
    Cancel,
    ClientAnswer,
    Listen,
    ListFeature,
    OpenSession,
    Perform,
    SetLogLevel,
    Step,
    Subscribe,
    Unsubscribe,
)
from aegis_trio.transports.containment import contained
from aegis_trio.transports.desk import Desk, Visitor
from aegis_trio.transports.hub import SessionHub, StreamKind
from aegis_trio.transports.ports import ReplySink
from aegis_trio.transports.replies import fault_reply
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.subscriptions import Subscription, updated_notification, watch_request


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Takes messages of sessions and lines."""

    desk: Desk
    hub: SessionHub

    def take(
        self,
        message: Message | Malformed,
        session: SessionBody,
        caller: Caller,
        sink: ReplySink,
        *,
        stateless: Revision | None = None,
    ) -> None:
        """Do what one message asks; its answer goes to *sink*.

        Args:
            stateless: the revision of a modern message on a line, which stands alone; None for a legacy message,
                which follows what its session agreed on.
        """
        self.act(self.read(message, session, stateless=stateless), session, caller, sink, stateless=stateless)

    def read(
        self, message: Message | Malformed, session: SessionBody, *, stateless: Revision | None = None
    ) -> Step | Malformed:
        """Return what one message asks."""
        if isinstance(message, Malformed):
            return message
        is_line = session.transport in {Transport.WEBSOCKET, Transport.STDIO}
        return dispatch(message, stateless or revision_of(session), self.desk.card, is_line=is_line)

    def screen(self, steps: Sequence[Step | Malformed], session: SessionBody, caller: Caller) -> Failure | None:
        """Refuse what was read as a whole if *caller* lacks a scope for any of it."""
        return self.desk.screen(steps, caller, session.transport, session.client)

    def act(
        self,
        step: Step | Malformed,
        session: SessionBody,
        caller: Caller,
        sink: ReplySink,
        *,
        stateless: Revision | None = None,
    ) -> None:
        """Do what was read; the answer goes to *sink*."""
        revision = stateless or revision_of(session)
        match step:
            case Malformed():
                _answer(sink, refusal_reply(step.id, step.refusal))
            case Answer(reply=reply):
                _answer(sink, reply)
            case Accepted():
                pass
            case OpenSession():
                _answer(sink, _shake_hands(step, session))
            case ListFeature():
                _answer(sink, self.desk.list_feature(step, caller, revision))
            case Perform() | Subscribe() | Listen():
                visitor = Visitor(
                    caller=caller, revision=revision, transport=session.transport, sink=sink, session=session
                )
                self._start(step, session, visitor)
            case Unsubscribe() | SetLogLevel():
                _answer(sink, self._set(step, session, revision))
            case ClientAnswer(response=response):
                session.dialogue.resolve(response)
            case Cancel(request_id=request_id):
                session.cancel_call(request_id)
            case _:
                assert_never(step)

    def _start(self, step: Perform | Subscribe | Listen, session: SessionBody, visitor: Visitor) -> None:
        run: Callable[[], Awaitable[Reply]]
        match step:
            case Perform():
                run = partial(self.desk.perform, step, visitor)
            case Subscribe():
                run = partial(self._subscribe, step, session, visitor)
            case Listen():
                run = partial(self._listen_in, step, session, visitor)
        if not session.start_call(step.id, run, visitor.sink):
            # Source: MCP 2025-11-25 basic/index#requests. A second call of one id could not be cancelled.
            _answer(visitor.sink, refusal_reply(step.id, invalid_request("a request of this id still runs", 200)))

    def _set(self, step: Unsubscribe | SetLogLevel, session: SessionBody, revision: Revision) -> Reply:
        match step:
            case Unsubscribe(uri=uri):
                session.stop_watch(uri)
            case SetLogLevel(level=level):
                session.log_level = level
        return result_reply(step.id, empty_result(revision, self.desk.card))

    async def listen(self, step: Listen, visitor: Visitor) -> Reply:
        """Tell of changes until the gate drains; return the answer that ends the subscription."""
        subscription = Subscription(step, visitor.sink, visitor.transport)
        is_whole = False
        with contained("subscription") as containment:
            with self.hub.subscribed(subscription), self.hub.stream(subscription, StreamKind.LISTEN):
                await subscription.run(self.desk.door, visitor.caller)
            is_whole = True
        if not is_whole:
            return fault_reply(step.id, Bug(containment.incident), visitor.revision)
        return result_reply(step.id, listen_result(step.id, visitor.revision, self.desk.card))

    async def _listen_in(self, step: Listen, session: SessionBody, visitor: Visitor) -> Reply:
        """Tell of changes on a line, which may carry many such streams, but not any number."""
        if session.subscriptions >= self.hub.max_subscriptions:
            rule = f"a connection holds at most {self.hub.max_subscriptions} subscriptions; cancel one of them first"
            return refusal_reply(step.id, invalid_request(rule))
        session.subscriptions += 1
        try:
            return await self.listen(step, visitor)
        finally:
            session.subscriptions -= 1

    async def _subscribe(self, step: Subscribe, session: SessionBody, visitor: Visitor) -> Reply:
        """Watch a resource for a session.

        Source: MCP 2025-11-25 server/resources#subscriptions.
        """
        if session.watches >= self.hub.max_watches:
            rule = f"a session watches at most {self.hub.max_watches} resources; unsubscribe from one first"
            return refusal_reply(step.id, invalid_request(rule, 200))
        request = watch_request(step.uri, session.transport, session.client)
        changed = partial(session.announce, updated_notification(step.uri))
        fault = await session.start_watch(step.uri, partial(self.desk.door.watch, visitor.caller, request, changed))
        if fault is not None:
            return fault_reply(step.id, fault, visitor.revision)
        return result_reply(step.id, empty_result(visitor.revision, self.desk.card))


def revision_of(session: SessionBody) -> Revision:
    """Return the revision of *session*: who asks before shaking hands is served by the rules of the oldest."""
    return session.revision or OLDEST


def _shake_hands(step: OpenSession, session: SessionBody) -> Reply:
    if session.revision is not None:
        return refusal_reply(step.id, invalid_request("this session is initialized already", 200))
    session.revision = step.revision
    session.client = step.client
    session.capabilities = step.capabilities
    return step.reply


def _answer(sink: ReplySink, reply: Reply) -> None:
    sink.expect()
    sink.answer(reply)
