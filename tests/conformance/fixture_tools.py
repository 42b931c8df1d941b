"""The fixture tools of the conformance suite; what each must do stands in FIXTURES.md.

They are tools like the product's own: values that reach the client through the gateway alone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import MissingCapability
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel, Question
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.protocol.answers import ELICIT, LIST_ROOTS, SAMPLE
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.subscriptions import ListName

Handler = Callable[[ToolContext, JsonObject], Awaitable[ToolReply]]
Announce = Callable[[ListName], None]

PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV: Final = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
IMAGE: Final[JsonObject] = {"type": "image", "data": PNG, "mimeType": "image/png"}
EMPTY: Final[JsonObject] = {"type": "object", "properties": {}}
PAUSE_S: Final = 0.05


def fixture_operation(name: str, handler: Handler, schema: JsonObject = EMPTY) -> ToolSpec[ToolContext]:
    """Return an operation whose arguments are taken as they come."""

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        async def run(context: ToolContext) -> ToolReply:
            return await handler(context, raw_arguments)

        return PreparedCall({}, run)

    return ToolSpec(
        name=name,
        title=name,
        description=f"A fixture of the conformance suite: {name}.",
        toolset=Toolset.SERVER,
        risk=Risk.READ,
        cost=CostClass.CHEAP,
        timeout_s=30.0,
        scopes=frozenset(),
        gitea_scopes=frozenset(),
        input_schema=schema,
        example={},
        prepare=prepare,
        idempotent=True,
        open_world=False,
    )


def text(said: str) -> JsonObject:
    """Return a block of text."""
    return {"type": "text", "text": said}


def embedded(uri: str, kind: str, said: str) -> JsonObject:
    """Return a block with a resource in it."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": said}}


def answering(*content: JsonObject, is_error: bool = False) -> Handler:
    """Return a handler that always answers the same."""

    async def handler(_context: ToolContext, _arguments: JsonObject) -> ToolReply:
        await trio.lowlevel.checkpoint()
        return ToolReply(content=content, is_error=is_error)

    return handler


def object_schema(**properties: JsonValue) -> JsonObject:
    """Return a schema in which every property is required."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def form(message: str, schema: JsonObject) -> Question:
    """Return the question that shows a form."""
    return Question(ELICIT, {"mode": "form", "message": message, "requestedSchema": schema})


def sampling(prompt: str, max_tokens: int) -> Question:
    """Return the question for a model."""
    message: JsonObject = {"role": "user", "content": text(prompt)}
    return Question(SAMPLE, {"messages": [message], "maxTokens": max_tokens})


def sampled(answer: JsonObject) -> str:
    """Return what a model said."""
    content = answer["content"]
    block = content[0] if isinstance(content, list) else content
    assert isinstance(block, dict)
    return str(block["text"])


def filled(answer: JsonObject, field: str) -> str:
    """Return one field of a form that was filled in."""
    content = answer.get("content")
    return str(content.get(field)) if isinstance(content, dict) else "nobody"


ROOTS: Final = Question(LIST_ROOTS, {})
NAME: Final = form("What is your name?", object_schema(name={"type": "string"}))


async def with_progress(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Report three steps."""
    for progress in (0, 50, 100):
        await context.peer.report(progress, 100)
        await trio.sleep(PAUSE_S)
    return ToolReply(content=(text("Done."),))


async def with_logging(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Say three things."""
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.peer.log(LogLevel.INFO, said)
        await trio.sleep(PAUSE_S)
    return ToolReply(content=(text("Logged."),))


async def log_once(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Say one thing, if anybody wants to hear it."""
    await context.peer.log(LogLevel.INFO, "A message of the logging tool")
    return ToolReply(content=(text("Logged."),))


async def sample(context: ToolContext, arguments: JsonObject) -> ToolReply:
    """Ask the client's model."""
    answers = await context.peer.ask({"sample": sampling(str(arguments.get("prompt")), 100)})
    return ToolReply(content=(text(f"LLM response: {sampled(answers['sample'])}"),))


def eliciting(message: str | None, schema: JsonObject, words: str) -> Handler:
    """Return a handler that shows one form and repeats what was filled in."""

    async def handler(context: ToolContext, arguments: JsonObject) -> ToolReply:
        shown = message if message is not None else str(arguments.get("message"))
        answer = (await context.peer.ask({"form": form(shown, schema)}))["form"]
        content = json.dumps(answer.get("content"))
        return ToolReply(content=(text(f"{words}: action={answer['action']}, content={content}"),))

    return handler


async def need_sampling(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask a model, or fail for the want of one."""
    await context.peer.ask({"sample": sampling("Is anybody there?", 10)})
    return ToolReply(content=(text("Somebody is there."),))


async def greet(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask for a name."""
    answers = await context.peer.ask({"user_name": NAME})
    return ToolReply(content=(text(f"Hello, {filled(answers['user_name'], 'name')}!"),))


async def ask_capital(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask a model."""
    answers = await context.peer.ask({"capital_question": sampling("What is the capital of France?", 100)})
    return ToolReply(content=(text(sampled(answers["capital_question"])),))


async def ask_roots(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask where the client works."""
    answers = await context.peer.ask({"client_roots": ROOTS})
    return ToolReply(content=(text(f"Roots: {json.dumps(answers['client_roots']['roots'])}"),))


async def confirm(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask whether it is all right."""
    answers = await context.peer.ask({"confirm": form("Please confirm", object_schema(ok={"type": "boolean"}))})
    return ToolReply(content=(text(f"state-ok: {filled(answers['confirm'], 'ok')}"),))


async def ask_everything(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask three things at once."""
    answers = await context.peer.ask(
        {"user_name": NAME, "greeting": sampling("Generate a greeting", 50), "client_roots": ROOTS}
    )
    return ToolReply(content=(text(f"{sampled(answers['greeting'])}, {filled(answers['user_name'], 'name')}"),))


async def ask_twice(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask one thing, then another."""
    first = form("Step 1: What is your name?", object_schema(name={"type": "string"}))
    name = filled((await context.peer.ask({"step1": first}))["step1"], "name")
    second = form("Step 2: What is your favorite color?", object_schema(color={"type": "string"}))
    color = filled((await context.peer.ask({"step2": second}))["step2"], "color")
    return ToolReply(content=(text(f"{name} likes {color}."),))


async def ask_what_can_be_asked(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask a model where there is one, else the person, else nobody."""
    for question in (sampling("Say something.", 10), NAME, ROOTS):
        try:
            await context.peer.ask({"anything": question})
        except MissingCapability:
            continue
        break
    return ToolReply(content=(text("Asked what could be asked."),))


async def stream_elicitation(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    """Ask in the middle of a stream."""
    await context.peer.ask({"user_name": NAME})
    return ToolReply(content=(text("Thank you."),))


def announcing(name: ListName, announce: Announce) -> Handler:
    """Return a handler that says that a list changed."""

    async def handler(_context: ToolContext, _arguments: JsonObject) -> ToolReply:
        await trio.lowlevel.checkpoint()
        announce(name)
        return ToolReply(content=(text(f"{name.value} changed."),))

    return handler
