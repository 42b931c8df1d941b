"""A sign-in from beginning to end: asked for by a client, agreed to by a person, proved at Gitea, answered by a code.

Laws:
    1. Nobody is sent to Gitea, and nothing is granted, before the person has agreed on our own page to this client,
       these rights and this address (MCP security best practices, "confused deputy").
    2. A sign-in belongs to one browser; another browser can neither agree to it nor finish it.
    3. The way to Gitea has a state of its own, made after the consent, good once and for ten minutes.
    4. What Gitea granted is read from Gitea; a grant that holds anything else than our constant set grants nothing.

Not here: HTTP (web/oauth), tokens (tokens.py).

Source: OAuth 2.1 sections 4.1 and 7.5; RFC 9700 section 4; gitea.md facts 2, 5 and 6.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final, final

from aegis_trio.auth.broker.browsers import Browser, Browsers
from aegis_trio.auth.broker.grants import principal_of
from aegis_trio.auth.broker.outcomes import (
    Answered,
    Arrived,
    Denied,
    GoToGitea,
    Granted,
    Lost,
    OtherGrant,
    OtherIssuer,
    OtherPerson,
    Pending,
    SignedIn,
)
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.broker.ports import (
    OAuthTrail,
    Upstream,
    UpstreamGrantDead,
    UpstreamIdentity,
    UpstreamOtherGrant,
    UpstreamTokens,
)
from aegis_trio.auth.broker.request import AuthorizationRequest
from aegis_trio.auth.broker.rows import CodeRow, GrantRow, LoginRow, decode_row, digest, encode_row, new_id
from aegis_trio.auth.broker.steps import SignInSteps
from aegis_trio.auth.broker.tokens import Tokens
from aegis_trio.auth.vault import Vault
from aegis_trio.gitea.id_token import s256_challenge
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.errors import RateLimited, UpstreamFault
from aegis_trio.model.identity import Origin
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import is_same_grant
from aegis_trio.store.bounded import BoundedSpace
from aegis_trio.store.interface import Put, Space, Store

LOGIN_TTL_S: Final = 600
MAX_LOGINS: Final = 10_000
"""Sign-ins on their way at once, of up to 16 KB each; a flood of them takes the places of its own oldest."""
RETRY_LOGINS_S: Final = 60
OWN_PAGES: Final = "aegis-trio"
"""What stands in the place of a client's id when a person signs in to our own pages."""
STATE_BYTES: Final = 32


@final
class SignIns:
    """Sign-ins on their way."""

    def __init__(
        self,
        store: Store,
        *,
        browsers: Browsers,
        people: People,
        tokens: Tokens,
        upstream: Upstream,
        vault: Vault,
        clock: WallClock,
        audit: OAuthTrail,
        write_mode: bool,
        max_logins: int = MAX_LOGINS,
    ) -> None:
        self._store = store
        self._browsers = browsers
        self._people = people
        self._tokens = tokens
        self._upstream = upstream
        self._vault = vault
        self._clock = clock
        self._steps = SignInSteps(audit, clock)
        self._bound = BoundedSpace(store, Space.LOGIN, clock, most=max_logins, kept_s=LOGIN_TTL_S)
        self._write_mode = write_mode

    async def begin(self, request: AuthorizationRequest, browser: Browser, origin: Origin) -> Pending:
        """Keep what a client asks for until the person has read it.

        Raises:
            RateLimited: more sign-ins are on their way than may be.
        """
        await self._make_room()
        login = LoginRow(
            client_id=request.client.id,
            client_name=request.client.name,
            redirect_uri=request.redirect_uri,
            state=request.state,
            scopes=request.scopes,
            code_challenge=request.code_challenge,
            resource=request.resource,
            browser=browser.id,
        )
        pending = Pending(id=new_id(), login=login)
        await self._keep(pending.id, login)
        self._steps.record("oauth_authorize", login, origin, step="asked")
        return pending

    async def begin_own(self, browser: Browser, origin: Origin) -> GoToGitea:
        """Send a person to Gitea who signs in to our own pages.

        There is nothing to agree to: no client is concerned, and nothing is granted.

        Raises:
            RateLimited: more sign-ins are on their way than may be.
        """
        await self._make_room()
        login = LoginRow(
            client_id=OWN_PAGES,
            client_name="",
            redirect_uri="",
            state=None,
            scopes=(),
            code_challenge="",
            resource="",
            browser=browser.id,
            is_own=True,
        )
        return await self._send_to_gitea(login, origin)

    async def find(self, login_id: str, browser: Browser) -> Pending | None:
        """Return a sign-in of this browser that waits for consent."""
        row = await self._store.get(Space.LOGIN, login_id)
        login = None if row is None else decode_row(LoginRow, row.value)
        # Threat: a sign-in begun in one browser and finished in another signs its owner in as somebody else.
        if login is None or login.browser != browser.id or login.is_own:
            return None
        return Pending(id=login_id, login=login)

    async def deny(self, login_id: str, browser: Browser, origin: Origin) -> Answered:
        """End a sign-in that the person refused."""
        pending = await self.find(login_id, browser)
        if pending is None or await self._store.take(Space.LOGIN, login_id) is None:
            return Lost()
        self._steps.record("oauth_authorize", pending.login, origin, step="denied")
        return Denied(pending.login)

    async def allow(self, login_id: str, browser: Browser, origin: Origin) -> Answered:
        """Go on with a sign-in that the person agreed to.

        Raises:
            UpstreamFault: Gitea cannot be asked whether the person's tokens still work; nothing was granted.
        """
        pending = await self.find(login_id, browser)
        if pending is None:
            return Lost()
        if browser.uid is not None and browser.login is not None and await self._people.is_signed_in(browser.uid):
            if await self._store.take(Space.LOGIN, login_id) is None:
                return Lost()
            return await self._grant(pending.login, browser, browser.uid, browser.login, origin)
        if await self._store.take(Space.LOGIN, login_id) is None:
            return Lost()
        return await self._send_to_gitea(pending.login, origin)

    async def not_me(self, login_id: str, browser: Browser) -> tuple[Pending | None, Browser]:
        """Sign the browser out, and show the same question again."""
        pending = await self.find(login_id, browser)
        fresh = await self._browsers.sign_out(browser)
        if pending is None:
            return None, fresh
        moved = replace(pending.login, browser=fresh.id)
        await self._keep(login_id, moved)
        return Pending(id=login_id, login=moved), fresh

    async def finish(
        self, raw_state: str, raw_code: str | None, browser: Browser, origin: Origin, *, raw_issuer: str | None = None
    ) -> Arrived:
        """Take the browser back from Gitea.

        Args:
            raw_code: None where Gitea came back with an error.
            raw_issuer: whose answer it says that it is; None where it does not say.

        Raises:
            UpstreamFault: Gitea cannot be asked; nothing was granted, and a client's sign-in waits for consent again,
                under the id `waiting_id(raw_state)`.
        """
        row = await self._store.get(Space.LOGIN, digest(raw_state))
        login = None if row is None else decode_row(LoginRow, row.value)
        if login is None or login.browser != browser.id or login.nonce is None or login.verifier is None:
            return Lost()
        # Threat: another authorization server's answer, brought to us as if it were Gitea's (mix-up, RFC 9207).
        if raw_issuer is not None and not await self._upstream.is_issuer(raw_issuer):
            self._steps.record("oauth_authorize", login, origin, step="other_issuer")
            return OtherIssuer()
        if await self._store.take(Space.LOGIN, digest(raw_state)) is None:
            return Lost()
        verifier = self._vault.unseal(login.verifier, row=digest(raw_state), owner=login.browser)
        if raw_code is None or verifier is None:
            self._steps.record("oauth_authorize", login, origin, step="refused_at_gitea")
            return Denied(login)
        failure: UpstreamFault
        try:
            tokens = await self._upstream.exchange(Secret(raw_code), verifier)
            identity = await self._upstream.identify(tokens, login.nonce)
        except UpstreamGrantDead:
            self._steps.record("oauth_authorize", login, origin, step="code_refused_at_gitea")
            return Denied(login)
        except UpstreamOtherGrant as other:
            self._steps.record("oauth_authorize", login, origin, step="other_grant_at_gitea")
            return OtherGrant(login, other.person)
        except UpstreamFault as fault:
            failure = fault
        else:
            return await self._arrive(login, browser, tokens, identity, origin)
        self._steps.record("oauth_authorize", login, origin, step="gitea_failed")
        if not login.is_own:
            await self._keep(waiting_id(raw_state), replace(login, nonce=None, verifier=None))
        raise failure

    async def _arrive(
        self,
        login: LoginRow,
        browser: Browser,
        tokens: UpstreamTokens,
        identity: UpstreamIdentity,
        origin: Origin,
    ) -> Arrived:
        if not is_same_grant(identity.scope, write_mode=self._write_mode):
            self._steps.record("oauth_authorize", login, origin, step="other_grant_at_gitea")
            return OtherGrant(login, identity.login)
        await self._people.remember(identity, tokens)
        signed_in = await self._browsers.sign_in(browser, identity.uid, identity.login)
        if login.is_own:
            whom = {"principal": principal_of(identity.uid), "login": identity.login}
            self._steps.record("oauth_authorize", login, origin, step="signed_in", **whom)
            return SignedIn(signed_in)
        if browser.uid is not None and browser.uid != identity.uid:
            pending = Pending(id=new_id(), login=replace(login, browser=signed_in.id, nonce=None, verifier=None))
            await self._keep(pending.id, pending.login)
            return OtherPerson(pending, signed_in)
        return await self._grant(login, signed_in, identity.uid, identity.login, origin)

    async def _send_to_gitea(self, login: LoginRow, origin: Origin) -> GoToGitea:
        state, nonce, verifier = (secrets.token_urlsafe(STATE_BYTES) for _ in range(3))
        challenge = s256_challenge(Secret(verifier))
        sealed = self._vault.seal(Secret(verifier), row=digest(state), owner=login.browser)
        await self._keep(digest(state), replace(login, nonce=nonce, verifier=sealed))
        self._steps.record("oauth_authorize", login, origin, step="agreed")
        return GoToGitea(self._upstream.authorize_address(state=state, nonce=nonce, challenge=challenge))

    async def _grant(self, login: LoginRow, browser: Browser, uid: int, person: str, origin: Origin) -> Granted:
        now_s = unix_seconds(self._clock)
        grant = GrantRow(
            id=new_id(),
            uid=uid,
            login=person,
            client_id=login.client_id,
            client_name=login.client_name,
            scopes=login.scopes,
            resource=login.resource,
            created_at=now_s,
            last_used_at=now_s,
        )
        code = await self._tokens.make_code(
            CodeRow(grant=grant, redirect_uri=login.redirect_uri, code_challenge=login.code_challenge)
        )
        self._steps.record("oauth_grant", login, origin, grant=grant.id, principal=principal_of(uid), login=person)
        return Granted(login=login, code=code, browser=browser)

    async def _keep(self, key: str, login: LoginRow) -> None:
        until = unix_seconds(self._clock) + LOGIN_TTL_S
        words = (self._bound.word(),)
        await self._store.put(Put(space=Space.LOGIN, key=key, value=encode_row(login), expires_at=until, indexes=words))

    async def _make_room(self) -> None:
        if not await self._bound.make_room():
            rule = "Too many sign-ins are on their way."
            raise RateLimited(rule, "Try again later.", retry_after_s=RETRY_LOGINS_S)


def waiting_id(raw_state: str) -> str:
    """Return the id of the sign-in that was on its way to Gitea with *raw_state*."""
    return digest(raw_state)
