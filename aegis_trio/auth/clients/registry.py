"""Registered clients: programs that tell us who they are, without anybody's doing (RFC 7591).

Laws:
    1. Whoever registers proves nothing: the name is shown as "not verified", and consent is asked every time.
    2. One redirect URI that is not allowed does not spoil the others; none that is, does.
    3. Bounded: in all, for each address, and in time: a client that nobody uses is forgotten. Only tokens that it got
       for a person are use; to ask for it, as anybody can, is none. In a flood the oldest unused ones make room.
    4. A registration is refused with an error of the RFC, never with a fault of ours.

Source: RFC 7591 sections 2 and 3; MCP 2026-07-28 basic/authorization/client-registration.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, final
from urllib.parse import urlsplit

from aegis_trio.audit.entry import service_event
from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.ports import OAuthTrail
from aegis_trio.auth.broker.rows import new_id
from aegis_trio.auth.clients.client import (
    MAX_NAME_CHARS,
    MAX_REDIRECT_URIS,
    Client,
    ClientAuth,
    ClientKind,
    decode_client,
    encode_client,
    is_local,
    is_valid_redirect,
)
from aegis_trio.limits.sources import source_of
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.secret import Secret
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.store.bounded import BoundedSpace
from aegis_trio.store.interface import Put, Row, Space, Store

ID_PREFIX: Final = "aegis_client_"
SECRET_PREFIX: Final = "aegis_cs_"  # noqa: S105 -- how one begins, for scanners
UNUSED_KEPT_S: Final = 7 * 86_400  # Claude registers anew at each fresh connection
USED_KEPT_S: Final = 120 * 86_400  # longer than any refresh token lives
TOUCH_STEP_S: Final = 86_400
MAX_CLIENTS: Final = 10_000
MAX_PER_ADDRESS: Final = 30
"""Registrations from one address (IPv6: one /64) in an hour; assistants share egress addresses."""
MAX_PER_HOUR: Final = 5_000  # so that a new client has an hour or two to be used, also in a flood
HOUR_S: Final = 3600
_SECRET_METHODS: Final = frozenset({"client_secret_basic", "client_secret_post"})


@final
class Registry:
    """Clients that registered themselves."""

    def __init__(
        self,
        store: Store,
        *,
        clock: WallClock,
        audit: OAuthTrail,
        allowed_domains: tuple[str, ...] = (),
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        """Keep clients in *store*.

        Args:
            allowed_domains: hosts to which answers may go, with their subdomains, beside the person's own machine;
                empty allows all.
        """
        self._store = store
        self._clock = clock
        self._audit = audit
        self._allowed = allowed_domains
        self._bound = BoundedSpace(store, Space.CLIENT, clock, most=max_clients, kept_s=UNUSED_KEPT_S)

    async def find(self, client_id: str) -> Client | None:
        """Return a registered client, or None; nothing is kept longer by that."""
        row = await self._row(client_id)
        return None if row is None else decode_client(row.value)

    async def note_use(self, client_id: str) -> None:
        """Keep a client from now on as one that is used: a person agreed to it, and it came for its tokens."""
        row = await self._row(client_id)
        if row is None:
            return
        until = self._now_s() + USED_KEPT_S
        if row.expires_at is not None and until - row.expires_at > TOUCH_STEP_S:
            used = Put(space=Space.CLIENT, key=client_id, value=row.value, expires_at=until, if_version=row.version)
            await self._store.put(used)

    async def _row(self, client_id: str) -> Row | None:
        if not client_id.startswith(ID_PREFIX) or len(client_id) > len(ID_PREFIX) + 64:
            return None
        return await self._store.get(Space.CLIENT, client_id)

    async def register(self, document: JsonValue, address: str) -> JsonObject:
        """Register a client and return its information response.

        Args:
            document: the client's metadata, as JSON.
            address: where the request came from.

        Raises:
            OAuthRefused: invalid_redirect_uri, invalid_client_metadata.
            RateLimited: too many came from this address, or in all.
        """
        if not isinstance(document, dict):
            raise OAuthRefused(OAuthCode.INVALID_CLIENT_METADATA, "the body must be a JSON object")
        client, secret = self._client(document)
        await self._admit(address)
        await self._store.put(
            Put(
                space=Space.CLIENT,
                key=client.id,
                value=encode_client(client),
                expires_at=self._now_s() + UNUSED_KEPT_S,
                indexes=(self._bound.word(),),
                if_version=0,
            )
        )
        hosts: list[JsonValue] = [*sorted({urlsplit(uri).hostname or "" for uri in client.redirect_uris})]
        self._audit.append_nowait(
            service_event("oauth_register", client=client.id, client_name=client.name, hosts=hosts, client_ip=address)
        )
        return _information(client, secret, document)

    def _client(self, document: JsonObject) -> tuple[Client, Secret | None]:
        redirect_uris = self._redirects(document.get("redirect_uris"))
        method = document.get("token_endpoint_auth_method", "none")
        grant_types = document.get("grant_types", ["authorization_code"])
        if not isinstance(grant_types, list) or "authorization_code" not in grant_types:
            raise OAuthRefused(OAuthCode.INVALID_CLIENT_METADATA, "grant_types: must hold authorization_code")
        name = document.get("client_name")
        shown = shorten(clean_line(name), MAX_NAME_CHARS) if isinstance(name, str) else ""
        client = Client(
            id=ID_PREFIX + new_id(),
            kind=ClientKind.REGISTERED,
            name=shown or "a program that gave no name",
            redirect_uris=redirect_uris,
            created_at=self._now_s(),
        )
        if method == "none":
            return client, None
        if isinstance(method, str) and method in _SECRET_METHODS:
            secret = Secret(SECRET_PREFIX + secrets.token_urlsafe(32))
            digest = hashlib.sha256(secret.reveal().encode()).digest()
            return replace(client, auth=ClientAuth.SECRET, secret_sha256=digest), secret
        rule = "token_endpoint_auth_method: must be none, client_secret_basic or client_secret_post"
        raise OAuthRefused(OAuthCode.INVALID_CLIENT_METADATA, rule)

    def _redirects(self, raw_uris: JsonValue) -> tuple[str, ...]:
        if not isinstance(raw_uris, list) or not raw_uris:
            raise OAuthRefused(OAuthCode.INVALID_REDIRECT_URI, "redirect_uris: must be a list with at least one URI")
        texts = [uri for uri in raw_uris[:MAX_REDIRECT_URIS] if isinstance(uri, str)]
        kept = tuple(dict.fromkeys(uri for uri in texts if is_valid_redirect(uri) and self._is_allowed(uri)))
        if not kept:
            rule = "redirect_uris: none may be used; https is needed, or http on localhost, and a host that is allowed"
            raise OAuthRefused(OAuthCode.INVALID_REDIRECT_URI, rule)
        return kept

    def _is_allowed(self, uri: str) -> bool:
        return is_local(uri) or is_allowed_host(urlsplit(uri).hostname or "", self._allowed)

    async def _admit(self, address: str) -> None:
        now_s = self._now_s()
        hour = now_s // HOUR_S
        until = (hour + 1) * HOUR_S
        wait_s = until - now_s
        # Threat: registration needs no credential, so it must not be able to fill the store.
        counts = (
            (f"register:{hour}:{hashlib.sha256(source_of(address).encode()).hexdigest()[:32]}", MAX_PER_ADDRESS),
            (f"register:{hour}", MAX_PER_HOUR),
        )
        for key, most in counts:
            if await self._store.add(Space.COUNTER, key, 1, expires_at=until) > most:
                raise RateLimited("Too many clients were registered.", "Try again later.", retry_after_s=wait_s)
        if not await self._bound.make_room():
            raise RateLimited("There are as many clients as may be.", "Try again later.", retry_after_s=wait_s)

    def _now_s(self) -> int:
        return unix_seconds(self._clock)


def is_allowed_host(host: str, allowed_domains: Iterable[str]) -> bool:
    """Return whether *host* is one of *allowed_domains* or below one; everything is where there are none."""
    domains = tuple(allowed_domains)
    return not domains or any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _information(client: Client, secret: Secret | None, document: JsonObject) -> JsonObject:
    """Return the client information response.

    Source: RFC 7591 section 3.2.1: what was registered, which may be less than what was asked for.
    """
    method = "none" if secret is None else document.get("token_endpoint_auth_method", "client_secret_basic")
    information: JsonObject = {
        "client_id": client.id,
        "client_id_issued_at": client.created_at,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
    }
    if secret is not None:
        information |= {"client_secret": secret.reveal(), "client_secret_expires_at": 0}
    return information
