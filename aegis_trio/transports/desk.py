"""The desk: does what dispatch decided, for every transport.

Laws:
    1. A tool is reached through the door only; the desk knows neither sockets nor headers.
    2. Each request gets exactly one answer or one release; a notification gets nothing.
    3. A bug in a call becomes that call's answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import assert_never, final

from aegis_trio.gateway.render import tool_definition
from aegis_trio.model.call import Failure, ToolOutcome, ToolRequest, Transport
from aegis_trio.model.errors import Bug
from aegis_trio.model.identity import Caller
from aegis_trio.protocol.dispatch import Accepted, Answer, CallTool, Cancel, ListTools, OpenSession, dispatch
from aegis_trio.protocol.jsonrpc import Malformed, Message, Reply, RequestId, refusal_reply, result_reply
from aegis_trio.protocol.refusals import invalid_request
from aegis_trio.protocol.results import ServerCard, tools_list_result
from aegis_trio.protocol.revisions import OLDEST, Revision
from aegis_trio.transports.containment import contained
from aegis_trio.transports.ports import Door
from aegis_trio.transports.replies import outcome_reply
from aegis_trio.transports.session import ReplySink, SessionBody


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The door, and what the server says about itself."""

    door: Door
    card: ServerCard

    def list_tools(self, request_id: RequestId, caller: Caller, revision: Revision) -> Reply:
        """Return the answer of `tools/list`."""
        definitions = [tool_definition(spec) for spec in self.door.tools_for(caller)]
        return result_reply(request_id, tools_list_result(definitions, revision, self.card))

    async def call_tool(
        self, step: CallTool, caller: Caller, revision: Revision, *, transport: Transport, client: str | None
    ) -> Reply:
        """Run one tool and return the answer of its request."""
        request = ToolRequest(
            tool=step.name, raw_arguments=step.arguments, transport=transport, client=step.client or client
        )
        with contained("tool_call") as containment:
            outcome: ToolOutcome = Failure(request.correlation_id, Bug(containment.incident))  # stands if this breaks
            outcome = await self.door.call(caller, request)
        return outcome_reply(step.id, outcome, revision, self.card)

    def take(self, message: Message | Malformed, session: SessionBody, caller: Caller, sink: ReplySink) -> None:
        """Do what one message of a session asks; its answer goes to *sink*."""
        if isinstance(message, Malformed):
            _answer(sink, refusal_reply(message.id, message.refusal))
            return
        # A client that asks before it shook hands is served by the rules of the oldest revision.
        revision = session.revision or OLDEST
        step = dispatch(message, revision, self.card)
        match step:
            case Answer(reply=reply):
                _answer(sink, reply)
            case Accepted():
                pass
            case OpenSession():
                _answer(sink, _shake_hands(step, session))
            case ListTools(id=request_id):
                _answer(sink, self.list_tools(request_id, caller, revision))
            case CallTool():
                run = partial(
                    self.call_tool, step, caller, revision, transport=session.transport, client=session.client
                )
                if not session.start_call(step.id, run, sink):
                    # Source: MCP 2025-11-25 basic/index#requests. A second call of one id could not be cancelled.
                    _answer(sink, refusal_reply(step.id, invalid_request("a request of this id still runs", 200)))
            case Cancel(request_id=request_id):
                session.cancel_call(request_id)
            case _:
                assert_never(step)


def _shake_hands(step: OpenSession, session: SessionBody) -> Reply:
    if session.revision is not None:
        return refusal_reply(step.id, invalid_request("this session is initialized already", 200))
    session.revision = step.revision
    session.client = step.client
    return step.reply


def _answer(sink: ReplySink, reply: Reply) -> None:
    sink.expect()
    sink.answer(reply)
