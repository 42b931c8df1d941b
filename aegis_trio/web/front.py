"""The front of the public listener: every request is attributed, screened, routed, and answered whatever happens.

An upgrade to WebSocket is a request like every other until its route accepts it.

Laws:
    1. What a route raises before it answered becomes one answer here; afterwards the connection is ended.
    2. Every answer carries the security headers.
    3. Matching is exact: `/mcpx` is not `/mcp`, and a trailing slash is another path.
    4. What a route raises while its WebSocket is open closes it with 1011 and not a word more.
    5. What an address has under way ends when the operator blocks it: a stream breaks off, and what was not answered
       yet is refused.

Whom it trusts: nobody; the server hands over bytes that strangers wrote.

Not here: authentication (each route asks auth/ itself, before it reads the body).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast, final

from aegis_trio.model.asgi import Application, Headers, Message, Receive, Scope, Send
from aegis_trio.model.errors import Fault, NotReady
from aegis_trio.model.identity import Origin, Principal
from aegis_trio.policy.quotas import Quota
from aegis_trio.telemetry.correlation import under_request
from aegis_trio.transports.credentials import PRINCIPAL
from aegis_trio.transports.ongoing import Ongoing
from aegis_trio.web.challenges import plain_fault
from aegis_trio.web.containment import contained
from aegis_trio.web.errors import HttpAnswer, plain_answer
from aegis_trio.web.forwarded import client_address
from aegis_trio.web.quota_fields import quota_fields
from aegis_trio.web.screen import HEALTH_PATHS, Place, cors_of, place_at, screen, screen_upgrade
from aegis_trio.web.settings import WebSettings
from aegis_trio.web.upgrade import Upgrade, end_socket

MAX_USER_AGENT_CHARACTERS: Final = 256
# Source: OWASP secure headers project; the gate serves JSON and event streams only, so nothing may be loaded.
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_UPGRADE_REQUIRED: Final = plain_answer(
    426,
    "upgrade_required",
    "This path speaks WebSocket only. The MCP endpoint is /mcp.",
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
)
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def _no_quotas(_principal: Principal) -> tuple[Quota, ...]:
    return ()


def _admits_everybody(_origin: Origin) -> Fault | None:
    return None


@final
@dataclass(frozen=True, slots=True)
class Routes:
    """Where requests go: exact (method, path) first, then the pages; WebSockets by their path alone."""

    direct: Mapping[tuple[str, str], Application]
    pages: Application
    sockets: Mapping[str, Application] = field(default_factory=dict[str, Application])
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """Paths that are there beside those of every deployment."""
    answer_of: Callable[[str, Fault], HttpAnswer] = plain_fault
    """Gives a fault as the answer of a path, with the challenge of this deployment."""
    quotas_of: Callable[[Principal], Sequence[Quota]] = _no_quotas
    """What is left for whoever sent an authenticated request."""
    refusal_of: Callable[[Origin], Fault | None] = _admits_everybody
    """Why an address is served nothing at all but health checks, or None."""


@final
class Front:
    """The ASGI application of the public listener."""

    def __init__(self, settings: WebSettings, routes: Routes) -> None:
        self._settings = settings
        self._routes = routes
        self._ongoing = Ongoing[str]()
        https = settings.public_url.startswith("https://") or settings.tls_cert_file is not None
        self._security_headers = (*SECURITY_HEADERS, HSTS) if https else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it.

        Source: ASGI 3.0 HTTP and WebSocket connection scopes.
        """
        if scope["type"] == "http":
            with under_request(cast("Headers", scope["headers"])):
                await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._upgrade(scope, receive, send)
        else:
            raise RuntimeError("the gate's server does not speak lifespan")

    def end_blocked(self, is_blocked: Callable[[str], bool]) -> int:
        """End what the addresses that *is_blocked* names have under way; return how many requests that were."""
        return self._ongoing.end(is_blocked)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = str(scope["method"]), str(scope["path"])
        headers = cast("Headers", scope["headers"])
        answer = _Answer(send, self._security_headers, bodiless=method == "HEAD")
        refusal: HttpAnswer | None
        if path in self._routes.sockets:
            refusal = screen_upgrade(path, headers, self._settings, self._routes.sockets) or _UPGRADE_REQUIRED
        else:
            refusal = screen(method, path, headers, self._settings, self._routes.places)
        if refusal is not None:
            await answer.give(refusal)
            return
        answer.extra = self._extra_headers(path, headers)
        answer.quota_fields = partial(self._quota_fields, scope)
        scope["aegis.origin"] = origin = self._origin(scope, headers)
        route = self._routes.direct.get((method, path), self._routes.pages)
        fault = None if path in HEALTH_PATHS else self._routes.refusal_of(origin)
        if fault is None:
            with self._ongoing.under_way(origin.address) as under_way:
                fault = await contained(lambda: route(scope, receive, answer.send), method, path)
            if under_way.cancelled_caught:
                # An answer that has begun and does not end breaks off: the server sees to that, and it is no bug.
                fault = None if answer.started else self._cut(origin)
        if fault is None:
            return
        if answer.started:
            # Half an answer cannot be taken back: raising makes the server reset the stream.
            raise fault
        await answer.give(self._routes.answer_of(path, fault))

    async def _upgrade(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, headers = str(scope["path"]), cast("Headers", scope["headers"])
        upgrade = Upgrade(send, self._security_headers)
        refusal = screen_upgrade(path, headers, self._settings, self._routes.sockets)
        if refusal is not None:
            await upgrade.refuse(refusal)
            return
        scope["aegis.origin"] = origin = self._origin(scope, headers)
        route = self._routes.sockets[path]
        fault = self._routes.refusal_of(origin)
        if fault is None:
            with self._ongoing.under_way(origin.address) as under_way:
                fault = await contained(lambda: route(scope, receive, upgrade.send), "WEBSOCKET", path)
            if under_way.cancelled_caught:
                fault = self._cut(origin)
        if fault is not None:
            await end_socket(upgrade, fault, path, self._routes.answer_of)

    def _cut(self, origin: Origin) -> Fault:
        # Unblocked again in the same moment, it may simply ask anew.
        return self._routes.refusal_of(origin) or NotReady("This request was broken off.", "Send it again.")

    def _extra_headers(self, path: str, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
        return (*self._security_headers, *cors_of(place_at(path, self._routes.places), headers))

    def _quota_fields(self, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
        """Return what an answer says of its caller's quota at the moment in which it begins."""
        principal = scope.get(PRINCIPAL)
        return quota_fields(self._routes.quotas_of(principal)) if isinstance(principal, Principal) else ()

    def _origin(self, scope: Scope, headers: Headers) -> Origin:
        client = cast("tuple[str, int] | None", scope.get("client"))
        address = client_address(client[0] if client else None, headers, self._settings.trusted_proxies)
        agents = [value for name, value in headers if name == b"user-agent"]
        agent = agents[0].decode("latin-1")[:MAX_USER_AGENT_CHARACTERS] if agents else None
        return Origin(address=address, user_agent=agent)


@final
class _Answer:
    """The way back: adds the headers of every answer, and knows whether one has begun."""

    __slots__ = ("_bodiless", "_send", "extra", "quota_fields", "started")

    def __init__(self, send: Send, extra: tuple[tuple[bytes, bytes], ...], *, bodiless: bool) -> None:
        self._send = send
        self._bodiless = bodiless
        self.extra = extra
        self.quota_fields: Callable[[], tuple[tuple[bytes, bytes], ...]] = tuple
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            present = cast("Headers", message.get("headers", []))
            names = {name.lower() for name, _ in present}
            more = (*self.extra, *self.quota_fields())
            message["headers"] = [*present, *(pair for pair in more if pair[0] not in names)]
        await self._send(message)

    async def give(self, answer: HttpAnswer) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
        await self.send(
            {"type": "http.response.body", "body": b"" if self._bodiless else answer.body, "more_body": False}
        )
