"""A gate over a real gateway, and stories of clients that are told to it and may be interrupted anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aegis_trio.model.json import JsonObject
from aegis_trio.transports.session import SessionBody
from tests.transports.harness import Conversation, Gate, modern, notification, request
from tests.transports.real_door import WATCHED, RealDoor
from tests.transports.talking import CAN_BE_ASKED, ROOTED, YES, asked_modern, call_with, result_of, resumed

ANSWERS: Final[dict[str, JsonObject]] = {"elicitation/create": YES, "roots/list": ROOTED}
WHOLE = {"sure": YES, "roots": ROOTED}


@dataclass
class Stage:
    """A gate, its real door, and every connection that was ever made to it."""

    gate: Gate
    door: RealDoor
    connections: list[Conversation] = field(default_factory=list)

    def open(self, conversation: Conversation) -> Conversation:
        """Remember a connection."""
        self.connections.append(conversation)
        return conversation

    @property
    def sessions(self) -> list[SessionBody]:
        """Every session that lives."""
        return list(self.gate.hub._sessions.values())


Story = Callable[[Stage], Awaitable[Any]]


async def session_of(stage: Stage) -> tuple[str, str] | None:
    """Shake hands; None where that was interrupted."""
    document = request("initialize", {"protocolVersion": "2025-11-25", "capabilities": CAN_BE_ASKED, "clientInfo": {}})
    document["params"] = {**document["params"], "clientInfo": {"name": "c", "version": "1"}}  # type: ignore[dict-item]  # an object
    answer = stage.open(stage.gate.post(document))
    await answer.over.wait()
    session_id = answer.headers.get("mcp-session-id")
    return None if session_id is None else ("mcp-session-id", session_id)


async def answer_all(stage: Stage, session: tuple[str, str], stream: Conversation, seen: int = 0) -> None:
    """Answer whatever *stream* asks until it is over."""
    while await stream.brings(seen + 1):
        message = stream.messages[seen]
        seen += 1
        if message.get("method") in ANSWERS:
            stage.open(stage.gate.post(result_of(message, ANSWERS[message["method"]]), session))


def end_of(stream: Conversation) -> Any:
    """Return what the last message on *stream* says, if that is an answer."""
    return stream.messages[-1].get("result", {}).get("structuredContent") if stream.messages else None


async def call_and_answer(stage: Stage) -> Any:
    """A session's call that reports, logs and asks twice."""
    session = await session_of(stage)
    if session is None:
        return None
    stream = stage.open(stage.gate.post(call_with("work", "c", token="t"), session))
    await answer_all(stage, session, stream)
    return end_of(stream)


async def lose_and_resume(stage: Stage) -> Any:
    """The same, with a stream that breaks and is resumed, and is taken over before it is."""
    session = await session_of(stage)
    if session is None:
        return None
    stream = stage.open(stage.gate.post(call_with("work", "c", token="t"), session))
    if not await stream.brings(1):
        return None
    stream.hang_up()
    second = stage.open(resumed(stage.gate, session, stream.last_id))
    if not await second.brings(1):
        return None
    third = stage.open(resumed(stage.gate, session, second.last_id))
    asked = second.messages + third.messages
    for message in asked:
        if message.get("method") in ANSWERS:
            stage.open(stage.gate.post(result_of(message, ANSWERS[message["method"]]), session))
    await answer_all(stage, session, third)
    return end_of(third)


async def make_rounds(stage: Stage) -> Any:
    """A modern call in three rounds."""
    state: Any = None
    answers: Any = None
    for _ in range(3):
        asked = asked_modern("work", answers=answers, state=state, meta={"progressToken": 1})
        answer = stage.open(stage.gate.post(*asked))
        await answer.over.wait()
        result = answer.messages[-1].get("result") if answer.messages else None
        if result is None or "inputRequests" not in result:
            return result and result["structuredContent"]
        answers = {key: ANSWERS[question["method"]] for key, question in result["inputRequests"].items()}
        state = result["requestState"]
    return None


async def listen(stage: Stage) -> Any:
    """A modern subscription that hears of one change."""
    wanted: JsonObject = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": [WATCHED]}}
    stream = stage.open(stage.gate.post(*modern("subscriptions/listen", wanted)))
    if not await stream.brings(2):
        return None
    stream.hang_up()
    await stream.over.wait()
    return WHOLE


async def watch(stage: Stage) -> Any:
    """A session that watches, hears of one change, and watches no more."""
    session = await session_of(stage)
    if session is None:
        return None
    stream = stage.open(
        stage.gate.start(
            "GET", "/mcp", ("accept", "text/event-stream"), session, ("mcp-protocol-version", "2025-11-25")
        )
    )
    for method in ("resources/subscribe", "resources/unsubscribe"):
        answer = stage.open(stage.gate.post(request(method, {"uri": WATCHED}), session))
        await answer.over.wait()
        if method == "resources/subscribe" and not await stream.brings(1):
            return None
    stage.open(stage.gate.post(notification("notifications/cancelled", {"requestId": 1}), session))
    return WHOLE


STORIES: Final[dict[str, Story]] = {
    "a call that asks": call_and_answer,
    "a stream that is resumed": lose_and_resume,
    "a call in rounds": make_rounds,
    "a subscription": listen,
    "a watch": watch,
}
