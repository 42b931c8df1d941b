"""The Quart-Trio app: health pages and plain REST. Everything else of the public listener is plain ASGI.

Laws:
    1. Health pages need no credential, hold no secret, and say nothing about dependencies.
    2. REST reaches tools through the gateway only, with the same authentication as every other way in.
    3. Nothing that matters runs as a background task of Quart's: the supervisor owns every lifetime.

Not here: rendering of faults that escape (web/front.py).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, cast, final

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.settings import AuthSettings
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gateway.render import rest_body, tool_definition
from aegis_trio.model.asgi import Scope
from aegis_trio.model.call import Failure, ToolOutcome, ToolRequest, Transport, new_correlation_id
from aegis_trio.model.errors import ClientFault, Fault, InvalidArgument, Unauthenticated
from aegis_trio.model.fault_rows import row_of
from aegis_trio.model.identity import Caller, OwnerId
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.transports.credentials import caller_of
from aegis_trio.web.errors import HttpAnswer, json_answer, plain_answer
from aegis_trio.web.screen import MAX_BODY_BYTES

BODY_DEADLINE_S: Final = 10.0  # a 4 MB body on a slow line; stops the drip
_ADVICE: Final = frozenset({b"www-authenticate", b"retry-after"})
_CALL_EXAMPLE: Final[JsonObject] = {"tool": "list_repositories", "arguments": {}}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What the pages show and call."""

    public_url: str
    auth: AuthSettings
    gateway: Gateway
    authenticator: Authenticator
    request_of: Callable[[OwnerId], AbstractContextManager[trio.CancelScope]]
    """Holds a principal's request; the end of its access cancels the scope."""
    answer_of: Callable[[str, Fault], HttpAnswer]
    """Gives a fault as the answer of a path, with the challenge of this deployment."""
    unready: Callable[[], tuple[str, ...]]
    """Codes of the reasons why the gate is not ready; empty when it is."""


def build_app(pages: Pages) -> QuartTrio:
    """Return the app; it is driven as a plain ASGI callable and has no lifespan."""
    app = QuartTrio("aegis_trio")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_DEADLINE_S
    app.config["PROPAGATE_EXCEPTIONS"] = True  # bugs are rendered by web/front.py, in one place

    @app.get("/")
    async def index() -> Response:
        return _response(
            json_answer(200, {"name": "aegis-trio", "mcp": f"{pages.public_url}/mcp", "health": "/healthz"})
        )

    @app.get("/health")
    @app.get("/healthz")
    async def alive() -> Response:
        return _response(json_answer(200, {"status": "ok"}))

    @app.get("/readyz")
    async def ready() -> Response:
        reasons = pages.unready()
        if reasons:
            return _response(json_answer(503, {"status": "not_ready", "reasons": list(reasons)}))
        return _response(json_answer(200, {"status": "ready"}))

    @app.get("/mcp/tools")
    async def list_tools() -> Response:
        if pages.auth.public_tool_list and not _has_credential(pages):
            specs = pages.gateway.directory.public_tools()
        else:
            specs = pages.gateway.directory.tools_for(await _caller(pages))
        return _response(json_answer(200, {"tools": [tool_definition(spec) for spec in specs]}))

    @app.post("/mcp/tool/call")
    async def call_tool() -> Response:
        caller = await _caller(pages)
        content_type = (request.mimetype or "").lower()
        if content_type != "application/json":
            return _response(plain_answer(415, "unsupported_media_type", "Send the body as application/json."))
        tool_request = parse_call(cast("bytes", await request.get_data(as_text=False)))
        outcome = await _call(pages, caller, tool_request)
        return _response(_answer_to_call(pages, request.path, outcome))

    @app.errorhandler(Fault)
    async def refused(fault: Fault) -> Response:
        return _response(pages.answer_of(request.path, fault))

    @app.errorhandler(HTTPException)
    async def http_error(error: HTTPException) -> Response:
        # Source: quart raises 413 for a body above MAX_CONTENT_LENGTH and 408 for one that takes too long.
        status = error.code or 500
        return _response(plain_answer(status, error.name.lower().replace(" ", "_"), error.description or error.name))

    return app


def _answer_to_call(pages: Pages, path: str, outcome: ToolOutcome) -> HttpAnswer:
    if not isinstance(outcome, Failure):
        return json_answer(200, rest_body(outcome))
    fault = outcome.fault
    # The body is a call's, with its correlation id; the challenge is the one that this fault has everywhere.
    advice = (pair for pair in pages.answer_of(path, fault).headers if pair[0] in _ADVICE)
    return json_answer(row_of(fault).http_status, rest_body(outcome), *advice)


def parse_call(raw_body: bytes) -> ToolRequest:
    """Make a tool request from the body of `POST /mcp/tool/call`.

    Raises:
        ClientFault: not JSON as the gate reads it.
        InvalidArgument: not an object, `tool` missing or no string, `arguments` no object, or a member too many.
    """
    document = read_json(raw_body)
    if isinstance(document, Refusal):
        raise ClientFault(document.message, "Send one JSON object.")
    if not isinstance(document, dict):
        raise InvalidArgument("body", "is not a JSON object", "Send the tool's name and its arguments.", _CALL_EXAMPLE)
    tool = document.get("tool")
    if not isinstance(tool, str):
        raise InvalidArgument("tool", "is missing or no string", "Name a tool of GET /mcp/tools.", _CALL_EXAMPLE)
    arguments = document.get("arguments", {})
    if not isinstance(arguments, dict):
        raise InvalidArgument("arguments", "is not an object", "Send the tool's arguments by name.", _CALL_EXAMPLE)
    unknown = sorted(set(document) - {"tool", "arguments"})
    if unknown:
        raise InvalidArgument(unknown[0][:64], "is not known here", "Send tool and arguments only.", _CALL_EXAMPLE)
    return ToolRequest(
        tool=tool, raw_arguments=arguments, transport=Transport.REST, correlation_id=new_correlation_id()
    )


async def _call(pages: Pages, caller: Caller, tool_request: ToolRequest) -> ToolOutcome:
    with pages.request_of(caller.principal.owner):
        return await pages.gateway.call(caller, tool_request)
    # Reached only when the scope was cancelled: the principal's access has ended.
    raise Unauthenticated("Invalid API key", "This credential was removed while the call ran.", token_sent=True)


async def _caller(pages: Pages) -> Caller:
    scope: Scope = request.scope  # type: ignore[assignment]  # hypercorn's TypedDict is a mapping of str
    return await caller_of(pages.authenticator, scope, allow_query=pages.auth.allow_query_key)


def _has_credential(pages: Pages) -> bool:
    headers = request.headers
    by_query = pages.auth.allow_query_key and "api_key" in request.args
    return "Authorization" in headers or "X-API-Key" in headers or by_query


def _response(answer: HttpAnswer) -> Response:
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in answer.headers}
    return Response(answer.body, status=answer.status, headers=headers)
