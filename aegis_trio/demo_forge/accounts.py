"""Accounts: who sends a request, and what the scopes of that one's token allow.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. A credential that cannot be read is no credential: the request is anonymous.
    2. A credential that can be read and is wrong is 401, on every path, even `/version`.
    3. The state of the account comes next, then sudo, and only then the route.

Not here: what an OAuth token is (oauth_tokens.py); keys in the query, which the recorded server had switched off.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from aegis_trio.demo_forge.answers import Refusal, api_error, bare_error, not_found
from aegis_trio.demo_forge.oauth_tokens import ACCESS, api_scopes, read_token
from aegis_trio.demo_forge.world import Account, World


class Category(StrEnum):
    """The kinds of things that a scope opens."""

    ACTIVITYPUB = "activitypub"
    ADMIN = "admin"
    MISC = "misc"
    NOTIFICATION = "notification"
    ORGANISATION = "organization"
    PACKAGE = "package"
    ISSUE = "issue"
    REPOSITORY = "repository"
    USER = "user"


# Source: gitea models/auth/access_token_scope.go, allAccessTokenScopes: the order in which a message lists them.
SCOPE_ORDER: Final = ("all", "public-only", *(f"{level}:{c}" for c in Category for level in ("write", "read")))
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: the account, and the token's scopes (`None` for a password, which is bound by none)."""

    account: Account
    scopes: frozenset[str] | None

    @property
    def public_only(self) -> bool:
        """Tell whether the token sees public things only."""
        return self.scopes is not None and "public-only" in self.scopes

    def with_account(self, account: Account) -> Principal:
        """Return the same rights of the token for another account."""
        return Principal(account=account, scopes=self.scopes)


def identify(world: World, raw_authorization: str | None, raw_code: str | None = None) -> Principal | None:
    """Work out who sends a request.

    Args:
        raw_code: of the header `X-Gitea-OTP`; needed beside the password of an account that has two factors.

    Returns:
        The principal, or `None` for an anonymous request.

    Raises:
        Refusal: the credential is wrong, or its account may not sign in.

    Source: gitea services/auth/httpauth/httpauth.go, routers/api/v1/api.go.
    """
    if raw_authorization is None:
        return None
    words = raw_authorization.split()
    if len(words) != 2:
        return None
    scheme, value = words[0].lower(), words[1]
    if scheme in {"bearer", "token"}:
        principal = by_bearer(world, value)
    elif scheme == "basic":
        principal = _by_basic(world, value, raw_code)
    else:
        return None
    if principal is None:
        raise Refusal(api_error(401, "invalid username, password or token", world.root_url))
    _check_state(world, principal.account)
    return principal


def _by_token(world: World, value: str) -> Principal | None:
    token = world.token(value)
    account = world.accounts.get(token.account_id) if token is not None else None
    if token is None or account is None:
        return None
    return Principal(account=account, scopes=token.scopes)


def by_bearer(world: World, value: str) -> Principal | None:
    """Return whom a personal token or an OAuth access token stands for, with its scopes.

    Source: gitea services/auth/oauth2.go:47-146.
    """
    principal = _by_token(world, value)
    if principal is not None:
        return principal
    read = read_token(world, value)
    if read is None or read.kind != ACCESS:
        return None
    return Principal(account=read.account, scopes=api_scopes(read.grant.scope))


def _by_basic(world: World, value: str, raw_code: str | None) -> Principal | None:
    try:
        raw_pair = base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error:
        return None
    name, _, password = raw_pair.partition(":")
    # A token is taken in either place; its scopes stay with it.
    value = name if password in {"", "x-oauth-basic"} else password
    by_token = _by_token(world, value)
    if by_token is not None:
        return by_token
    by_oauth = by_bearer(world, value)
    if by_oauth is not None:
        # Gitea 1.25 forgets the scopes of an OAuth token that comes this way.
        return Principal(account=by_oauth.account, scopes=None)
    account = world.account_named(name)
    if account is None or account.password is None or account.prohibit_login:
        return None
    if not hmac.compare_digest(account.password.encode(), password.encode("utf-8", "surrogateescape")):
        return None
    # Source: gitea services/auth/basic.go validateTOTP: the same refusal as for a wrong password.
    if account.one_time_code is not None and account.one_time_code != raw_code:
        return None
    return Principal(account=account, scopes=None)


def _check_state(world: World, account: Account) -> None:
    if account.prohibit_login or not account.is_active:
        message = "This account is prohibited from signing in, please contact your site administrator."
        raise Refusal(bare_error(403, message))
    if account.must_change_password:
        # The two slashes are Gitea's own.
        message = f"You must change your password. Change it at: {world.root_url}/user/change_password"
        raise Refusal(bare_error(403, message))


def become(world: World, principal: Principal | None, name: str) -> Principal | None:
    """Let a site administrator act as somebody else.

    Args:
        name: from the query or the header; empty means that nobody asked for it.

    Raises:
        Refusal: asked by anybody else, or for nobody.

    Source: gitea routers/api/v1/api.go:108; no scope gates it.
    """
    if not name:
        return principal
    if principal is None or not principal.account.is_admin:
        raise Refusal(bare_error(403, "Only administrators allowed to sudo."))
    account = world.account_named(name)
    if account is None or account.is_organisation:
        raise Refusal(not_found(world.root_url))
    return principal.with_account(account)


def check_scopes(world: World, principal: Principal | None, method: str, required: Iterable[Category]) -> None:
    """Refuse a token that lacks one of the *required* categories at the level of *method*.

    Source: gitea routers/api/v1/api.go:333-350; models/auth/access_token_scope.go HasScope.
    """
    if principal is None or principal.scopes is None or "all" in principal.scopes:
        return
    level = "read" if method in READING else "write"
    wanted = [f"{level}:{category}" for category in required]
    if all(_grants(principal.scopes, scope) for scope in wanted):
        return
    held = ",".join(scope for scope in SCOPE_ORDER if scope in principal.scopes)
    message = (
        f"token does not have at least one of required scope(s), required=[{' '.join(wanted)}], token scope={held}"
    )
    raise Refusal(api_error(403, message, world.root_url))


def _grants(scopes: frozenset[str], wanted: str) -> bool:
    return wanted in scopes or wanted.replace("read:", "write:", 1) in scopes
