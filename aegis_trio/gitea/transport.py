"""The transport: one HTTP exchange with Gitea, and nothing else.

It is httpx's transport without httpx's client above it: no cookie jar, no redirects, no credentials from URLs, .netrc
or environment, no log line with an address. This file alone knows httpx, so that it can be exchanged.

Laws:
    1. HTTP/1.1 only: httpx never resets a cancelled HTTP/2 stream, and the server's limit of streams fills up.
    2. At most `max_connections` exchanges run at once; the others wait here, not in the pool.
    3. A cancelled exchange leaves nothing behind in the pool.
    4. No answer is read beyond its bound; none is decompressed.
    5. While the breaker says so, nothing is sent at all; every exchange that passes it tells it how it ended.
    6. Waiting is bounded by the caller's own scope; the caps below only end what is silent.

Source: httpcore 1.0.9 _async/connection_pool.py, connection.py; encode/httpcore issues 1022, 1093.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, final

import httpcore
import httpx
import trio

from aegis_trio.gitea.attempts import Breaker
from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.errors import (
    UpstreamBroken,
    UpstreamFault,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)

ERROR_BODY_BYTES: Final = 16 * 1024  # Gitea's error bodies have below 1 KB; the rest of a longer one is not read
_HUNG_UP: Final = "Server disconnected without sending a response."


@final
class SafePool(httpcore.AsyncConnectionPool):
    """A pool that forgets connections which nobody owns any more.

    A request cancelled between being given a connection and using it leaves that connection neither open for others
    nor closed: stock httpcore counts it for ever, and `max_connections` such cancellations stop the pool. With
    HTTP/1.1 every connection that is not idle belongs to exactly one request, so one without an owner is an orphan.
    """

    def _assign_requests_to_connections(self) -> list[httpcore.AsyncConnectionInterface]:
        owned = {id(request.connection) for request in self._requests if request.connection is not None}
        orphans = [
            connection
            for connection in self._connections
            if id(connection) not in owned and not connection.is_idle() and not connection.is_closed()
        ]
        for orphan in orphans:
            self._connections.remove(orphan)
        return orphans + super()._assign_requests_to_connections()


@final
class _PooledTransport(httpx.AsyncHTTPTransport):
    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        # httpx offers no way to hand in a pool; everything else of its constructor only makes one.
        self._pool = pool


@final
class Transport:
    """Exchanges with one server."""

    def __init__(self, settings: GiteaSettings, pool: httpcore.AsyncConnectionPool, breaker: Breaker) -> None:
        self._breaker = breaker
        self._http = _PooledTransport(pool)
        self._limiter = trio.CapacityLimiter(settings.max_connections)
        self._timeouts = httpx.Timeout(
            connect=settings.connect_timeout_s,
            read=settings.read_timeout_s,
            write=settings.write_timeout_s,
            pool=None,
        ).as_dict()
        self.retries = 0
        """Exchanges that were begun again, because the first never reached Gitea or got no answer."""

    @property
    def waiting(self) -> int:
        """How many exchanges wait for a connection."""
        return self._limiter.statistics().tasks_waiting

    async def exchange(
        self,
        url: httpx.URL,
        headers: list[tuple[bytes, bytes]],
        *,
        max_bytes: int,
        ok: frozenset[int],
        method: str = "GET",
        content: bytes | None = None,
        repeatable: bool = True,
    ) -> ForgeResponse:
        """Send one request and read its answer.

        Args:
            max_bytes: bound for the body of an answer whose status is in *ok*; any other is cut at its own bound.
            content: the body, with its media type in *headers*.
            repeatable: it changes nothing, so it may be sent again when no answer had begun.

        Raises:
            UpstreamFault: no connection, silence, a broken answer, or one beyond its bound; or the breaker holds.
        """
        request = httpx.Request(method, url, headers=headers, content=content, extensions={"timeout": self._timeouts})
        with self._breaker.attempt() as attempt:
            async with self._limiter:
                try:
                    response = await self._send(request, repeatable=repeatable)
                    attempt.answered(response.status_code)
                    try:
                        return await _read(response, max_bytes=max_bytes, ok=ok)
                    finally:
                        await response.aclose()
                except httpx.TransportError as error:
                    attempt.failed()
                    raise _fault_of(error) from None

    async def _send(self, request: httpx.Request, *, repeatable: bool) -> httpx.Response:
        try:
            return await self._http.handle_async_request(request)
        except httpx.ConnectError:
            pass  # nothing was sent
        except httpx.TransportError as error:
            # Once, and only when no answer had begun.
            if not repeatable or not _got_no_answer(error):
                raise
        self.retries += 1
        return await self._http.handle_async_request(request)


@asynccontextmanager
async def open_transport(settings: GiteaSettings, breaker: Breaker) -> AsyncGenerator[Transport]:
    """Open the connections to Gitea; leaving closes them all."""
    trusted = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file is not None else None
    pool = SafePool(
        ssl_context=trusted or httpx.create_ssl_context(trust_env=False),
        max_connections=settings.max_connections,
        max_keepalive_connections=settings.max_connections,
        keepalive_expiry=settings.keepalive_expiry_s,
        http1=True,
        http2=False,
    )
    async with pool:
        yield Transport(settings, pool, breaker)


async def _read(response: httpx.Response, *, max_bytes: int, ok: frozenset[int]) -> ForgeResponse:
    wanted = response.status_code in ok
    bound = max_bytes if wanted else ERROR_BODY_BYTES
    if wanted:
        _check_head(response, bound)
    body = bytearray()
    # Leaving the loop early would strand httpcore's nested generators; being cancelled ends them in order.
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_raw():
            if len(body) <= bound:
                body += chunk
            if len(body) > bound:
                enough.cancel()
    if wanted and len(body) > bound:
        raise _too_large()
    del body[bound:]
    return ForgeResponse(
        status=response.status_code,
        content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        body=bytes(body),
        total=_count(response.headers.get("x-total-count", "")),
        has_next='rel="next"' in response.headers["link"] if "link" in response.headers else None,
        location=response.headers.get("location"),
    )


def _check_head(response: httpx.Response, bound: int) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        # Threat: a few compressed bytes become gigabytes; we asked for none.
        raise UpstreamBroken("Gitea's answer is compressed, which was not asked for.", "Tell the operator.")
    announced = _count(response.headers.get("content-length", ""))
    if announced is not None and announced > bound:
        raise _too_large()


def _count(raw: str) -> int | None:
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else None


def _too_large() -> UpstreamTooLarge:
    return UpstreamTooLarge("Gitea's answer is larger than the gate reads.", "Ask for a smaller part.")


def _got_no_answer(error: httpx.TransportError) -> bool:
    match error:
        case httpx.ConnectError() | httpx.ReadError() | httpx.WriteError():
            return True
        case httpx.RemoteProtocolError():
            return str(error) == _HUNG_UP
        case _:
            return False


def _fault_of(error: httpx.TransportError) -> UpstreamFault:
    match error:
        case httpx.ConnectError() if _is_distrust(error):
            return UpstreamUnreachable(
                "Gitea's certificate is not trusted here.",
                "The operator can name its authority in GITEA_CA_FILE, or write in GITEA_URL the name it was made for.",
            )
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return UpstreamUnreachable("Gitea cannot be reached.", "Try again later; the operator can run the doctor.")
        case httpx.TimeoutException():
            return UpstreamTimeout("Gitea did not answer in time.", "Try again, or ask for less at once.")
        case httpx.RemoteProtocolError() if not _got_no_answer(error):
            return UpstreamBroken(
                "Gitea's answer broke off or is no HTTP.", "Try again; if it stays, tell the operator."
            )
        case _:
            return UpstreamUnreachable("The connection to Gitea broke.", "Try again.")


def _is_distrust(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__  # httpcore names no cause
    return cause is not None
