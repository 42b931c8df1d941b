"""Calls that speak to their client, and the questions and forms that the tests of the transports use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from aegis_trio.model.call import Failure, Pending, Success, ToolOutcome, ToolReply, ToolRequest
from aegis_trio.model.errors import Fault
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel, NeedsInput, Peer, Question
from aegis_trio.protocol.ladder import META_CAPABILITIES
from tests.transports.harness import Conversation, Gate, Script, modern, request

CAN_BE_ASKED: JsonObject = {"elicitation": {}, "sampling": {}, "roots": {}}
FORM: JsonObject = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
SURE = Question("elicitation/create", {"message": "Are you sure?", "requestedSchema": FORM})
SAMPLE = Question(
    "sampling/createMessage", {"messages": [{"role": "user", "content": {"type": "text", "text": "?"}}], "maxTokens": 5}
)
ROOTS = Question("roots/list", {})
YES: JsonObject = {"action": "accept", "content": {"sure": True}}
SAMPLED: JsonObject = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
ROOTED: JsonObject = {"roots": [{"uri": "file:///a"}]}


def script_of(run: Callable[[Peer], Awaitable[JsonValue]]) -> Script:
    """Return a script that runs *run* and makes an outcome of what it returns or raises, as the gateway does."""

    async def script(_caller: Caller, asked: ToolRequest) -> ToolOutcome:
        try:
            said = await run(asked.peer)
        except NeedsInput as needs:
            return Pending(asked.correlation_id, needs.questions)
        except Fault as fault:
            return Failure(asked.correlation_id, fault)
        return Success(asked.correlation_id, ToolReply({"said": said}))

    return script


def asking(*rounds: Mapping[str, Question]) -> Script:
    """Return a script that asks each of *rounds*, one after the other, and answers with all answers."""

    async def run(peer: Peer) -> JsonValue:
        answers: JsonObject = {}
        for questions in rounds:
            answers |= dict(await peer.ask(questions))
        return answers

    return script_of(run)


def logging(*pauses_s: float) -> Script:
    """Return a script that logs 0, 1, 2 … and waits after each as long as *pauses_s* says."""

    async def run(peer: Peer) -> JsonValue:
        for number, pause_s in enumerate(pauses_s):
            await peer.log(LogLevel.INFO, number)
            if pause_s:
                await trio.sleep(pause_s)
        return len(pauses_s)

    return script_of(run)


def said(messages: list[Any]) -> list[Any]:
    """Return what each message says: the data of a log message, or the id of an answer in brackets."""
    return [one["params"]["data"] if "method" in one else [one["id"]] for one in messages]


def call_with(tool: str, request_id: JsonValue = 1, *, token: JsonValue = None, **arguments: JsonValue) -> JsonObject:
    """Return a legacy call, with a progress token where one is given."""
    meta: JsonObject = {} if token is None else {"_meta": {"progressToken": token}}
    return request("tools/call", {"name": tool, "arguments": arguments, **meta}, request_id)


def result_of(question: Any, result: JsonObject) -> JsonObject:
    """Return a client's answer to a request of the server."""
    return {"jsonrpc": "2.0", "id": question["id"], "result": result}


def error_of(question: Any, code: int = -1) -> JsonObject:
    """Return a client's refusal of a request of the server."""
    return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": code, "message": "no"}}


async def heard(conversation: Conversation, count: int) -> list[Any]:
    """Wait until *conversation* has brought *count* messages; return them."""
    await conversation.wait_for(lambda: len(conversation.messages) >= count)
    return conversation.messages


async def lost(conversation: Conversation) -> str:
    """Hang up, wait until the gate has noticed, and return the last id that came."""
    conversation.hang_up()
    await conversation.over.wait()
    return conversation.last_id


def resumed(gate: Gate, session: tuple[str, str], event_id: str, **more: Any) -> Conversation:
    """Come back to a stream behind the event *event_id*."""
    return gate.start("GET", "/mcp", ("accept", "text/event-stream"), session, ("last-event-id", event_id), **more)


def asked_modern(
    tool: str,
    *,
    answers: JsonValue = None,
    state: JsonValue = None,
    capabilities: JsonObject | None = None,
    meta: JsonObject | None = None,
    **arguments: JsonValue,
) -> tuple[JsonObject, *tuple[tuple[str, str], ...]]:
    """Return a modern call, perhaps one that is made again with answers and a state."""
    params: JsonObject = {"name": tool, "arguments": arguments}
    if answers is not None:
        params["inputResponses"] = answers
    if state is not None:
        params["requestState"] = state
    said_of_it: JsonObject = {META_CAPABILITIES: CAN_BE_ASKED if capabilities is None else capabilities}
    document, *headers = modern("tools/call", params, meta={**said_of_it, **(meta or {})})
    return (document, *headers, ("mcp-name", tool))
