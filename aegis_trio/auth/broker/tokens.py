"""Tokens: codes are redeemed once, refresh tokens rotate, and whoever uses one twice ends the whole family.

Laws:
    1. A code or token is bound to its client; another client's use of it is a use of nothing.
    2. A code that is used again ends what its first use began (RFC 6749 section 4.1.2).
    3. A refresh token that comes again within `GRACE_S` gets the same answer again, as the first may have been lost;
       later, or once the answer was used, it is stolen: the grant ends, and that is recorded loudly.

Source: OAuth 2.1 sections 4.1.3 and 4.3; RFC 7009; RFC 9700 section 4.14.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final, cast, final

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.ports import OAuthTrail
from aegis_trio.auth.broker.proof import check_resource, fits_challenge, narrow_scopes
from aegis_trio.auth.broker.rows import (
    ACCESS_PREFIX,
    CODE_PREFIX,
    MAX_TOKEN_CHARS,
    REFRESH_PREFIX,
    AccessRow,
    CodeRow,
    GrantRow,
    RefreshRow,
    decode_code,
    decode_row,
    digest,
    encode_row,
    grant_word,
    new_token,
)
from aegis_trio.auth.broker.token_records import tokens_given, used_twice
from aegis_trio.auth.vault import Vault
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.secret import Secret
from aegis_trio.store.interface import Delete, Put, Space, Store

CODE_TTL_S: Final = 60
USED_CODE_KEPT_S: Final = 600
GRACE_S: Final = 30


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """How long tokens are good, seconds."""

    access_ttl_s: int = 3600
    refresh_ttl_s: int = 30 * 86_400


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What the token endpoint gives."""

    access: Secret
    refresh: Secret
    expires_in_s: int
    scopes: tuple[str, ...]


@final
class Tokens:
    """Makes, exchanges and ends tokens."""

    def __init__(
        self,
        store: Store,
        *,
        grants: Grants,
        vault: Vault,
        clock: WallClock,
        audit: OAuthTrail,
        settings: TokenSettings | None = None,
    ) -> None:
        self._store = store
        self._grants = grants
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._settings = settings if settings is not None else TokenSettings()

    # ---- codes ------------------------------------------------------------------------------------------------------

    async def make_code(self, code: CodeRow) -> Secret:
        """Return a code for *code*, good for `CODE_TTL_S` seconds and one use."""
        text = new_token(CODE_PREFIX)
        until = self._now_s() + CODE_TTL_S
        await self._store.put(
            Put(space=Space.CODE, key=digest(text.reveal()), value=encode_row(code), expires_at=until, if_version=0)
        )
        return text

    async def redeem(
        self,
        raw_code: str,
        *,
        client_id: str,
        redirect_uri: str | None,
        raw_verifier: str,
        resource: str | None = None,
        address: str | None = None,
    ) -> TokenPair:
        """Exchange a code for the first tokens of its grant.

        Args:
            resource: what the client means to use them for, where it says so; one of ours.
            address: where the client is, for the record.

        Raises:
            OAuthRefused: invalid_grant: unknown, expired, used, another client's, another redirect URI, or a verifier
                that does not fit; invalid_target: granted for another resource.
        """
        key = digest(raw_code[: MAX_TOKEN_CHARS + 1])
        row = await self._store.get(Space.CODE, key)
        if row is None:
            await self._notice_reuse(key, client_id, address)
            raise _no_code()
        code = decode_code(row.value)
        # A wrong client or redirect URI must not use the code up: whoever guesses would lock the right one out.
        if code.grant.client_id != client_id or (redirect_uri is not None and redirect_uri != code.redirect_uri):
            raise _no_code()
        if not fits_challenge(raw_verifier, code.code_challenge):
            raise OAuthRefused(OAuthCode.INVALID_GRANT, "code_verifier: does not fit the code_challenge")
        check_resource(code.grant.resource, resource)
        await self._grants.make_room(code.grant.uid, client_id)
        now_s = self._now_s()
        grant = replace(code.grant, last_used_at=now_s)
        pair = self._new_pair(grant.scopes)
        used = Put(space=Space.CODE, key=f"used:{key}", value=grant.id.encode(), expires_at=now_s + USED_CODE_KEPT_S)
        done = await self._store.apply(
            (
                Delete(space=Space.CODE, key=key, if_version=row.version),
                used,
                self._grants.keep(grant, now_s + self._settings.refresh_ttl_s, 0),
                *self._puts(pair, grant),
            )
        )
        if not done:
            await self._notice_reuse(key, client_id, address)
            raise _no_code()
        self._audit.append_nowait(tokens_given("oauth_token", grant, address))
        return pair

    async def _notice_reuse(self, key: str, client_id: str, address: str | None) -> None:
        used = await self._store.get(Space.CODE, f"used:{key}")
        grant = None if used is None else await self._grants.find(used.value.decode())
        if grant is not None and grant.client_id == client_id:
            await self._end_family(grant.id, "code", address)

    # ---- refresh ----------------------------------------------------------------------------------------------------

    async def refresh(
        self,
        raw_token: str,
        *,
        client_id: str,
        raw_scopes: tuple[str, ...] | None,
        resource: str | None = None,
        address: str | None = None,
    ) -> TokenPair:
        """Exchange a refresh token.

        Args:
            raw_scopes: narrower scopes for the new access token; None for those of the grant.
            resource: what the client means to use it for, where it says so; one of ours.
            address: where the client is, for the record.

        Raises:
            OAuthRefused: invalid_grant: unknown, expired, used, or another client's; invalid_scope: wider than granted;
                invalid_target: granted for another resource.
        """
        key = digest(raw_token[: MAX_TOKEN_CHARS + 1])
        row = await self._store.get(Space.REFRESH, key)
        token = None if row is None else decode_row(RefreshRow, row.value)
        found = None if token is None else await self._grants.find_version(token.grant_id)
        if row is None or token is None or found is None or found[0].client_id != client_id:
            raise OAuthRefused(OAuthCode.INVALID_GRANT, "refresh_token: unknown or no longer good; sign in again")
        grant, version = found
        check_resource(grant.resource, resource)
        if token.used_at is not None:
            return await self._repeat(key, token, grant, address)
        scopes = narrow_scopes(grant.scopes, raw_scopes)
        now_s = self._now_s()
        pair = self._new_pair(scopes)
        spent = replace(token, used_at=now_s, successor=self._seal(pair, key, grant))
        done = await self._store.apply(
            (
                Put(
                    space=Space.REFRESH,
                    key=key,
                    value=encode_row(spent),
                    expires_at=row.expires_at,
                    indexes=(grant_word(grant.id),),
                    if_version=row.version,
                ),
                # Invariant: a grant that ended meanwhile stays ended.
                self._grants.keep(replace(grant, last_used_at=now_s), now_s + self._settings.refresh_ttl_s, version),
                *self._puts(pair, grant),
            )
        )
        if not done:
            # Somebody was faster with the same token or grant; what that means is judged anew.
            return await self.refresh(
                raw_token, client_id=client_id, raw_scopes=raw_scopes, resource=resource, address=address
            )
        self._audit.append_nowait(tokens_given("oauth_refresh", grant, address))
        return pair

    async def _repeat(self, key: str, token: RefreshRow, grant: GrantRow, address: str | None) -> TokenPair:
        pair = self._unseal(token.successor, key, grant)
        is_early = token.used_at is not None and self._now_s() - token.used_at <= GRACE_S
        if pair is not None and is_early:
            successor = await self._store.get(Space.REFRESH, digest(pair.refresh.reveal()))
            if successor is not None and decode_row(RefreshRow, successor.value).used_at is None:
                self._audit.append_nowait(tokens_given("oauth_refresh", grant, address, repeated=True))
                return pair
        # Threat: two hold the same token, and one of them is not the client.
        await self._end_family(grant.id, "refresh_token", address)
        raise OAuthRefused(OAuthCode.INVALID_GRANT, "refresh_token: was used before; sign in again")

    # ---- their end --------------------------------------------------------------------------------------------------

    async def revoke(self, raw_token: str, *, client_id: str, address: str | None = None) -> None:
        """End the grant of a token of *client_id*; an unknown token is ignored.

        Source: RFC 7009 section 2.2: the answer does not say whether the token was known.
        """
        key = digest(raw_token[: MAX_TOKEN_CHARS + 1])
        access = await self._store.get(Space.ACCESS, key)
        refresh = await self._store.get(Space.REFRESH, key)
        if access is not None:
            grant_id = decode_row(AccessRow, access.value).grant_id
        elif refresh is not None:
            grant_id = decode_row(RefreshRow, refresh.value).grant_id
        else:
            return
        grant = await self._grants.find(grant_id)
        if grant is not None and grant.client_id == client_id:
            await self._grants.end(grant.id, "client", address)

    async def find_access(self, raw_token: str) -> tuple[AccessRow, GrantRow] | None:
        """Return an access token that is good, with its grant; both as the store's `get_recent` gives them."""
        row = await self._store.get_recent(Space.ACCESS, digest(raw_token[: MAX_TOKEN_CHARS + 1]))
        access = None if row is None else decode_row(AccessRow, row.value)
        grant = None if access is None else await self._grants.find_recent(access.grant_id)
        return None if access is None or grant is None else (access, grant)

    async def _end_family(self, grant_id: str, what: str, address: str | None) -> None:
        grant = await self._grants.end(grant_id, f"reused_{what}", address)
        self._audit.append_nowait(used_twice(what, grant_id, grant, address))

    # ---- making -----------------------------------------------------------------------------------------------------

    def _new_pair(self, scopes: tuple[str, ...]) -> TokenPair:
        return TokenPair(
            access=new_token(ACCESS_PREFIX),
            refresh=new_token(REFRESH_PREFIX),
            expires_in_s=self._settings.access_ttl_s,
            scopes=scopes,
        )

    def _puts(self, pair: TokenPair, grant: GrantRow) -> tuple[Put, Put]:
        now_s = self._now_s()
        word = (grant_word(grant.id),)
        access = AccessRow(grant_id=grant.id, scopes=pair.scopes, resource=grant.resource)
        refresh = RefreshRow(grant_id=grant.id, scopes=grant.scopes)
        return (
            Put(
                space=Space.ACCESS,
                key=digest(pair.access.reveal()),
                value=encode_row(access),
                expires_at=now_s + pair.expires_in_s,
                indexes=word,
                if_version=0,
            ),
            Put(
                space=Space.REFRESH,
                key=digest(pair.refresh.reveal()),
                value=encode_row(refresh),
                expires_at=now_s + self._settings.refresh_ttl_s,
                indexes=word,
                if_version=0,
            ),
        )

    def _seal(self, pair: TokenPair, key: str, grant: GrantRow) -> str:
        plain = json.dumps([pair.access.reveal(), pair.refresh.reveal(), pair.expires_in_s, pair.scopes])
        return self._vault.seal(Secret(plain), row=key, owner=grant.id)

    def _unseal(self, sealed: str | None, key: str, grant: GrantRow) -> TokenPair | None:
        plain = None if sealed is None else self._vault.unseal(sealed, row=key, owner=grant.id)
        if plain is None:
            return None
        access, refresh, expires_in_s, scopes = cast("tuple[str, str, int, list[str]]", json.loads(plain.reveal()))
        return TokenPair(
            access=Secret(access), refresh=Secret(refresh), expires_in_s=expires_in_s, scopes=tuple(scopes)
        )

    def _now_s(self) -> int:
        return unix_seconds(self._clock)


def _no_code() -> OAuthRefused:
    return OAuthRefused(
        OAuthCode.INVALID_GRANT, "code: unknown, expired, used, or not for this client and redirect_uri"
    )
