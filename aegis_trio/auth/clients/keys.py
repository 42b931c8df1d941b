"""The public keys of clients that sign what they send, fetched from where their documents say.

Laws:
    1. Keys come from the client's own host: whoever could name another would let another's server speak for it.
    2. They are fetched by the same guard and within the same bounds as documents, and kept as documents are.
    3. An unknown key id asks for a fetch, at most once in `MIN_INTERVAL_S`: strangers choose key ids.
    4. Keys that were good until now stay so until their time is over, also while they cannot be fetched; a client whose
       keys cannot be had is told to come again, for one that hears `invalid_client` forgets its tokens.

Source: RFC 7591 section 2 (`jwks_uri`), OpenID Connect Core section 10.1.1 (rotation).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, cast, final

import jwt
import structlog
import trio

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.clients.documents import MAX_KEPT, kept_for_s, read_client_address
from aegis_trio.auth.clients.fetching import Fetch, Fetching
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.pinned import PINNED
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.json_reader import read_json

MIN_INTERVAL_S: Final = 60.0
MAX_KEYS: Final = 16
_WELL_KNOWN: Final = frozenset(client.id for client in PINNED)

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True)
class _Kept:
    keys: JsonObject
    until: float
    fetched: float
    """When that was last tried."""


@final
class ClientKeys:
    """Key sets of clients."""

    def __init__(self, fetch: Fetch) -> None:
        """Know none yet.

        Args:
            fetch: the guarded fetch.
        """
        self._fetching = Fetching(fetch)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def of(self, client: Client, raw_assertion: str, *, asker: str | None = None) -> JsonObject | None:
        """Return the keys of *client* with which *raw_assertion* may be signed, or None when it publishes none.

        Args:
            client: whose document was read.
            raw_assertion: what it sent.
            asker: the address that it came from; None is not counted.

        Raises:
            OAuthRefused: invalid_client: they stand where they may not.
            NotFetched: they cannot be had now, or are none.
        """
        if client.jwks is not None or client.jwks_uri is None:
            return client.jwks
        place = read_client_address(client.jwks_uri)
        # Threat: keys at another host, where its owner never meant to speak for this client.
        if place is None or place[0] != client.host:
            rule = "jwks_uri: the client's keys must stand at its own host, by https and without a port"
            raise OAuthRefused(OAuthCode.INVALID_CLIENT, rule)
        kept = self._kept.get(client.jwks_uri)
        if kept is not None and self._is_good(kept, _key_id(raw_assertion)):
            self._kept.move_to_end(client.jwks_uri)
            return kept.keys
        try:
            is_familiar = kept is not None or client.id in _WELL_KNOWN
            return await self._fetched(client.jwks_uri, place, asker, is_familiar=is_familiar)
        except NotFetched as missing:
            log.info("client_keys_not_fetched", client=client.id, reason=str(missing))
            now = trio.current_time()
            if kept is not None and kept.until > now:
                self._kept[client.jwks_uri] = replace(kept, fetched=now)
                return kept.keys
            raise

    async def _fetched(self, uri: str, place: tuple[str, str], asker: str | None, *, is_familiar: bool) -> JsonObject:
        body, cache_control = await self._fetching.fetch(*place, asker=asker, is_familiar=is_familiar)
        keys = _read_keys(body)
        now = trio.current_time()
        self._kept[uri] = _Kept(keys, now + kept_for_s(cache_control), now)
        self._kept.move_to_end(uri)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return keys

    def _is_good(self, kept: _Kept, key_id: str | None) -> bool:
        now = trio.current_time()
        if kept.until <= now:
            return False
        known = [key.get("kid") for key in cast("list[JsonObject]", kept.keys["keys"])]
        return key_id is None or key_id in known or now - kept.fetched < MIN_INTERVAL_S


def _read_keys(body: bytes) -> JsonObject:
    """Return the key set that stands in *body*, of what in it is a key.

    Raises:
        NotFetched: there is none.
    """
    document = read_json(body)
    listed = document.get("keys") if isinstance(document, dict) else None
    found = listed[:MAX_KEYS] if isinstance(listed, list) else []
    keys: list[JsonValue] = [key for key in found if isinstance(key, dict) and isinstance(key.get("kid", ""), str)]
    if not keys:
        raise NotFetched("the document holds no keys")
    return {"keys": keys}


def _key_id(raw_assertion: str) -> str | None:
    try:
        header = jwt.get_unverified_header(raw_assertion)
    except jwt.PyJWTError:
        return None
    key_id: object = header.get("kid")
    return key_id if isinstance(key_id, str) else None
