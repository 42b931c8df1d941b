"""Clients by document: the client id is an address, and what stands there says who the client is.

Laws:
    1. The document names its own address, exactly; what it may do comes from it alone.
    2. Nothing is fetched but by the guard (guarded.py); good documents are kept for as long as their server says,
       within bounds; failures are not kept.
    3. For well-known clients whose servers refuse machines in data centres, a copy is kept here, and used when
       fetching fails.

Source: MCP 2026-07-28 basic/authorization/client-registration (Client ID Metadata Documents);
draft-ietf-oauth-client-id-metadata-document.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

import structlog
import trio

from aegis_trio.auth.clients.client import (
    MAX_NAME_CHARS,
    MAX_REDIRECT_URIS,
    Client,
    ClientAuth,
    ClientKind,
    is_valid_redirect,
)
from aegis_trio.auth.clients.fetching import Fetch, Fetching
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.registry import is_allowed_host
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.refusals import Refusal

MAX_KEPT: Final = 500
MIN_KEPT_S: Final = 60.0
MAX_KEPT_S: Final = 86_400.0
DEFAULT_KEPT_S: Final = 3600.0
MAX_ID_CHARS: Final = 512
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(?P<age_s>[0-9]{1,9})(?:$|[\s,])")

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True)
class _Kept:
    client: Client
    until: float


@final
class Documents:
    """Clients that are known by their documents."""

    def __init__(self, fetch: Fetch, *, pinned: tuple[Client, ...] = (), allowed_domains: tuple[str, ...] = ()) -> None:
        """Know nobody yet.

        Args:
            fetch: the guarded fetch.
            pinned: copies of well-known clients.
            allowed_domains: hosts, with their subdomains, that may be clients; empty allows all.
        """
        self._fetching = Fetching(fetch)
        self._pinned = {client.id: client for client in pinned}
        self._allowed = allowed_domains
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def find(self, client_id: str, *, asker: str | None = None) -> Client | None:
        """Return the client whose document stands at *client_id*, or None when that is no such address.

        Args:
            client_id: what a request names.
            asker: the address that the request came from; None is not counted.

        Raises:
            NotFetched: it is one, and its document cannot be had or says something else.
        """
        place = read_client_address(client_id)
        if place is None:
            return None
        host, target = place
        if not is_allowed_host(host, self._allowed):
            raise NotFetched("this server does not admit clients of that domain")
        kept = self._kept.get(client_id)
        if kept is not None and kept.until > trio.current_time():
            self._kept.move_to_end(client_id)
            return kept.client
        try:
            is_familiar = kept is not None or client_id in self._pinned
            body, cache_control = await self._fetching.fetch(host, target, asker=asker, is_familiar=is_familiar)
            client = read_document(client_id, body)
        except NotFetched as missing:
            pinned = self._pinned.get(client_id)
            if pinned is None:
                raise
            log.info("client_document_pinned", client=client_id, reason=str(missing))
            client, cache_control = pinned, ""
        self._keep(client, cache_control)
        return client

    def _keep(self, client: Client, cache_control: str) -> None:
        until = trio.current_time() + kept_for_s(cache_control)
        self._kept[client.id] = _Kept(client, until)
        self._kept.move_to_end(client.id)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


def read_client_address(raw_id: str) -> tuple[str, str] | None:
    """Return host and target of a client id that is the address of a document, or None when it is none.

    Source: draft-ietf-oauth-client-id-metadata-document section 3: https, a path, no fragment, no userinfo, no dot
    segments; a query only where it must be, a port not here.
    """
    if len(raw_id) > MAX_ID_CHARS or not raw_id.startswith("https://") or not raw_id.isascii() or "\\" in raw_id:
        return None
    if any(character.isspace() or not character.isprintable() for character in raw_id):
        return None
    try:
        parts = urlsplit(raw_id)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    segments = parts.path.split("/")
    is_place = "#" not in raw_id and "@" not in parts.netloc and port is None and parts.netloc == host
    if not is_place or "." not in host or len(parts.path) < 2 or {".", ".."} & set(segments):
        return None
    return host, parts.path + (f"?{parts.query}" if parts.query else "")


def read_document(client_id: str, body: bytes) -> Client:
    """Return the client that a document describes.

    Raises:
        NotFetched: it is not JSON, not of this client, or lacks a name or a redirect URI that may be used.
    """
    document = read_json(body)
    if isinstance(document, Refusal) or not isinstance(document, dict):
        raise NotFetched("the document is not a JSON object")
    if document.get("client_id") != client_id:
        raise NotFetched("the document is another client's: its client_id is not its address")
    name = document.get("client_name")
    if not isinstance(name, str) or not clean_line(name):
        raise NotFetched("the document has no client_name")
    raw_uris = document.get("redirect_uris")
    uris = raw_uris[:MAX_REDIRECT_URIS] if isinstance(raw_uris, list) else []
    kept = tuple(dict.fromkeys(uri for uri in uris if isinstance(uri, str) and is_valid_redirect(uri)))
    if not kept:
        raise NotFetched("the document has no redirect_uris that may be used")
    auth, jwks, jwks_uri = _read_auth(document)
    return Client(
        id=client_id,
        kind=ClientKind.DOCUMENT,
        name=shorten(clean_line(name), MAX_NAME_CHARS),
        redirect_uris=kept,
        auth=auth,
        jwks=jwks,
        jwks_uri=jwks_uri,
    )


def kept_for_s(cache_control: str) -> float:
    """Return for how many seconds a document is kept, within our bounds.

    Source: RFC 9111 section 5.2.2.
    """
    words = cache_control.lower()
    if "no-store" in words or "no-cache" in words:
        return MIN_KEPT_S
    found = _MAX_AGE.search(words)
    return DEFAULT_KEPT_S if found is None else min(max(float(found["age_s"]), MIN_KEPT_S), MAX_KEPT_S)


def _read_auth(document: JsonObject) -> tuple[ClientAuth, JsonObject | None, str | None]:
    """Return how the client proves itself.

    ChatGPT's document names one method and lists others beside it; a document holds no secret, so a shared one is
    never meant.
    """
    method = document.get("token_endpoint_auth_method", "none")
    listed: JsonValue = document.get("token_endpoint_auth_methods_supported", [])
    jwks, jwks_uri = document.get("jwks"), document.get("jwks_uri")
    has_keys = isinstance(jwks, dict) or isinstance(jwks_uri, str)
    wants_keys = method == ClientAuth.KEY.value
    may_be_public = method == ClientAuth.NONE.value or (isinstance(listed, list) and ClientAuth.NONE.value in listed)
    if wants_keys and has_keys:
        return (
            ClientAuth.KEY,
            jwks if isinstance(jwks, dict) else None,
            jwks_uri if isinstance(jwks_uri, str) else None,
        )
    if may_be_public:
        return ClientAuth.NONE, None, None
    raise NotFetched("the document's token_endpoint_auth_method must be none, or private_key_jwt with jwks or jwks_uri")
