"""Streams of server-sent events over plain sockets, with everything that a browser's reader would hide.

async with open_events(gate.url, "GET", "/mcp", {**gate.authorization, **session}) as events:
    message = await events.next_message()
    await events.wire.reset()
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio

from tests.e2e.wire import Answer, Ended, Wire, host_of, open_wire
from tests.e2e.wire import request as raw_request

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Event:
    """One event; `data` is empty where it only gives an id."""

    kind: str
    data: str
    event_id: str | None
    retry_ms: int | None

    @property
    def message(self) -> Any:
        """The JSON-RPC message in it."""
        return json.loads(self.data)


@dataclass
class Events:
    """A stream that has begun."""

    wire: Wire
    answer: Answer
    first: bytes
    """The first piece of its body."""
    last_id: str | None = None
    """What a client would send as `Last-Event-ID` now."""
    _rest: bytes = b""

    async def next_event(self) -> Event:
        """Return the next event; comments are passed over.

        Raises:
            Ended: the stream ended, in good order or not.
        """
        with trio.fail_after(PATIENCE_S):
            while True:
                while b"\n\n" not in self._rest:
                    chunk = await self.wire.receive_chunk()
                    if not chunk:
                        raise Ended(self._rest)
                    self._rest += chunk
                block, _, self._rest = self._rest.partition(b"\n\n")
                event = _parse(block.decode())
                if event is not None:
                    self.last_id = event.event_id or self.last_id
                    return event

    async def next_message(self) -> Any:
        """Return the next JSON-RPC message; events that only give an id are passed over."""
        while not (event := await self.next_event()).data:
            pass
        return event.message

    async def rest(self) -> list[Any]:
        """Return every message up to the end of the stream."""
        messages: list[Any] = []
        try:
            while True:
                messages.append(await self.next_message())
        except Ended:
            return messages


@asynccontextmanager
async def open_events(
    url: str, method: str, target: str, headers: Mapping[str, str], document: Any = None
) -> AsyncIterator[Events]:
    """Make a request that is answered by a stream, and wait for its first piece.

    Raises:
        AssertionError: it was answered otherwise.
    """
    async with open_wire(url) as wire:
        given = {"Host": host_of(url), "Accept": "application/json, text/event-stream", **headers}
        body = b""
        if document is not None:
            given["Content-Type"] = "application/json"
            body = json.dumps(document).encode()
        with trio.fail_after(PATIENCE_S):
            await wire.send(raw_request(method, target, given, body))
            answer = await wire.receive_head()
            if b"text/event-stream" not in answer.head:
                answer = await wire.receive_body(answer)
                raise AssertionError(f"no stream: {answer}")
            first = await wire.receive_chunk()
        yield Events(wire, answer, first, _rest=first)


def _parse(block: str) -> Event | None:
    """Return the event in *block*, or None where it is only a comment or a time.

    Source: HTML living standard, section 9.2.6.
    """
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        if name:
            fields.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in fields:
        return None
    retry = fields.get("retry")
    return Event(
        kind=fields.get("event", ["message"])[-1],
        data="\n".join(fields["data"]),
        event_id=fields.get("id", [None])[-1],
        retry_ms=int(retry[-1]) if retry else None,
    )
