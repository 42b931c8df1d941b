"""People and tokens: who the token's owner is, and what the token may do.

Source: gitea routers/api/v1/user/user.go, routers/api/v1/admin/cron.go; models/auth/access_token_scope.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.refusals import KNOWN_SCOPES, fault_for, token_scopes
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import as_list, flag, number, read_object, text, text_or_empty
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.policy.pathguard import Route

_ME_ROUTE: Final = Route(segments=("user",))
_CRON_ROUTE: Final = Route(segments=("admin", "cron"), query_keys=frozenset({"limit"}))
_OWNER: Final = "The token's owner"
_REFUSED: Final = frozenset({401, 403})
_TOKEN_ROUTE: Final = Route(segments=("token",))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The owner of the token."""

    id: int
    login: str
    full_name: str
    is_admin: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentUser:
    """The person behind a token, and the state of that account."""

    uid: int
    login: str
    active: bool
    prohibited: bool
    """May not sign in; up to 1.25 such a token is refused before it comes to this."""
    is_admin: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReach:
    """What is known of a token."""

    administers: bool
    """Gitea let it into the administration."""
    scopes: frozenset[str] | None
    """None when Gitea does not say; `all` also for a token whose scopes merely include the administration."""


def get_me() -> ForgeRequest[User]:
    """Ask who the token's owner is."""
    return ForgeRequest(route=_ME_ROUTE, segments=("user",), decode=_user, subject=_OWNER)


def current_user() -> ForgeRequest[CurrentUser]:
    """Ask who the person behind a token is, and whether the account may be used.

    Faults: UpstreamRejectedIdentity, UpstreamForbade only in Gitea's own words: what a proxy in front of it says by the
    same statuses is UpstreamBroken, or a page of maintenance would end everybody's access.
    """
    return ForgeRequest(
        route=_ME_ROUTE,
        segments=("user",),
        decode=_current_user,
        subject=_OWNER,
        ok=frozenset({200, *_REFUSED}),
    )


def probe_administration() -> ForgeRequest[TokenReach]:
    """Ask for something of the administration, which only a site administrator's token may see.

    A refusal names the token's scopes: up to 1.26 the only way to learn them.

    Source: gitea routers/api/v1/api.go:347 (message), access_token_scope.go (an unlimited token reads as `all`).
    """
    return ForgeRequest(
        route=_CRON_ROUTE,
        segments=("admin", "cron"),
        query=(("limit", "1"),),
        decode=_administration,
        subject="The token's rights",
        ok=frozenset({200, 403}),
    )


def get_token() -> ForgeRequest[TokenReach]:
    """Ask for the token's own scopes; from Gitea 1.27 on."""
    return ForgeRequest(route=_TOKEN_ROUTE, segments=("token",), decode=_token, subject="The token")


def _user(response: ForgeResponse) -> User:
    fields = read_object(response)
    user = User(
        id=number(fields, "id"),
        login=text(fields, "login"),
        full_name=text_or_empty(fields, "full_name"),
        is_admin=flag(fields, "is_admin"),
    )
    # Threat: a user with id 0 or without a name is how a forge shows nobody.
    if user.id == 0 or not user.login:
        raise UpstreamBroken("Gitea names nobody as the token's owner.", "Ask the operator to renew the token.")
    return user


def _current_user(response: ForgeResponse) -> CurrentUser:
    fields = read_object(response)
    if response.status in _REFUSED:
        text(fields, "message")  # Gitea's refusals have one
        raise fault_for(response, subject=_OWNER, missing=frozenset())
    user = CurrentUser(
        uid=number(fields, "id"),
        login=text(fields, "login"),
        active=flag(fields, "active"),
        prohibited=flag(fields, "prohibit_login"),
        is_admin=flag(fields, "is_admin"),
    )
    if user.uid == 0 or not user.login:
        raise UpstreamBroken("Gitea names nobody as the token's owner.", "Sign in again.")
    return user


def _administration(response: ForgeResponse) -> TokenReach:
    if response.status == 200:
        return TokenReach(administers=True, scopes=None)
    return TokenReach(administers=False, scopes=token_scopes(response))


def _token(response: ForgeResponse) -> TokenReach:
    listed = as_list(read_object(response).get("scopes"), "scopes")
    scopes = frozenset(word for word in listed if isinstance(word, str))
    return TokenReach(administers=False, scopes=scopes if scopes and scopes <= KNOWN_SCOPES else None)
