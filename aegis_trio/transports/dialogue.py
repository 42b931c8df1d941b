"""The dialogue of a session: what the server asks its client while a call runs, and the answers.

Laws:
    1. A question is answered by this session's client or by nobody; an answer that nobody waits for is ignored.
    2. Whoever stops waiting tells the client so.

Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 6; client/{elicitation,sampling,roots}.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import final

import trio

from aegis_trio.model.errors import NotAnswered
from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import Question
from aegis_trio.protocol.jsonrpc import RequestId, Response
from aegis_trio.transports.ports import ReplySink


@dataclass(slots=True)
class _Waiting:
    """One question that the client has not answered yet."""

    answered: trio.Event = field(default_factory=trio.Event)
    response: Response | None = None


@final
class Dialogue:
    """The open questions of one session."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[RequestId, _Waiting] = {}

    async def ask(self, question: Question, sink: ReplySink) -> JsonObject:
        """Send one request to the client, on the stream of the request that made it necessary, and wait.

        Returns:
            The client's result; its form is not checked here.

        Raises:
            NotAnswered: the client answered with an error, or hears nothing.

        Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 6.
        """
        if not sink.can_speak:
            raise NotAnswered(
                "The client listens to no stream on which it could be asked.",
                "Accept text/event-stream and call again.",
            )
        waiting = _Waiting()
        request_id = f"aegis-{uuid.uuid4()}"
        self._open[request_id] = waiting
        try:
            sink.notify({"jsonrpc": "2.0", "id": request_id, "method": question.method, "params": question.params})
            await waiting.answered.wait()
        except trio.Cancelled:
            # Source: MCP 2025-11-25 basic/utilities/cancellation: whoever asked says that it asks no more.
            params: JsonObject = {"requestId": request_id, "reason": "the call ended"}
            sink.notify({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
            raise
        finally:
            del self._open[request_id]
        response = waiting.response
        if response is None or response.result is None:
            raise NotAnswered(f"The client refused {question.method}.", "Go on without, or ask the person directly.")
        return response.result

    def resolve(self, response: Response) -> None:
        """Take the client's answer to a request of this server; one that nobody waits for, or a second, is ignored."""
        waiting = self._open.get(response.id) if response.id is not None else None
        if waiting is not None and waiting.response is None:
            waiting.response = response
            waiting.answered.set()
