"""Every request gets exactly one answer, whatever its route does."""

from __future__ import annotations

import json
from typing import cast

import pytest
import structlog
import trio

from aegis_trio.model.asgi import Headers, Message, Receive, Scope, Send
from aegis_trio.model.errors import AddressBlocked, Bug, Fault, NotFound
from aegis_trio.model.identity import Origin
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.settings import WebSettings


class Exchange:
    """One request, driven by hand."""

    def __init__(self, method: str = "GET", path: str = "/healthz", headers: Headers | None = None) -> None:
        self.scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(b"host", b"localhost"), *(headers or [])],
            "client": ("192.0.2.1", 4711),
        }
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def run(self, front: Front) -> None:
        await front(self.scope, self.receive, self.send)

    @property
    def status(self) -> object:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(cast("Headers", self.sent[0]["headers"]))

    @property
    def body(self) -> bytes:
        return b"".join(cast("bytes", message.get("body", b"")) for message in self.sent[1:])


async def _greet(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"SAMEORIGIN")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def _forbidden_place(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the pages must not be asked")


async def test_a_route_is_chosen_by_method_and_path() -> None:
    """Direct routes come first; everything else is the pages'."""
    direct = Front(WebSettings(), Routes({("POST", "/mcp"): _greet}, _forbidden_place))
    exchange = Exchange("POST", "/mcp")
    await exchange.run(direct)
    assert (200, b"hello") == (exchange.status, exchange.body)

    pages = Exchange("GET", "/healthz")
    await pages.run(Front(WebSettings(), Routes({("POST", "/mcp"): _forbidden_place}, _greet)))
    assert 200 == pages.status


async def test_every_answer_carries_the_security_headers_once() -> None:
    """A route's own value stands; what it leaves out is added."""
    exchange = Exchange()
    await exchange.run(Front(WebSettings(), Routes({}, _greet)))
    names = [name for name, _ in cast("Headers", exchange.sent[0]["headers"])]
    assert 1 == names.count(b"x-frame-options")
    assert b"SAMEORIGIN" == exchange.headers[b"x-frame-options"]
    assert b"nosniff" == exchange.headers[b"x-content-type-options"]
    assert b"strict-transport-security" not in exchange.headers


async def test_https_deployments_pin_https() -> None:
    """HSTS only where the public URL is https: it would lock out a plain one."""
    exchange = Exchange()
    await exchange.run(Front(WebSettings(public_url="https://localhost"), Routes({}, _greet)))
    assert b"strict-transport-security" in exchange.headers


async def test_an_allowed_page_may_read_the_answer_and_a_refused_one_may_not() -> None:
    """CORS headers stand only on answers to allowed origins."""
    front = Front(WebSettings(), Routes({}, _greet))
    allowed = Exchange(headers=[(b"origin", b"http://localhost:1")])
    await allowed.run(front)
    assert b"http://localhost:1" == allowed.headers[b"access-control-allow-origin"]
    refused = Exchange(headers=[(b"origin", b"http://evil.example")])
    await refused.run(front)
    assert 403 == refused.status
    assert b"access-control-allow-origin" not in refused.headers


async def test_a_request_is_attributed_before_it_is_routed() -> None:
    """Routes find the origin in the scope; a long user agent is cut."""
    seen: list[object] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["aegis.origin"])
        await _greet(scope, receive, send)

    await Exchange(headers=[(b"user-agent", b"x" * 1000)]).run(Front(WebSettings(), Routes({}, look)))
    assert [Origin(address="192.0.2.1", user_agent="x" * 256)] == seen
    exchange = Exchange()
    exchange.scope["client"] = None
    await exchange.run(Front(WebSettings(), Routes({}, look)))
    assert Origin(address="unknown", user_agent=None) == seen[1]


async def test_a_fault_before_the_answer_becomes_the_answer() -> None:
    """Transports raise; the front renders."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        raise NotFound("nothing here")

    exchange = Exchange()
    await exchange.run(Front(WebSettings(), Routes({}, refuse)))
    assert 404 == exchange.status
    assert "nothing here" == json.loads(exchange.body)["message"]


async def test_a_bug_shows_an_incident_and_nothing_else() -> None:
    """The traceback is the operator's; the caller gets a number to quote."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("secret detail")

    exchange = Exchange()
    with structlog.testing.capture_logs() as logged:
        await exchange.run(Front(WebSettings(), Routes({}, broken)))
    assert 500 == exchange.status
    assert b"secret detail" not in exchange.body
    assert logged[0]["incident"] in exchange.body.decode()


async def test_a_fault_after_half_an_answer_ends_the_connection() -> None:
    """Half an answer cannot be taken back; a second start would be a protocol error."""

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    exchange = Exchange()
    with pytest.raises(Bug):
        await exchange.run(Front(WebSettings(), Routes({}, half)))
    assert 1 == len(exchange.sent)


async def test_head_answers_have_no_body() -> None:
    """A body after HEAD breaks the next answer on the connection."""
    exchange = Exchange("HEAD", "/nowhere")
    await exchange.run(Front(WebSettings(), Routes({}, _greet)))
    assert (404, b"") == (exchange.status, exchange.body)


async def test_lifespan_is_our_own_misuse() -> None:
    """Lifetimes belong to the supervisor; a server that asks is wired wrongly."""
    exchange = Exchange()
    exchange.scope["type"] = "lifespan"
    with pytest.raises(RuntimeError):
        await exchange.run(Front(WebSettings(), Routes({}, _greet)))


@pytest.mark.parametrize("has_begun", [False, True])
@pytest.mark.parametrize(("address", "is_cut"), [("192.0.2.1", True), ("192.0.2.2", False)])
async def test_a_block_ends_what_its_address_has_under_way(
    autojump_clock: trio.testing.MockClock, *, has_begun: bool, address: str, is_cut: bool
) -> None:
    """A stream breaks off without an end, an unanswered request is refused, and nobody else notices anything."""
    blocked: set[str] = set()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if has_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await trio.sleep(10)
        if not has_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    def refusal_of(origin: Origin) -> Fault | None:
        return AddressBlocked("This address is blocked", retry_after_s=60) if origin.address in blocked else None

    front = Front(WebSettings(), Routes({("POST", "/mcp"): slow}, slow, refusal_of=refusal_of))
    exchange = Exchange("POST", "/mcp")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exchange.run, front)
        await trio.sleep(1)
        blocked.add(address)
        assert int(is_cut) == front.end_blocked(lambda found: found == address)
    took_s = trio.current_time()

    assert (1 if is_cut else 10) == pytest.approx(took_s)
    if has_begun:
        assert (200, b"" if is_cut else b"done") == (exchange.status, exchange.body)
    else:
        assert (429 if is_cut else 200) == exchange.status
    assert 0 == front.end_blocked(lambda _: True)
