"""The front of the public listener: every request is attributed, screened, routed, and answered whatever happens.

Laws:
    1. What a route raises before it answered becomes one answer here; afterwards the connection is ended.
    2. Every answer carries the security headers.
    3. Matching is exact: `/mcpx` is not `/mcp`, and a trailing slash is another path.

Whom it trusts: nobody; the server hands over bytes that strangers wrote.

Not here: authentication (each route asks auth/ itself, before it reads the body).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast, final

import structlog

from aegis_trio.model.asgi import Application, Headers, Message, Receive, Scope, Send
from aegis_trio.model.errors import Bug, Fault
from aegis_trio.model.identity import Origin
from aegis_trio.web.errors import HttpAnswer, fault_answer
from aegis_trio.web.forwarded import client_address
from aegis_trio.web.screen import cors_headers, screen
from aegis_trio.web.settings import WebSettings

MAX_USER_AGENT_CHARACTERS: Final = 256
# Source: OWASP secure headers project; the gate serves JSON and event streams only, so nothing may be loaded.
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")

log = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True)
class Routes:
    """Where requests go: exact (method, path) first, then the pages."""

    direct: Mapping[tuple[str, str], Application]
    pages: Application


@final
class Front:
    """The ASGI application of the public listener."""

    def __init__(self, settings: WebSettings, routes: Routes) -> None:
        self._settings = settings
        self._routes = routes
        https = settings.public_url.startswith("https://") or settings.tls_cert_file is not None
        self._security_headers = (*SECURITY_HEADERS, HSTS) if https else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it.

        Source: ASGI 3.0 HTTP connection scope.
        """
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            # There is no WebSocket route yet: an upgrade is refused before it is accepted (403).
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": None})
        else:
            raise RuntimeError("the gate's server does not speak lifespan")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = str(scope["method"]), str(scope["path"])
        headers = cast("Headers", scope["headers"])
        answer = _Answer(send, self._security_headers, bodiless=method == "HEAD")
        refusal = screen(method, path, headers, self._settings)
        if refusal is not None:
            await answer.give(refusal)
            return
        answer.extra = self._extra_headers(headers)
        scope["aegis.origin"] = self._origin(scope, headers)
        route = self._routes.direct.get((method, path), self._routes.pages)
        fault = await contained(lambda: route(scope, receive, answer.send), method, path)
        if fault is None:
            return
        if answer.started:
            # Half an answer cannot be taken back: raising makes the server reset the stream.
            raise fault
        await answer.give(fault_answer(fault))

    def _extra_headers(self, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
        origins = [value for name, value in headers if name == b"origin"]
        return (*self._security_headers, *cors_headers(origins[0])) if len(origins) == 1 else self._security_headers

    def _origin(self, scope: Scope, headers: Headers) -> Origin:
        client = cast("tuple[str, int] | None", scope.get("client"))
        address = client_address(client[0] if client else None, headers, self._settings.trusted_proxies)
        agents = [value for name, value in headers if name == b"user-agent"]
        agent = agents[0].decode("latin-1")[:MAX_USER_AGENT_CHARACTERS] if agents else None
        return Origin(address=address, user_agent=agent)


async def contained(run: Callable[[], Awaitable[None]], method: str, path: str) -> Fault | None:
    """Run a route; return the fault that ended it, a bug as a `Bug` with its incident in the log."""
    try:
        await run()
    except Fault as fault:
        return fault
    except Exception:  # the one place where a route's bug becomes an answer
        incident = str(uuid.uuid4())
        log.exception("request_failed", method=method, path=path, incident=incident)
        return Bug(incident)
    return None


@final
class _Answer:
    """The way back: adds the headers of every answer, and knows whether one has begun."""

    __slots__ = ("_bodiless", "_send", "extra", "started")

    def __init__(self, send: Send, extra: tuple[tuple[bytes, bytes], ...], *, bodiless: bool) -> None:
        self._send = send
        self._bodiless = bodiless
        self.extra = extra
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            present = cast("Headers", message.get("headers", []))
            names = {name.lower() for name, _ in present}
            message["headers"] = [*present, *(pair for pair in self.extra if pair[0] not in names)]
        await self._send(message)

    async def give(self, answer: HttpAnswer) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
        await self.send(
            {"type": "http.response.body", "body": b"" if self._bodiless else answer.body, "more_body": False}
        )
