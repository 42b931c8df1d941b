"""A forge of canned answers, and a context to run tools in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, final

from aegis_trio.gateway.render import fits as fits_a_reply
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest, ForgeResponse
from aegis_trio.model.identity import DEFAULT_INSTANCE, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import SILENT_PEER, LogLevel, Peer, Question
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.catalogue import TOOLS
from aegis_trio.toolsets.context import ToolContext

PRINCIPAL = Principal(
    id=PrincipalId("key:0123456789ab"),
    kind=PrincipalKind.API_KEY,
    instance=DEFAULT_INSTANCE,
    scopes=frozenset({"read:repository", "read:user"}),
    key_hint="a1b2c3d4...e1f2",
)


@final
class CannedForge:
    """Answers each request with what a function makes of it: a response to decode, or a fault to raise."""

    def __init__(self, answer: Callable[[ForgeRequest[Any]], ForgeResponse]) -> None:
        self._answer = answer
        self.asked: list[ForgeRequest[Any]] = []

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        self.asked.append(request)
        return request.decode(self._answer(request))


@final
class Listener:
    """A client that hears how far a call is, and can be asked nothing."""

    def __init__(self) -> None:
        self.reports: list[tuple[float, float | None]] = []

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        assert message, "a number alone tells a person nothing"
        self.reports.append((progress, total))

    async def log(self, level: LogLevel, data: JsonValue, logger: str | None = None) -> None:
        raise AssertionError("nothing is logged here")

    async def ask(self, questions: Mapping[str, Question]) -> Mapping[str, JsonObject]:
        raise AssertionError("nothing is asked here")


def json_answer(body: object, *, total: int | None = None, has_next: bool | None = None) -> ForgeResponse:
    """Return an answer of Gitea's."""
    return ForgeResponse(
        status=200,
        content_type="application/json",
        body=json.dumps(body).encode(),
        total=total,
        has_next=has_next,
    )


def context_for(
    forge: Forge, fits: Callable[[JsonObject], bool] = fits_a_reply, peer: Peer = SILENT_PEER
) -> ToolContext:
    """Return the context in which a tool runs as a caller of `forge`."""
    return ToolContext(principal=PRINCIPAL, forge=forge, fits=fits, peer=peer)


def tool_named(name: str) -> ToolSpec[ToolContext]:
    """Return the tool of that name."""
    return next(tool for tool in TOOLS if tool.name == name)


async def run(
    name: str, arguments: JsonObject, forge: Forge, fits: Callable[[JsonObject], bool] = fits_a_reply
) -> JsonObject:
    """Run a tool as the gateway does, and return what it replies."""
    reply = (await tool_named(name).prepare(arguments).run(context_for(forge, fits))).structured
    assert fits(reply)
    return reply
