"""The replayer: sends what a recording holds over a connection of its own, and compares the answers.

Laws:
    1. A frame is sent when all answers that were recorded before it have come.
    2. Answers are compared, and what the server asks for; notifications are not, as their number depends on time.
    3. Every wait has the patience that a call has; an answer that does not come is a difference.

Not here: what a difference is (comparison.py).
"""

from __future__ import annotations

from typing import Final, final

import trio

from aegis_trio.cli.console.client import FORM_METHOD, Client, Expected, HungUp
from aegis_trio.cli.console.comparison import MAX_DIFFERENCES, Difference, compare
from aegis_trio.cli.console.exchange import HANDSHAKE
from aegis_trio.cli.console.recording import RecordedFrame, Recording
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.protocol.jsonrpc import Request, RequestId, Response, classify

_NO_ANSWER: Final = "no answer"


def begins_with_handshake(recording: Recording) -> bool:
    """Return whether the first frame that *recording* sends is the handshake."""
    first = next((frame for frame in recording.frames if frame.is_sent), None)
    return first is not None and isinstance(first.frame, dict) and first.frame.get("method") == HANDSHAKE


@final
class Replayer:
    """Replays one recording."""

    def __init__(self, client: Client, *, patience_s: float, shape: bool) -> None:
        """Replay over *client*, whose forms nobody else takes.

        Args:
            patience_s: seconds that an answer may take.
            shape: compare members and types alone.
        """
        self._client = client
        self._patience_s = patience_s
        self._shape = shape
        self._expected: dict[RequestId, tuple[str, Expected]] = {}
        self._asked: dict[RequestId, RequestId] = {}
        self.answers = 0
        self.differences: list[Difference] = []

    async def run(self, recording: Recording) -> None:
        """Send and compare everything; the result stands in `answers` and `differences`."""
        try:
            for frame in recording.frames:
                if len(self.differences) >= MAX_DIFFERENCES:
                    return
                await self._follow(frame)
        except HungUp as hung_up:
            self._differ("the connection", "open", str(hung_up))
        except trio.TooSlowError:
            self._differ("the connection", "open", f"takes nothing within {self._patience_s:g} s")
        finally:
            for request_id in self._expected:
                self._client.forget(request_id)

    async def _follow(self, frame: RecordedFrame) -> None:
        if frame.text is not None:
            if frame.is_sent:
                await self._send(frame.text)
            return
        message = classify(frame.frame)
        match message:
            case Request() if frame.is_sent:
                self._expected[message.id] = (_place(message), self._client.expect(message.id))
            case Response(id=message_id) if frame.is_sent and isinstance(frame.frame, dict):
                await self._answer(message_id, frame.frame)
                return
            case Request(method=method) if not frame.is_sent and method == FORM_METHOD:
                await self._await_form(message)
            case Response() if not frame.is_sent:
                await self._await_answer(message)
            case _:
                pass
        if frame.is_sent:
            await self._send(encode_json(frame.frame).decode())

    async def _await_answer(self, recorded: Response) -> None:
        if recorded.id is None or recorded.id not in self._expected:
            return  # the recording began between question and answer
        place, expected = self._expected.pop(recorded.id)
        self.answers += 1
        response: Response | None = None
        with trio.move_on_after(self._patience_s):
            response = await expected.wait()
            if response is None:
                raise HungUp(self._client.end_reason)
        self._client.forget(recorded.id)
        if response is None:
            self._differ(place, "answered", _NO_ANSWER)
            return
        self.differences += compare(_outcome(recorded), _outcome(response), where=place, shape=self._shape)

    async def _await_form(self, recorded: Request) -> None:
        request: Request | None = None
        with trio.move_on_after(self._patience_s):
            request = await self._client.asked.receive()
        if request is None:
            self._differ(recorded.method, "asked", "not asked")
            return
        self._asked[recorded.id] = request.id
        self.differences += compare(recorded.params, request.params, where=recorded.method, shape=self._shape)

    async def _answer(self, recorded_id: RequestId | None, recorded: JsonObject) -> None:
        # The client answers pings, and refuses what it does not have, by itself.
        if recorded_id in self._asked:
            answered: JsonObject = {**recorded, "id": self._asked[recorded_id]}
            await self._send(encode_json(answered).decode())

    async def _send(self, text: str) -> None:
        with trio.fail_after(self._patience_s):
            await self._client.send_text(text)

    def _differ(self, where: str, was: str, now: str) -> None:
        self.differences.append(Difference(where=where, was=was, now=now))


def _place(request: Request) -> str:
    name = request.params.get("name", request.params.get("uri"))
    return f"{request.method} {name}" if isinstance(name, str) else request.method


def _outcome(response: Response) -> JsonObject:
    return {"result": response.result} if response.error is None else {"error": response.error}
