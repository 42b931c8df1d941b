"""The guarded fetch: a document from an address that a stranger chose, without being led anywhere else.

Laws:
    1. https only, port 443, no userinfo; the name is resolved once, and the connection goes to an address that was
       checked: public addresses only, also behind IPv4-mapped, 6to4, NAT64 and Teredo forms.
    2. No redirect is followed; no proxy of the environment, no cookie, no credential goes along.
    3. Bounded: `MAX_BYTES`, `DEADLINE_S`, and identity encoding only (no compression to unpack).

Threat: server-side request forgery by client metadata documents (MCP security best practices, "SSRF"): cloud metadata
services, routers, the forge's own network; DNS that answers differently the second time (rebinding).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias, final

import h11
import httpcore
import trio
from httpcore import AsyncNetworkStream
from httpcore._backends.trio import TrioBackend

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_BYTES: Final = 5 * 1024  # Source: draft-ietf-oauth-client-id-metadata-document section 6.6
DEADLINE_S: Final = 3.0
HTTPS_PORT: Final = 443
Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[tuple[str, ...]]]

_UNICAST: Final = IPv6Network("2000::/3")  # what is allotted of the global internet; the rest is special or nobody's
_RESOLVING: Final = trio.CapacityLimiter(32)
_NAT64: Final = IPv6Network("64:ff9b::/96")
# Special by the registries of today, and not yet by the standard library of every Python that we run on.
_SPECIAL: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


class NotFetched(Exception):
    """The document cannot be had; the text may be shown to whoever named the address."""


async def resolve_name(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of *host*, by the system's resolver.

    Raises:
        OSError: the name cannot be resolved.
    """
    # Threat: a name whose server never answers holds a thread for as long as the resolver waits; of those that resolve
    # Gitea's own name it must hold none.
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await trio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=_RESOLVING)
    return tuple(str(address[0]) for *_, address in found)


def is_public(address: Address) -> bool:
    """Return whether *address* is one of the public internet, whatever dress it wears.

    Source: IANA special-purpose address registries, as `ipaddress.is_global` knows them; RFC 4291 section 2.5.5,
    RFC 3056, RFC 4380, RFC 6052 for IPv4 inside IPv6.
    """
    if isinstance(address, IPv4Address):
        return _is_ordinary(address)
    inner = address.ipv4_mapped or (IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None)
    if inner is not None:
        return _is_ordinary(inner)
    tunnelled = [one for one in (address.sixtofour, *(address.teredo or ())) if one is not None]
    return address in _UNICAST and all(_is_ordinary(one) for one in (address, *tunnelled))


@final
class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, resolve: Resolve = resolve_name, may_reach: Callable[[Address], bool] = is_public) -> None:
        """Resolve names by *resolve*, once for each connection.

        Args:
            may_reach: what an address has to be; tests let their own loopback server through.
        """
        self._resolve = resolve
        self._may_reach = may_reach
        self._backend = TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address of *host*; all of them must be reachable ones.

        Raises:
            NotFetched: the name has no address, or one that is not public.
        """
        try:
            addresses = tuple(ip_address(found.partition("%")[0]) for found in await self._resolve(host, port))
        except (OSError, ValueError):
            raise NotFetched("the address cannot be resolved") from None
        # Threat: a name with one public and one private address, of which a client would try both.
        if not addresses or not all(self._may_reach(address) for address in addresses):
            raise NotFetched("the address is not a public one")
        return await self._backend.connect_tcp(str(addresses[0]), port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Sleep, as httpcore asks between attempts."""
        await trio.sleep(seconds)


async def fetch_document(
    host: str, target: str, *, backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext, port: int = HTTPS_PORT
) -> tuple[bytes, str]:
    """Return the body of `https://host/target`, and its `Cache-Control`.

    Raises:
        NotFetched: not public, not reachable, too slow, too large, redirected, compressed, not 200 or not JSON.
    """
    try:
        with trio.fail_after(DEADLINE_S):
            stream = await backend.connect_tcp(host, port)
            try:
                stream = await stream.start_tls(tls, server_hostname=host)
                return await _ask(stream, host, target)
            finally:
                await stream.aclose()
    except trio.TooSlowError:
        raise NotFetched(f"the document did not come within {DEADLINE_S:g} seconds") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, h11.ProtocolError, ssl.SSLError, OSError):
        raise NotFetched("the document cannot be fetched") from None


async def _ask(stream: AsyncNetworkStream, host: str, target: str) -> tuple[bytes, str]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    headers = [("Host", host), ("Accept", "application/json"), ("Accept-Encoding", "identity"), ("Connection", "close")]
    request = connection.send(h11.Request(method="GET", target=target, headers=headers)) or b""
    await stream.write(request + (connection.send(h11.EndOfMessage()) or b""))
    body, cache_control = bytearray(), ""
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await stream.read(MAX_HEAD_BYTES))
            case h11.Response() as response:
                _check_head(response)
                cache_control = _header(response, b"cache-control")
            case h11.Data(data=piece):
                body += piece
                if len(body) > MAX_BYTES:
                    raise NotFetched(f"the document has more than {MAX_BYTES} bytes")
            case h11.EndOfMessage():
                return bytes(body), cache_control
            case h11.InformationalResponse():
                continue
            case _:  # pragma: no cover -- h11 gives nothing else before the end; whatever it were, nothing loops
                raise NotFetched("the document cannot be fetched")


def _check_head(response: h11.Response) -> None:
    if response.status_code != 200:
        raise NotFetched(f"the document's server answered {response.status_code}; redirects are not followed")
    if _header(response, b"content-encoding") not in {"", "identity"}:
        raise NotFetched("the document is compressed")
    kind = _header(response, b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise NotFetched("the document is not application/json")


def _header(response: h11.Response, name: bytes) -> str:
    found = [value for header, value in response.headers if header.lower() == name]
    return found[0].decode("latin-1") if found else ""


def _is_ordinary(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in net for net in _SPECIAL)
