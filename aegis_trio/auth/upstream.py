"""Gitea's login, as the broker uses it: our one application, and whom its tokens stand for.

Laws:
    1. Who signed in is what three witnesses agree on: the ID token (signature, nonce, our application), introspection
       (our application again, and the grant's real scope), and the account itself (it may be used).
    2. A token that opens more than its grant says is not kept: Gitea before 1.23 ignores scopes, and says nothing.
    3. Gitea is asked for one constant scope, whatever a client asked of us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import structlog

from aegis_trio.auth.broker.ports import UpstreamGrantDead, UpstreamIdentity, UpstreamOtherGrant, UpstreamTokens
from aegis_trio.auth.jwks import SigningKeys
from aegis_trio.gitea.id_token import authorize_url, verify_id_token
from aegis_trio.gitea.oauth import GiteaOAuth, GiteaTokens, Inactive
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.errors import GrantDead, UpstreamBroken, UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import gitea_scopes

_OPENID: Final = "openid"

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GiteaLogin:
    """An `Upstream`."""

    oauth: GiteaOAuth
    keys: SigningKeys
    clock: WallClock
    browser_url: str
    """Gitea's base URL, as people's browsers reach it."""
    client_id: str
    redirect_uri: str
    write_mode: bool

    def authorize_address(self, *, state: str, nonce: str, challenge: str) -> str:
        """Return where the browser goes to sign in at Gitea."""
        return authorize_url(
            self.browser_url,
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            state=state,
            nonce=nonce,
            scope=" ".join(gitea_scopes(write_mode=self.write_mode)),
            challenge=challenge,
        )

    async def is_issuer(self, raw_issuer: str) -> bool:
        """Return whether an answer that names *raw_issuer* is Gitea's.

        Raises:
            UpstreamFault: Gitea cannot be asked what it calls itself.

        Source: RFC 9207 section 2.4 (simple string comparison).
        """
        return raw_issuer == (await self.oauth.discover()).issuer

    async def exchange(self, code: Secret, verifier: Secret) -> UpstreamTokens:
        """Exchange the code that Gitea gave.

        Raises:
            UpstreamGrantDead: it is none.
            UpstreamFault: Gitea cannot be asked.
        """
        try:
            return _tokens(await self.oauth.exchange_code(code, self.redirect_uri, verifier))
        except GrantDead:
            raise UpstreamGrantDead from None

    async def refresh(self, refresh_token: Secret) -> UpstreamTokens:
        """Exchange a refresh token.

        Raises:
            UpstreamGrantDead: the grant has ended.
            UpstreamFault: Gitea cannot be asked.
        """
        try:
            return _tokens(await self.oauth.refresh(refresh_token))
        except GrantDead:
            raise UpstreamGrantDead from None

    async def identify(self, tokens: UpstreamTokens, nonce: str) -> UpstreamIdentity:
        """Return whose tokens these are.

        Raises:
            UpstreamGrantDead: the grant has ended already, or the account may not be used.
            UpstreamOtherGrant: an older grant lacks `openid`, and Gitea keeps it as it was made.
            UpstreamBroken: the witnesses do not agree.
            UpstreamFault: Gitea cannot be asked.
        """
        # 1. the grant lives, and is to us  2. the ID token is this sign-in's, and says the same  3. the account may be
        # used
        found = await self.oauth.introspect(tokens.access)
        if isinstance(found, Inactive):
            raise UpstreamGrantDead
        if self.client_id not in found.audience:
            # Threat: a code of another application, put into this sign-in.
            raise UpstreamBroken("Gitea gave a token of another application.", "Sign in again.")
        if tokens.id_token is None:
            if _OPENID not in found.scopes:
                raise UpstreamOtherGrant(found.username)
            raise UpstreamBroken("Gitea gave no ID token.", "Tell the operator: the grant holds `openid`.")
        discovery = await self.oauth.discover()
        claims = verify_id_token(
            tokens.id_token.reveal(),
            keys=self.keys,
            issuer=discovery.issuer,
            client_id=self.client_id,
            nonce=nonce,
            access_token=tokens.access,
            now_s=unix_seconds(self.clock),
        )
        if found.uid != claims.uid:
            # Threat: a code of another person, put into this sign-in.
            raise UpstreamBroken("Gitea names two different people.", "Sign in again.")
        try:
            user = await self.oauth.current_user(tokens.access)
        except (UpstreamForbade, UpstreamRejectedIdentity):
            raise UpstreamGrantDead from None
        if user.uid != claims.uid or user.prohibited or not user.active:
            raise UpstreamGrantDead
        if not found.opens_everything and await self.oauth.opens_everything(tokens.access):
            # Threat: a Gitea that ignores scopes; whoever got hold of this token could do all that its owner can.
            log.error("gitea_ignores_scopes", remedy="Gitea 1.23 or newer is needed")
            raise UpstreamBroken("Gitea gives a sign-in every right.", "Ask the operator for Gitea 1.23 or newer.")
        return UpstreamIdentity(uid=user.uid, login=user.login, scope=" ".join(sorted(found.scopes)))

    async def may_be_used(self, token: Secret) -> bool:
        """Return whether Gitea still lets the owner of *token* in.

        Raises:
            UpstreamFault: Gitea cannot be asked.
        """
        try:
            user = await self.oauth.current_user(token)
        except (UpstreamForbade, UpstreamRejectedIdentity):
            return False
        return user.active and not user.prohibited


def _tokens(given: GiteaTokens) -> UpstreamTokens:
    return UpstreamTokens(
        access=given.access_token,
        refresh=given.refresh_token,
        expires_in_s=given.expires_in_s,
        id_token=None if given.id_token is None else Secret(given.id_token),
    )
