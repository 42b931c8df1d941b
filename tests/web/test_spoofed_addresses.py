"""Whatever forwarded headers say, in whatever combination: the address is the peer's, or what a trusted proxy saw."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.limits.failures import FailureWindow
from aegis_trio.model.asgi import Headers, Message, Receive, Scope, Send
from aegis_trio.model.errors import AddressBlocked, Fault
from aegis_trio.model.identity import Origin
from aegis_trio.web.forwarded import client_address, is_trusted
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.settings import WebSettings

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
STRANGER = "203.0.113.9"
# Source: RFC 7239 (Forwarded); the others are what proxies and content networks write, and what attackers try.
NAMES = (
    b"forwarded",
    b"x-real-ip",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"x-forwarded",
    b"forwarded-for",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"x-originating-ip",
    b"x-remote-ip",
    b"x-remote-addr",
    b"x-forwarded-host",
    b"via",
)
VALUES = (
    b"127.0.0.1",
    b"::1",
    b"10.0.0.2",
    b"for=127.0.0.1;proto=https",
    b'for="[::1]:443"',
    b"127.0.0.1, 10.0.0.2",
    b"fd00::7",
    b"198.51.100.7",
    b"::ffff:10.0.0.2",
    b"unknown",
    b"",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("peer", [STRANGER, "10.0.0.2", "::ffff:10.0.0.2"])
def test_no_header_but_one_is_ever_read(name: bytes, value: bytes, peer: str) -> None:
    """A proxy that writes `X-Forwarded-For` passes other headers on as the client wrote them."""
    own = "10.0.0.2" if "10.0.0.2" in peer else STRANGER
    assert own == client_address(peer, [(name, value)], PROXIES)
    behind = [(name, value), (b"x-forwarded-for", b"198.51.100.99"), (name, value)]
    assert (STRANGER if own == STRANGER else "198.51.100.99") == client_address(peer, behind, PROXIES)


_hops = st.sampled_from([*VALUES, b"203.0.113.77", b"garbage", b"10.9.9.9", b"[2001:db8::5]:9"])
_header = st.tuples(
    st.sampled_from([*NAMES, b"x-forwarded-for"]), st.lists(_hops, min_size=1, max_size=4).map(b", ".join)
)


@given(st.lists(_header, max_size=8))
def test_a_stranger_is_itself_in_every_combination(headers: list[tuple[bytes, bytes]]) -> None:
    """Property: of a peer that nobody trusts no header counts."""
    assert STRANGER == client_address(STRANGER, headers, PROXIES)
    assert STRANGER == client_address(f"::ffff:{STRANGER}", headers, PROXIES)


@given(
    written=st.lists(_header, max_size=6),
    seen=st.ip_addresses(v=4).filter(lambda address: not is_trusted(address, PROXIES)),
    hops=st.integers(0, 3),
)
def test_behind_proxies_the_address_is_what_the_outermost_saw(
    written: list[tuple[bytes, bytes]], seen: IPv4Address, hops: int
) -> None:
    """Property: whatever a client wrote itself, the address is the one that the first trusted proxy appended."""
    appended = [str(seen), *(f"10.0.0.{number + 3}" for number in range(hops))]
    headers = [*written, (b"x-forwarded-for", ", ".join(appended).encode())]
    assert str(seen) == client_address("10.0.0.2", headers, PROXIES)


async def _origin(headers: Headers, peer: str, trusted: tuple[object, ...]) -> Origin:
    found: list[Origin] = []

    async def route(scope: Scope, _receive: Receive, send: Send) -> None:
        origin = scope["aegis.origin"]
        assert isinstance(origin, Origin)
        found.append(origin)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(_message: Message) -> None:
        """Forget it."""

    settings = WebSettings(trusted_proxies=trusted)  # type: ignore[arg-type] # networks
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "headers": [(b"host", b"localhost"), *headers],
        "client": (peer, 4711),
    }
    await Front(settings, Routes({("POST", "/mcp"): route}, route))(scope, receive, send)
    return found[0]


async def test_nobody_blocks_a_proxy_or_a_stranger_by_a_header() -> None:
    """From the socket to the block: failures fall on who really sent them, and never on the proxy."""
    window = FailureWindow(1, 60, trusted_proxies=PROXIES)
    spoofed = [(b"x-forwarded-for", b"198.51.100.7"), (b"x-real-ip", b"10.0.0.2"), (b"forwarded", b"for=10.0.0.2")]
    window.note_failure((await _origin(spoofed, STRANGER, PROXIES)).address)
    window.note_failure((await _origin([], "10.0.0.2", PROXIES)).address)
    assert [60, None, None] == [window.blocked_for_s(one) for one in (STRANGER, "198.51.100.7", "10.0.0.2")]
    window.note_failure((await _origin(spoofed, "10.0.0.2", PROXIES)).address)
    assert 60 == window.blocked_for_s("198.51.100.7")
    assert "127.0.0.1" == (await _origin(spoofed, "127.0.0.1", ())).address


@pytest.mark.parametrize(("path", "status"), [("/mcp", 429), ("/", 429), ("/healthz", 200), ("/readyz", 200)])
async def test_what_the_operator_blocked_is_served_health_checks_and_nothing_else(path: str, status: int) -> None:
    """A load balancer's look must not depend on blocks; everything else does."""
    sent: list[Message] = []

    async def route(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def refusal_of(origin: Origin) -> Fault | None:
        assert ip_address(origin.address)
        return AddressBlocked("This address is blocked", retry_after_s=60)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST" if path == "/mcp" else "GET",
        "path": path,
        "headers": [(b"host", b"localhost")],
        "client": (STRANGER, 4711),
    }
    await Front(WebSettings(), Routes({("POST", "/mcp"): route}, route, refusal_of=refusal_of))(scope, receive, send)
    assert status == sent[0]["status"]
