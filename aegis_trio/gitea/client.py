"""The client: asks Gitea as somebody, never as nobody.

Laws:
    1. Every request carries a valid token: `acting_as` is the only way to a forge, and it refuses an empty one.
    2. Every request passes the path guard after the HTTP library has made its own form of it.
    3. A redirect is followed once, for a repository that was renamed, to the same question at the same server.
    4. Gitea's sign-in side (provider.py) is asked through the same connections and the same guard, and no redirect of
       its is followed.

Not here: who may ask as whom (gateway), and what comes back in bytes (transport.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, final

import httpx
import trio

from aegis_trio import __version__
from aegis_trio.gitea.attempts import Breaker, NoBreaker
from aegis_trio.gitea.decoding import decode_answer
from aegis_trio.gitea.provider import Credential, Password, ProviderRequest, authorization_of, unexpected
from aegis_trio.gitea.refusals import fault_for, moved, renamed_beyond
from aegis_trio.gitea.renames import renamed_repository
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest, ForgeResponse
from aegis_trio.gitea.settings import API_PATH, GiteaSettings, origin_of, wire_base
from aegis_trio.gitea.transport import Transport, open_transport
from aegis_trio.model.errors import ClientFault, Fault, UpstreamFault
from aegis_trio.model.secret import Secret
from aegis_trio.policy.pathguard import Route, WireBase, build_target, check_wire_path
from aegis_trio.telemetry.histogram import SECONDS, Histogram, HistogramSnapshot
from aegis_trio.telemetry.tracing import NO_TRACER, Span, SpanKind, Tracer

USER_AGENT: Final = f"aegis-trio/{__version__}".encode()
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_STATUS: Final = "http.response.status_code"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@final
@dataclass(frozen=True, slots=True)
class GiteaStatistics:
    """What was asked of Gitea so far; the labels are the fixed codes of faults."""

    requests_total: int
    requests_in_flight: int
    requests_waiting: int
    """Of those in flight, how many wait for a connection."""
    retries_total: int
    renames_followed_total: int
    errors_total: Mapping[str, int]
    received_bytes_total: int
    request_duration_seconds: HistogramSnapshot
    seconds_total: float
    seconds_max: float


@final
class GiteaClient:
    """Gitea, for everybody who can name a token."""

    def __init__(self, settings: GiteaSettings, transport: Transport, tracer: Tracer = NO_TRACER) -> None:
        self._base = wire_base(settings.url)
        self._root = replace(self._base, prefix=self._base.prefix.removesuffix(API_PATH))
        self._origin = origin_of(self._base)
        self._transport = transport
        self._tracer = tracer
        self._call_places = settings.call_places
        self._requests = self._in_flight = self._renames = self._bytes = 0
        self._errors: Counter[str] = Counter()
        self._seconds_total = self._seconds_max = 0.0
        self._durations = Histogram(SECONDS)

    @property
    def call_places(self) -> int:
        """How many requests of calls may be under way at once: some connections are kept for finding out who calls."""
        return self._call_places

    def acting_as(self, token: Secret) -> Forge:
        """Return the forge as the owner of *token* sees it.

        Raises:
            UpstreamRejectedIdentity: the token is empty or malformed, so Gitea would serve an anonymous caller.
        """
        authorization_of(token)
        return _Identity(self, token)

    def statistics(self) -> GiteaStatistics:
        """Return what was asked so far."""
        return GiteaStatistics(
            requests_total=self._requests,
            requests_in_flight=self._in_flight,
            requests_waiting=self._transport.waiting,
            retries_total=self._transport.retries,
            renames_followed_total=self._renames,
            errors_total=MappingProxyType(dict(self._errors)),
            received_bytes_total=self._bytes,
            request_duration_seconds=self._durations.snapshot(),
            seconds_total=self._seconds_total,
            seconds_max=self._seconds_max,
        )

    async def ask(self, token: Secret, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Send *request* as the owner of *token*, and return the decoded answer; callers use `acting_as`."""
        with self._counted():
            response = await self._exchange(token, request, request.segments)
            if response.status in _REDIRECTS:
                response = await self._follow(token, request, response)
            if response.status not in request.ok:
                raise fault_for(response, subject=request.subject, missing=request.missing)
            return await decode_answer(request, response)

    async def ask_of_identity(self, token: Secret, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Send a question about *token* or its owner, and return the decoded answer.

        Raises:
            UpstreamFault: Gitea did not say it; nothing else, for who signs in did nothing wrong.
        """
        try:
            return await self.acting_as(token).ask(request)
        except ClientFault:  # a redirect, a conflict: no answer to this question
            raise unexpected(request.subject) from None

    async def ask_provider(self, request: ProviderRequest[AnswerT], credential: Credential | None) -> AnswerT:
        """Send *request* to Gitea's sign-in side, and return the decoded answer.

        Args:
            credential: as whom; None for the documents that are everybody's.

        Raises:
            UpstreamFault: no answer, or none of Gitea's; a redirect is none.
        """
        with self._counted():
            url = self._checked_url(self._root, request.route, request.segments, request.query)
            headers = self._headers(url, credential, accept="application/json")
            if request.content is not None:
                headers.append((b"Content-Type", request.content_type.encode("ascii")))
            with self._span(request.method, request.route, url) as span:
                response = await self._transport.exchange(
                    url,
                    headers,
                    max_bytes=request.max_bytes,
                    ok=request.ok,
                    method=request.method,
                    content=request.content,
                    repeatable=request.repeatable,
                )
                span.note(_STATUS, response.status)
            self._bytes += len(response.body)
            if response.status in _REDIRECTS:
                raise unexpected(request.subject)
            if response.status not in request.ok:
                fault = fault_for(response, subject=request.subject, missing=frozenset())
                # Nobody who signs in did anything wrong that Gitea could complain of.
                raise fault if isinstance(fault, UpstreamFault) else unexpected(request.subject)
            return request.decode(response)

    def _span(self, method: str, route: Route, url: httpx.URL) -> AbstractContextManager[Span]:
        # The template and not the path: owners, names and paths are what a call was about.
        facts: dict[str, str | int] = {
            "http.request.method": method,
            "url.template": route.template,
            "server.address": url.host,
            "server.port": url.port or _DEFAULT_PORTS[url.scheme],
        }
        return self._tracer.span(SpanKind.CLIENT, f"{method} {route.template}", facts)

    @contextmanager
    def _counted(self) -> Generator[None]:
        self._requests += 1
        self._in_flight += 1
        started = trio.current_time()
        try:
            yield
        except Fault as fault:
            self._errors[fault.code] += 1
            raise
        finally:
            self._in_flight -= 1
            duration_s = trio.current_time() - started
            self._seconds_total += duration_s
            self._durations.observe(duration_s)
            self._seconds_max = max(self._seconds_max, duration_s)

    async def _follow(self, token: Secret, request: ForgeRequest[AnswerT], response: ForgeResponse) -> ForgeResponse:
        repository = renamed_repository(self._base, self._origin, request.segments, request.query, response.location)
        if repository is None:
            raise moved(request.subject)
        if request.may_follow is not None and not request.may_follow(repository.owner, repository.name):
            raise renamed_beyond()
        # The new request is ours, only owner and name are new: nothing else of Location is used.
        segments = (request.segments[0], *repository.as_segments(), *request.segments[3:])
        self._renames += 1
        response = await self._exchange(token, request, segments)
        if response.status in _REDIRECTS:
            raise moved(request.subject)
        return response

    async def _exchange(
        self, token: Secret, request: ForgeRequest[AnswerT], segments: tuple[str, ...]
    ) -> ForgeResponse:
        url = self._checked_url(self._base, request.route, segments, request.query)
        headers = self._headers(url, token, accept=request.accept)
        with self._span(request.method, request.route, url) as span:
            response = await self._transport.exchange(url, headers, max_bytes=request.max_bytes, ok=request.ok)
            span.note(_STATUS, response.status)
        self._bytes += len(response.body)
        return response

    def _checked_url(
        self, base: WireBase, route: Route, segments: tuple[str, ...], query: tuple[tuple[str, str], ...]
    ) -> httpx.URL:
        built = build_target(base, segments, query)
        url = httpx.URL(self._origin + built)
        check_wire_path(
            base,
            route,
            built=built,
            scheme=url.scheme,
            host=url.raw_host.decode("ascii") if ":" not in url.host else f"[{url.host}]",
            port=_DEFAULT_PORTS[base.scheme] if url.port is None else url.port,
            raw_path=url.raw_path,
        )
        return url

    @staticmethod
    def _headers(url: httpx.URL, credential: Credential | None, *, accept: str) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"Host", url.netloc),
            (b"Accept", accept.encode("ascii")),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", USER_AGENT),
        ]
        if credential is not None:
            headers.append((b"Authorization", authorization_of(credential)))
        if isinstance(credential, Password) and credential.one_time_code is not None:
            # Source: gitea services/auth/basic.go validateTOTP.
            headers.append((b"X-Gitea-OTP", credential.one_time_code.reveal().encode("ascii")))
        return headers


@final
@dataclass(frozen=True, slots=True)
class _Identity:
    """The forge as one token's owner."""

    client: GiteaClient
    token: Secret

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        return await self.client.ask(self.token, request)


@asynccontextmanager
async def open_gitea_client(
    settings: GiteaSettings, breaker: Breaker | None = None, tracer: Tracer = NO_TRACER
) -> AsyncGenerator[GiteaClient]:
    """Open the client for the life of the process; leaving closes its connections.

    Args:
        breaker: refuses requests while Gitea does not answer; None for one that never does.
        tracer: times requests.
    """
    async with open_transport(settings, breaker or NoBreaker()) as transport:
        yield GiteaClient(settings, transport, tracer)
