"""An upgrade to WebSocket is a request like every other until it is accepted, and says nothing of us afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
import structlog
import trio
import trio_websocket

from aegis_trio.model.asgi import Application, Headers, Message, Receive, Scope, Send
from aegis_trio.model.errors import Bug, Fault, InsufficientScope, NotFound, RateLimited, Unauthenticated
from aegis_trio.model.identity import Origin
from aegis_trio.web.challenges import Challenges, plain_fault
from aegis_trio.web.errors import HttpAnswer
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.settings import WebSettings
from tests.serving import Served, open_server


class Attempt:
    """One upgrade, driven by hand."""

    def __init__(self, path: str = "/mcp/ws", host: bytes = b"localhost", headers: Headers | None = None) -> None:
        self.scope: Scope = {
            "type": "websocket",
            "path": path,
            "headers": [(b"host", host), *(headers or [])],
            "client": ("192.0.2.1", 4711),
        }
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "websocket.connect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def run(
        self,
        route: Application | None,
        settings: WebSettings | None = None,
        answer_of: Callable[[str, Fault], HttpAnswer] = plain_fault,
    ) -> None:
        sockets = {} if route is None else {"/mcp/ws": route}
        routes = Routes({}, _nobody, sockets, answer_of=answer_of)
        await Front(settings or WebSettings(), routes)(self.scope, self.receive, self.send)

    @property
    def answer(self) -> tuple[object, dict[bytes, bytes], dict[str, object]]:
        """Status, headers and body of the HTTP answer that came instead of the upgrade."""
        start, body = self.sent
        assert ["websocket.http.response.start", "websocket.http.response.body"] == [start["type"], body["type"]]
        return (
            start["status"],
            dict(cast("Headers", start["headers"])),
            cast("dict[str, object]", json.loads(cast("bytes", body["body"]))),
        )


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no route may be asked")


def _raising(fault: Exception, *before: Message) -> Application:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        for message in before:
            await send(dict(message))
        raise fault

    return route


async def test_a_path_that_is_not_there_is_404_before_any_upgrade() -> None:
    """Also the transport that is switched off: it is not to be seen. Matching is exact, and HTTP's paths are others."""
    for attempt, route in ((Attempt(), None), (Attempt("/mcp/ws/"), _nobody), (Attempt("/mcp"), _nobody)):
        await attempt.run(route)
        status, headers, body = attempt.answer
        assert (404, "not_found") == (status, body["error"])
        assert b"nosniff" == headers[b"x-content-type-options"]


@pytest.mark.parametrize(
    ("host", "origins", "status"),
    [
        (b"evil.example", [], 421),
        (b"localhost", [b"http://evil.example"], 403),
        (b"localhost", [b"null"], 403),
        (b"localhost", [b"http://localhost", b"http://localhost"], 403),
        (b"evil.example", [b"http://localhost"], 421),
    ],
)
async def test_hosts_and_origins_are_screened_as_for_requests(host: bytes, origins: list[bytes], status: int) -> None:
    """A browser lets any page open a WebSocket to any host and asks nobody first: this screen is all there is."""
    attempt = Attempt(host=host, headers=[(b"origin", origin) for origin in origins])
    await attempt.run(_nobody)
    assert status == attempt.answer[0]


@pytest.mark.parametrize("origins", [[], [b"http://localhost:3000"]])
async def test_a_route_gets_the_origin_of_an_upgrade(origins: list[bytes]) -> None:
    """Limits and the audit trail attribute a socket as they do a request; without Origin it is no browser's."""
    seen: list[object] = []

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["aegis.origin"])
        await send({"type": "websocket.accept"})

    headers = [(b"user-agent", b"probe"), *((b"origin", origin) for origin in origins)]
    attempt = Attempt(headers=headers)
    await attempt.run(route)
    assert [Origin(address="192.0.2.1", user_agent="probe")] == seen
    assert [{"type": "websocket.accept"}] == attempt.sent


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        (Unauthenticated("No."), 401, 'scope="read:repository"'),
        (Unauthenticated("No.", token_sent=True), 401, 'error="invalid_token"'),
        (InsufficientScope("No.", scopes=("read:user",)), 403, 'error="insufficient_scope", scope="read:user"'),
    ],
    ids=["nobody", "a dead token", "a small token"],
)
async def test_where_people_sign_in_a_refused_upgrade_says_where(fault: Fault, status: int, says: str) -> None:
    """RFC 9728 section 5.1: a client finds its way from any protected path; this one is no exception."""
    attempt = Attempt(host=b"gate.example")
    settings = WebSettings(public_url="https://gate.example", allowed_hosts=frozenset({"gate.example"}))
    await attempt.run(_raising(fault), settings, Challenges("https://gate.example").answer_of)

    answered, headers, _ = attempt.answer
    assert status == answered
    challenge = headers[b"www-authenticate"].decode()
    assert 'resource_metadata="https://gate.example/.well-known/oauth-protected-resource"' in challenge
    assert says in challenge


async def test_a_fault_before_the_upgrade_is_the_answer() -> None:
    """A client without a key must see the challenge, not a socket that opens and closes."""
    attempt = Attempt()
    await attempt.run(_raising(Unauthenticated("Invalid API key")))
    status, headers, body = attempt.answer
    assert (401, "Invalid API key") == (status, body["message"])
    assert b"Bearer" == headers[b"www-authenticate"]

    attempt = Attempt()
    await attempt.run(_raising(RateLimited("Too many", retry_after_s=7)))
    assert (429, b"7") == (attempt.answer[0], attempt.answer[1][b"retry-after"])


async def test_a_bug_before_the_upgrade_shows_an_incident_and_nothing_else() -> None:
    """As for requests."""
    attempt = Attempt()
    with structlog.testing.capture_logs() as logged:
        await attempt.run(_raising(ZeroDivisionError("secret detail")))
    status, _, body = attempt.answer
    assert 500 == status
    assert "secret" not in str(body)
    assert logged[0]["incident"] in str(body)


async def test_a_bare_close_before_the_upgrade_is_a_whole_answer() -> None:
    """Every answer of the gate carries the security headers and a body that says something."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 1008})

    attempt = Attempt()
    await attempt.run(route, WebSettings(public_url="https://localhost"))
    status, headers, body = attempt.answer
    assert (403, "refused") == (status, body["error"])
    assert b"strict-transport-security" in headers


@pytest.mark.parametrize("fault", [NotFound("secret"), ZeroDivisionError("secret")], ids=["fault", "bug"])
async def test_what_breaks_an_open_socket_closes_it_with_1011_and_is_logged(fault: Exception) -> None:
    """Nobody can read an answer there; the operator finds the incident."""
    attempt = Attempt()
    with structlog.testing.capture_logs() as logged:
        await attempt.run(_raising(fault, {"type": "websocket.accept"}))
    assert {"type": "websocket.close", "code": 1011, "reason": None} == attempt.sent[1]
    assert 1 == len(logged)
    assert logged[0]["incident"]
    assert "/mcp/ws" == logged[0]["path"]


async def test_a_fault_after_half_an_answer_ends_the_connection() -> None:
    """Half an answer cannot be taken back."""
    attempt = Attempt()
    with pytest.raises(Bug):
        await attempt.run(
            _raising(ZeroDivisionError(), {"type": "websocket.http.response.start", "status": 401, "headers": []})
        )
    assert 1 == len(attempt.sent)


# ------------------------------------------------------------------------------------------ through the server


@asynccontextmanager
async def _serve(route: Application | None) -> AsyncGenerator[Served]:
    sockets = {} if route is None else {"/mcp/ws": route}
    async with open_server(Front(WebSettings(), Routes({}, _nobody, sockets))) as served:
        yield served


async def _ask(served: Served, *fields: bytes, upgrade: bool = True) -> bytes:
    """Send a request for the socket, and return everything that comes back."""
    wants = (b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-version: 13") if upgrade else ()
    key = (b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",) if upgrade else (b"connection: close",)
    stream = await trio.open_tcp_stream(served.host, served.port)
    async with stream:
        await stream.send_all(
            b"\r\n".join((b"GET /mcp/ws HTTP/1.1", b"host: localhost", *wants, *key, *fields, b"", b""))
        )
        with trio.fail_after(60):
            return b"".join([data async for data in stream])


@pytest.mark.sockets
async def test_refusals_leave_as_http_and_end_their_connection() -> None:
    """What the front decides is what a client sees, whole and once."""
    cases: list[tuple[Callable[[], Application | None], tuple[bytes, ...], bytes]] = [
        (lambda: None, (), b"404"),
        (lambda: _nobody, (b"origin: http://evil.example",), b"403"),
        (lambda: _raising(Unauthenticated("Invalid API key")), (), b"401"),
    ]
    for make_route, fields, status in cases:
        async with _serve(make_route()) as served:
            answer = await _ask(served, *fields)
            assert answer.startswith(b"HTTP/1.1 %s " % status)
            assert b"\r\nconnection: close\r\n" in answer
            assert answer.endswith(b"}")


@pytest.mark.sockets
async def test_a_plain_request_for_a_socket_is_told_to_upgrade() -> None:
    """Whoever opens the address in a browser sees what it is; where the transport is off, it sees 404."""
    async with _serve(_nobody) as served:
        answer = await _ask(served, upgrade=False)
        assert answer.startswith(b"HTTP/1.1 426 ")
        assert b"\r\nupgrade: websocket\r\n" in answer
        assert (await _ask(served, b"origin: http://evil.example", upgrade=False)).startswith(b"HTTP/1.1 403 ")
    async with _serve(None) as served:
        assert (await _ask(served, upgrade=False)).startswith(b"HTTP/1.1 404 ")


@pytest.mark.sockets
async def test_an_open_socket_speaks_with_its_route_until_it_breaks() -> None:
    """Every layer below the transport at once."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})
        raise NotFound("secret")

    async with _serve(route) as served:
        stream = await trio.open_tcp_stream(served.host, served.port)
        async with stream, trio.open_nursery() as nursery:
            socket = await trio_websocket.wrap_client_stream(nursery, stream, "localhost", "/mcp/ws")
            await socket.send_message("hello")
            assert "hello" == await socket.get_message()
            with pytest.raises(trio_websocket.ConnectionClosed) as closed:
                await socket.get_message()
            assert 1011 == closed.value.reason.code  # type: ignore[union-attr] # it has one
            assert not closed.value.reason.reason  # type: ignore[union-attr] # the same
