"""Gitea's OAuth provider: the requests of a broker, and what Gitea's answers mean.

Laws:
    1. Only JSON of the right form says "active" or "here is a token". A page, a redirect, an unknown word is a fault:
       Gitea shows a blocked person's token an HTML page with status 200.
    2. Of an error only words of a fixed list are read, and none is repeated.
    3. What is secret is `Secret` from the moment in which it was decoded.

Not here: sending (client.py), the public documents (discovery.py), signatures and claims (id_token.py), our own
application (applications.py).

Source: gitea routers/web/auth/oauth2_provider.go, services/oauth2_provider/*.go at v1.25.4, and recorded answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final, final
from urllib.parse import urlencode

from aegis_trio.gitea.client import GiteaClient
from aegis_trio.gitea.discovery import Discovery, get_discovery, get_signing_keys
from aegis_trio.gitea.provider import FORM, JSON, Application, ProviderRequest, uid_of, unexpected
from aegis_trio.gitea.refusals import KNOWN_SCOPES
from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.gitea.shapes import flag, read_object, text, text_or_empty
from aegis_trio.gitea.users import CurrentUser, current_user, probe_administration
from aegis_trio.model.errors import ClientRefused, Fault, GrantDead, UpstreamBroken, UpstreamRejectedIdentity
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.policy.pathguard import Route

_TOKEN_PATH: Final = ("login", "oauth", "access_token")
_INTROSPECT_PATH: Final = ("login", "oauth", "introspect")
_USERINFO_PATH: Final = ("login", "oauth", "userinfo")
_OAUTH_TOKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,4096}", re.ASCII)
# Source: models/auth/oauth2.go GenerateNewAuthorizationCode: `gta_` and 52 letters.
_CODE: Final = re.compile(r"[A-Za-z0-9._~-]{1,512}", re.ASCII)
_MAX_ID_TOKEN_CHARACTERS: Final = 16 * 1024  # groups of a person in hundreds of teams stand in it
_MAX_LIFETIME_S: Final = 400 * 24 * 3600
# Source: services/oauth2_provider/access_token.go: words about the person, which open nothing of the API.
_ABOUT_THE_PERSON: Final = frozenset({"openid", "profile", "email", "groups"})
# Source: oauth2_provider.go handleAuthorizationCode, handleRefreshToken: one error code stands for several causes.
_DEAD: Final = frozenset(
    {
        "unable to parse refresh token",
        "token was already used",
        "grant does not exist",
        "invalid grant",
        "client is not authorized",  # the code is unknown, or was used before
    }
)
_REFUSED: Final = frozenset({"invalid client secret", "invalid empty client secret", "unexpected redirect URI"})
_PKCE_FAILED: Final = "failed PKCE code challenge"
_FAILED_SIGN_IN: Final = b"Failed to authenticate user"
_NO_CLIENT: Final = b"no valid authorization"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GiteaTokens:
    """What a code or a refresh token was exchanged for."""

    access_token: Secret
    refresh_token: Secret
    expires_in_s: int
    id_token: str | None = field(repr=False)
    """Only where the grant holds `openid`; unverified."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """A token that Gitea calls active: a refresh token is, too, and so is a blocked person's.

    Whether it is an access token is for the caller to check (`id_token.read_access_claims`).
    """

    scopes: frozenset[str]
    """The grant's words as they were asked for; none at all means everything."""
    username: str
    uid: int
    audience: tuple[str, ...]
    """The application that the token was given to."""
    issuer: str

    @property
    def opens_everything(self) -> bool:
        """Whether Gitea reads the words as `all`: one word that it does not know is enough, and so is none.

        Source: services/oauth2_provider/access_token.go GrantAdditionalScopes.
        """
        words = {word for scope in self.scopes for word in scope.split(",")} - _ABOUT_THE_PERSON
        return not words or "all" in words or not words <= KNOWN_SCOPES


@final
@dataclass(frozen=True, slots=True)
class Inactive:
    """Gitea does not know the token: garbage, expired, revoked, or of another kind."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """Whom a token stands for, by the one page that asks for no scope."""

    uid: int
    login: str


def exchange_code(code: Secret, redirect_uri: str, verifier: Secret) -> ProviderRequest[GiteaTokens]:
    """Exchange the code of a finished sign-in; it works once.

    Faults: GrantDead when Gitea does not know the code, ClientRefused when our id, secret or redirect URI is wrong.
    """
    # Threat: the code comes out of an address that anybody may call; what Gitea never gives is never sent there.
    if not _CODE.fullmatch(code.reveal()):
        raise _grant_dead()
    fields = {"code": code.reveal(), "redirect_uri": redirect_uri, "code_verifier": verifier.reveal()}
    return _token_request("authorization_code", fields)


def refresh(refresh_token: Secret) -> ProviderRequest[GiteaTokens]:
    """Exchange a refresh token for new tokens; where Gitea rotates, the old one is dead from then on.

    Faults: GrantDead when it was used or revoked or has expired, ClientRefused when our id or secret is wrong.
    """
    return _token_request("refresh_token", {"refresh_token": refresh_token.reveal()})


def _token_request(grant_type: str, fields: dict[str, str]) -> ProviderRequest[GiteaTokens]:
    return ProviderRequest(
        route=Route(segments=_TOKEN_PATH),
        segments=_TOKEN_PATH,
        decode=_tokens,
        subject="the exchange of tokens",
        method="POST",
        content=urlencode({"grant_type": grant_type, **fields}).encode(),
        content_type=FORM,
        repeatable=False,
        ok=frozenset({200, 400, 401}),
    )


def introspect(token: Secret) -> ProviderRequest[Introspection | Inactive]:
    """Ask what Gitea knows of *token*.

    The body is JSON: Gitea reads a form field called `token` as a sign-in, and answers something else.

    Source: services/auth/oauth2.go parseToken.
    """
    return ProviderRequest(
        route=Route(segments=_INTROSPECT_PATH),
        segments=_INTROSPECT_PATH,
        decode=_introspection,
        subject="a token",
        method="POST",
        content=json.dumps({"token": token.reveal()}).encode(),
        content_type=JSON,
        ok=frozenset({200, 401}),
    )


def userinfo() -> ProviderRequest[UserInfo]:
    """Ask whom the token stands for, which is sent as the credential."""
    return ProviderRequest(
        route=Route(segments=_USERINFO_PATH),
        segments=_USERINFO_PATH,
        decode=_userinfo,
        subject="the token's owner",
        ok=frozenset({200, 401}),
    )


def _tokens(response: ForgeResponse) -> GiteaTokens:
    fields = read_object(response)
    if response.status != 200:
        raise _token_fault(fields)
    lifetime_s = fields.get("expires_in")
    kind = text(fields, "token_type")
    if not isinstance(lifetime_s, int) or isinstance(lifetime_s, bool) or not 0 < lifetime_s <= _MAX_LIFETIME_S:
        raise unexpected("the exchange of tokens")
    if kind.lower() != "bearer":
        raise unexpected("the exchange of tokens")
    id_token = text_or_empty(fields, "id_token")
    if len(id_token) > _MAX_ID_TOKEN_CHARACTERS:
        raise unexpected("the exchange of tokens")
    return GiteaTokens(
        access_token=_token_word(fields, "access_token"),
        refresh_token=_token_word(fields, "refresh_token"),
        expires_in_s=lifetime_s,
        id_token=id_token or None,
    )


def _token_word(fields: JsonObject, name: str) -> Secret:
    raw = text(fields, name)
    if not _OAUTH_TOKEN.fullmatch(raw):
        raise unexpected("the exchange of tokens")
    return Secret(raw)


def _token_fault(fields: JsonObject) -> Fault:
    error, description = text(fields, "error"), text_or_empty(fields, "error_description")
    if error == "invalid_client" or description in _REFUSED:
        return _client_refused()
    if error == "invalid_grant" or description in _DEAD:
        return _grant_dead()
    if description == _PKCE_FAILED:
        # An old `plain` challenge in the browser's session at Gitea makes every later sign-in of that session fail.
        return GrantDead(
            "Gitea did not accept the proof of this sign-in.", "Sign out of Gitea in this browser, then sign in again."
        )
    return UpstreamBroken("Gitea refused the exchange of tokens for a reason of its own.", "Tell the operator.")


def _grant_dead() -> GrantDead:
    return GrantDead("Gitea no longer knows this sign-in.", "Sign in again.")


def _client_refused() -> ClientRefused:
    return ClientRefused(
        "Gitea refuses the gate's own OAuth application.",
        "Ask the operator to check GITEA_OAUTH_CLIENT_ID, GITEA_OAUTH_CLIENT_SECRET and the redirect URI at Gitea.",
    )


def _introspection(response: ForgeResponse) -> Introspection | Inactive:
    if response.status == 401:
        said = response.body.strip()
        if said == _FAILED_SIGN_IN:
            return Inactive()
        raise _client_refused() if said == _NO_CLIENT else unexpected("a token")
    fields = read_object(response)
    if not isinstance(fields.get("active"), bool):
        raise unexpected("a token")
    if not flag(fields, "active"):
        return Inactive()
    username = text(fields, "username")
    audience = _audience(fields)
    if not username or not audience:
        raise unexpected("a token")
    return Introspection(
        scopes=frozenset(text_or_empty(fields, "scope").split()),
        username=username,
        uid=uid_of(fields, "sub"),
        audience=audience,
        issuer=text_or_empty(fields, "iss"),
    )


def _audience(fields: JsonObject) -> tuple[str, ...]:
    """Read one name or a list of names."""
    raw = fields.get("aud")
    listed = [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list):
        raise unexpected("a token")
    words = tuple(word for word in listed if isinstance(word, str) and word)
    if len(words) != len(listed):
        raise unexpected("a token")
    return words


def _userinfo(response: ForgeResponse) -> UserInfo:
    if response.status == 401:
        raise UpstreamRejectedIdentity("Gitea no longer accepts the token of this sign-in.", "Sign in again.")
    fields = read_object(response)
    login = text(fields, "preferred_username")
    if not login:
        raise unexpected("the token's owner")
    return UserInfo(uid=uid_of(fields, "sub"), login=login)


@final
class GiteaOAuth:
    """Gitea's sign-in side, as our application asks it."""

    def __init__(self, client: GiteaClient, application: Application) -> None:
        self._client = client
        self._application = application

    async def discover(self) -> Discovery:
        """Fetch who issues tokens, and by which algorithms."""
        return await self._client.ask_provider(get_discovery(), None)

    async def fetch_jwks(self) -> JsonObject:
        """Fetch the public keys; this is what `auth.jwks.run_refresher` calls."""
        return await self._client.ask_provider(get_signing_keys(), None)

    async def exchange_code(self, code: Secret, redirect_uri: str, verifier: Secret) -> GiteaTokens:
        """Exchange the code of a finished sign-in."""
        return await self._client.ask_provider(exchange_code(code, redirect_uri, verifier), self._application)

    async def refresh(self, refresh_token: Secret) -> GiteaTokens:
        """Exchange a refresh token for new tokens."""
        return await self._client.ask_provider(refresh(refresh_token), self._application)

    async def introspect(self, token: Secret) -> Introspection | Inactive:
        """Ask what Gitea knows of *token*."""
        return await self._client.ask_provider(introspect(token), self._application)

    async def userinfo(self, token: Secret) -> UserInfo:
        """Ask whom *token* stands for."""
        return await self._client.ask_provider(userinfo(), token)

    async def current_user(self, token: Secret) -> CurrentUser:
        """Ask the API whom *token* stands for, and in which state that account is; needs the scope read:user."""
        return await self._client.ask_of_identity(token, current_user())

    async def opens_everything(self, token: Secret) -> bool:
        """Ask the API, by a page of the administration, whether *token* opens everything, whatever its grant says.

        Source: go-gitea/gitea pull 32573: before 1.23 every OAuth token opens everything, and introspection does not
        say so.
        """
        reach = await self._client.ask_of_identity(token, probe_administration())
        return reach.administers or (reach.scopes is not None and "all" in reach.scopes)
