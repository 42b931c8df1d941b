"""The guarded fetch is not led anywhere: server-side request forgery by client metadata documents."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpcore
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.auth.clients.guarded import (
    DEADLINE_S,
    MAX_BYTES,
    NotFetched,
    PinnedBackend,
    fetch_document,
    is_public,
    resolve_name,
)

HOST = "client.example"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NOW = datetime(2026, 1, 1, tzinfo=UTC)

PRIVATE = {
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),  # noqa: S104 -- an address under test
    "link-local": ("169.254.1.1", "fe80::1", "fe80::1%eth0"),
    "metadata": ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1"),
    "site-local": ("fec0::1",),
    "cgnat": ("100.64.0.1", "100.127.255.255"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    "benchmarking": ("198.18.0.1", "198.19.255.255", "2001:2::1"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.1", "255.255.255.255", "100::1", "4000::1", "5f00::1", "1::1"),
    "mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1"),
    "compatible": ("::127.0.0.1", "::10.0.0.1"),
    "translated": ("::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1"),
    "6to4": ("2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1"),
    "nat64": ("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::127.0.0.1"),
    "teredo": ("2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:7f00:1:8000:63bf:f7f7:f7f7"),
}


@pytest.mark.parametrize("text", [text for texts in PRIVATE.values() for text in texts])
async def test_an_address_that_is_not_public_is_never_connected_to(text: str) -> None:
    """Loopback, link-local, private, CGNAT, metadata services, and all of them inside IPv6."""
    backend, connected = watched(text)
    with pytest.raises(NotFetched, match="not a public one"):
        await backend.connect_tcp(HOST, 443)
    assert [] == connected
    assert not is_public(ip_address(text.partition("%")[0]))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
async def test_a_public_address_is_connected_to(text: str) -> None:
    """Also through the translators by which some networks reach the rest of the world."""
    backend, connected = watched(text)
    await backend.connect_tcp(HOST, 443)

    assert [(str(ip_address(text)), 443)] == connected


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:", "64:ff9b::", "::ffff:0:", "64:ff9b:1::", "::"]))
def test_ipv6_makes_no_private_address_public(number: int, dress: str) -> None:
    """Every IPv4 address, in every dress."""
    inner = ip_address(number)
    if not is_public(inner):
        assert not is_public(ip_address(f"{dress}{inner}"))
        high, low = number >> 16, number & 0xFFFF
        assert not is_public(ip_address(f"2002:{high:x}:{low:x}::1"))


async def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    """A client that tries one after the other would get there."""
    backend, connected = watched("8.8.8.8", "127.0.0.1")
    with pytest.raises(NotFetched):
        await backend.connect_tcp(HOST, 443)
    assert [] == connected


async def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to() -> None:
    """DNS rebinding between check and connect: the second answer would be the router's."""
    answers = [("8.8.8.8",), ("192.168.1.1",)]
    backend, connected = watched()

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        return answers.pop(0)

    backend._resolve = resolve
    await backend.connect_tcp(HOST, 443)

    assert ([("8.8.8.8", 443)], [("192.168.1.1",)]) == (connected, answers)


@pytest.mark.parametrize("answer", [(), ("no address",), OSError("no such name"), UnicodeError("label too long")])
async def test_a_name_without_an_address_is_told_so(answer: tuple[str, ...] | Exception) -> None:
    """Whatever the resolver does."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(NotFetched):
        await PinnedBackend(resolve).connect_tcp(HOST, 443)


@pytest.mark.sockets
async def test_the_systems_resolver_is_asked() -> None:
    """A literal is its own answer; and it is checked like any other."""
    assert ("127.0.0.1",) == await resolve_name("127.0.0.1", 443)
    with pytest.raises(NotFetched, match="not a public one"):
        await PinnedBackend().connect_tcp("127.0.0.1", 443)


async def test_waiting_between_attempts_is_trios(autojump_clock: MockClock) -> None:
    """The backend is httpcore's whole way to the world."""
    began = trio.current_time()
    await PinnedBackend().sleep(5)

    assert 5 == trio.current_time() - began


async def test_a_document_comes_with_its_cache_control() -> None:
    """As a well-known assistant serves it."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    raw = early + JSON + b"Cache-Control: max-age=60\r\nContent-Length: 2\r\n\r\n{}"

    assert (b"{}", "max-age=60") == await fetched(raw)


@pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/jwk-set+json"])
async def test_json_has_several_names(kind: str) -> None:
    """Key sets have one of their own."""
    raw = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{{}}"

    assert (b"{}", "") == await fetched(raw.encode())


BOMB = gzip.compress(b" " * 1_000_000)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "redirects"),
        (b"HTTP/1.1 308 Permanent Redirect\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n", "redirects"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "204"),
        (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\n\r\n", "206"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", "application/json"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}", "application/json"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "application/json"),
        (JSON + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(BOMB), BOMB), "compressed"),
        (JSON + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", "compressed"),
        (JSON + b"Content-Length: %d\r\n\r\n%b" % (MAX_BYTES + 1, b" " * (MAX_BYTES + 1)), "more than"),
        (JSON + b"\r\n" + b" " * 10 * MAX_BYTES, "more than"),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n%b\r\n" % (b" " * 1024) * 20, "more than"),
        (JSON + b"Content-Length: 10\r\n\r\n{}", "cannot be fetched"),
        (JSON + b"X: " + b"x" * 1_000_000, "cannot be fetched"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "cannot be fetched"),
        (b"HTTP/1.1 200 OK\r\n" + b"HTTP/1.1 200 OK\r\n" * 1000, "cannot be fetched"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "cannot be fetched"),
        (b"", "cannot be fetched"),
    ],
)
async def test_what_is_no_small_plain_document_is_not_fetched(raw: bytes, rule: str) -> None:
    """Redirects, oversize, a gzip bomb, the wrong content type, another protocol."""
    with pytest.raises(NotFetched, match=rule):
        await fetched(raw)


async def test_a_document_of_the_largest_size_is_fetched() -> None:
    """The bound is the bound of the draft."""
    body = b"{" + b" " * (MAX_BYTES - 2) + b"}"

    assert (body, "") == await fetched(JSON + b"Content-Length: %d\r\n\r\n%b" % (MAX_BYTES, body))


async def test_a_server_that_drips_is_left_alone(autojump_clock: MockClock) -> None:
    """Slow drip: a byte now and then keeps every timeout of a read happy; the whole has a deadline."""
    began = trio.current_time()
    with pytest.raises(NotFetched, match="within 3 seconds"):
        await fetched(JSON + b"Content-Length: 100\r\n\r\n" + b" " * 100, pause_s=0.4)

    assert DEADLINE_S == trio.current_time() - began


async def test_a_server_that_says_nothing_is_left_alone(autojump_clock: MockClock) -> None:
    """The same from the first byte on, and for the name's resolution."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(NotFetched, match="within 3 seconds"):
        await fetch_document(HOST, "/c", backend=PinnedBackend(resolve), tls=ssl.create_default_context())


async def test_a_request_says_nothing_about_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cookie, no credential, no proxy of the environment."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    stream = Scripted(JSON + b"Content-Length: 2\r\n\r\n{}")
    backend = ScriptedBackend(stream)
    await fetch_document(HOST, "/oauth/c.json?x=1", backend=backend, tls=ssl.create_default_context())

    lines = stream.sent.decode().split("\r\n")
    assert "GET /oauth/c.json?x=1 HTTP/1.1" == lines[0]
    assert {
        "Host: client.example",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
    } == set(lines[1:])
    assert ([(HOST, 443)], [HOST]) == (backend.connected, stream.names)


@pytest.mark.sockets
@pytest.mark.parametrize("certified", [HOST, "other.example"])
async def test_the_certificate_is_the_names_not_the_addresses(tmp_path: Path, certified: str) -> None:
    """The connection goes to a checked address, and the certificate has to be that of the name."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        return ("127.0.0.1",)

    async with open_server(tmp_path, certified) as (port, tls):
        backend = PinnedBackend(resolve, may_reach=lambda address: address.is_loopback)
        if certified == HOST:
            assert (b"{}", "") == await fetch_document(HOST, "/c", backend=backend, tls=tls, port=port)
            return
        with pytest.raises(NotFetched, match="cannot be fetched"):
            await fetch_document(HOST, "/c", backend=backend, tls=tls, port=port)
        with pytest.raises(NotFetched, match="not a public one"):
            await fetch_document(HOST, "/c", backend=PinnedBackend(resolve), tls=tls, port=port)


class Scripted(httpcore.AsyncNetworkStream):
    """A connection that says what it was told to, in pieces."""

    def __init__(self, raw: bytes, pause_s: float = 0) -> None:
        self.raw = raw
        self.pause_s = pause_s
        self.sent = b""
        self.names: list[str | None] = []

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 -- httpcore's
        await trio.sleep(self.pause_s)
        size = 1 if self.pause_s and not self.raw.startswith(b"HTTP") else min(max_bytes, len(JSON))
        piece, self.raw = self.raw[:size], self.raw[size:]
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 -- httpcore's
        await trio.lowlevel.checkpoint()
        self.sent += buffer

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's
    ) -> httpcore.AsyncNetworkStream:
        await trio.lowlevel.checkpoint()
        self.names.append(server_hostname)
        return self

    def get_extra_info(self, info: str) -> object:
        return None


class ScriptedBackend(httpcore.AsyncNetworkBackend):
    """Connects to a script."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self.stream = stream
        self.connected: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        await trio.lowlevel.checkpoint()
        self.connected.append((host, port))
        return self.stream


async def fetched(raw: bytes, pause_s: float = 0) -> tuple[bytes, str]:
    """Return what is fetched from a server that answers *raw*."""
    backend = ScriptedBackend(Scripted(raw, pause_s))
    return await fetch_document(HOST, "/c", backend=backend, tls=ssl.create_default_context())


def watched(*addresses: str) -> tuple[PinnedBackend, list[tuple[str, int]]]:
    """Return a backend for a name with *addresses*, and where it connects to."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        return addresses

    backend = PinnedBackend(resolve)
    world = ScriptedBackend(Scripted(b""))
    backend._backend = world  # type: ignore[assignment]  # the world's end
    return backend, world.connected


@asynccontextmanager
async def open_server(folder: Path, name: str) -> AsyncGenerator[tuple[int, ssl.SSLContext]]:
    """Serve one document over TLS with a certificate for *name*; give the port, and whom to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's client")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.receive_some()
            await stream.send_all(JSON + b"Content-Length: 2\r\n\r\n{}")
        except trio.BrokenResourceError:
            return  # the certificate was refused, which is what a test is about

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1", https_compatible=True)
        inner = listeners[0].transport_listener
        assert isinstance(inner, trio.SocketListener)
        port = inner.socket.getsockname()[1]
        await nursery.start(trio.serve_listeners, serve, listeners)
        yield port, ssl.create_default_context(cafile=str(certificate_file))
        nursery.cancel_scope.cancel()
