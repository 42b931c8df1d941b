"""Refusals: what a status of Gitea's means, as a fault that says what to do next.

Laws:
    1. The status decides. Of the body only two things may be taken: scope names from a list of our own, and that an
       account may not sign in, by Gitea's own sentences.
    2. No other byte of Gitea's body, header or reason phrase reaches a message.

Source: gitea routers/api/v1/api.go (tokenRequiresScopes, apiAuth), services/context/api.go.
"""

from __future__ import annotations

import json
import re
from typing import Final

from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.model.errors import (
    BeyondKey,
    Conflict,
    Fault,
    NotFound,
    UpstreamBroken,
    UpstreamBusy,
    UpstreamForbade,
    UpstreamRejectedIdentity,
)
from aegis_trio.model.json import JsonValue

_AREAS: Final = (
    "activitypub", "admin", "issue", "misc", "notification", "organization", "package", "repository", "user",
)  # fmt: skip
# Source: gitea models/auth/access_token_scope.go.
KNOWN_SCOPES: Final = frozenset(
    {"all", "public-only", *(f"{level}:{area}" for level in ("read", "write") for area in _AREAS)}
)
_SCOPE_LIST: Final = r"[a-z:-]{1,24}(?:[, ][a-z:-]{1,24}){0,30}"
_SCOPE_MESSAGE: Final = re.compile(
    rf"token does not have at least one of required scope\(s\), required=\[({_SCOPE_LIST})\], "
    rf"token scope=({_SCOPE_LIST})?"
)
_NO_ADMINISTRATOR: Final = "user should be the site admin"
# Source: gitea routers/api/v1/api.go verifyAuthWithOptions; the address that follows is Gitea's own.
_ACCOUNT_CLOSED: Final = re.compile(
    r"This account is not activated\."
    r"|This account is prohibited from signing in, please contact your site administrator\."
    r"|You must change your password\. Change it at: .{0,2000}"
)
_PUBLIC_ONLY: Final = re.compile(r"token scope is limited to public [a-z]{1,20}")


def fault_for(response: ForgeResponse, *, subject: str, missing: frozenset[int]) -> Fault:
    """Return the fault that *response* stands for.

    Args:
        subject: what was asked for, in our words.
        missing: statuses by which the endpoint says that something is not there.
    """
    status = response.status
    if status in missing:
        return NotFound(
            f"{subject} is missing, or not visible to the identity that the gate uses.",
            "Check the spelling, or list what is visible with list_repositories and get_file_tree.",
        )
    match status:
        case 401:
            return UpstreamRejectedIdentity(
                "Gitea no longer accepts the token that is bound to this credential.",
                "Ask the operator to renew it; trying again does not help.",
            )
        case 403:
            return _forbidden(response, subject)
        case 409 | 422 | 423:
            return Conflict(
                f"Gitea does not allow this for {subject} in its present state.",
                "The repository may be empty, archived or changed meanwhile; look at it with get_repository_info.",
            )
        case 429 | 503:
            return UpstreamBusy("Gitea is busy or under maintenance.", "Wait some seconds, then try again.")
        case _:
            return UpstreamBroken(
                f"Gitea failed to answer about {subject} (status {status}).",
                "Try again once; if it stays, tell the operator.",
            )


def moved(subject: str) -> Fault:
    """Return the fault for a redirect that is not followed.

    It does not say where to: Gitea redirects before it asks whether the caller may know.
    """
    return Conflict(
        f"{subject} moved to a place where the gate does not follow.",
        "List what is visible with list_repositories and use the new name.",
    )


def renamed_beyond() -> BeyondKey:
    """Return the fault for a repository whose name of now a key does not reach; that name is not told."""
    return BeyondKey(
        "The repository has another name now, which this key does not reach.",
        "Ask the operator to add the new name to its repositories.",
        bound="repositories",
        needs="the new name",
    )


def token_scopes(response: ForgeResponse) -> frozenset[str] | None:
    """Return the scopes that a 403 of Gitea says the token has, or None when it says nothing that we know exactly.

    A token that has the scope but not the owner's rank is refused with another sentence, which means `all`.

    Source: gitea routers/api/v1/api.go reqSiteAdmin.
    """
    if response.status == 403 and _message(response) == _NO_ADMINISTRATOR:
        return frozenset({"all"})
    match = _scope_message(response)
    if match is None or match[2] is None:
        return None
    return _known(match[2])


def _forbidden(response: ForgeResponse, subject: str) -> Fault:
    match = _scope_message(response)
    required = None if match is None else _known(match[1])
    if required:
        return UpstreamForbade(
            f"The Gitea token behind this credential lacks a scope for {subject}: {', '.join(sorted(required))}.",
            "Ask the operator for a token with that scope; trying again does not help.",
        )
    if _ACCOUNT_CLOSED.fullmatch(_message(response)):
        return UpstreamRejectedIdentity(
            "Gitea does not let the account of this credential in: it is blocked, or needs a new password.",
            "Sign in to Gitea with a browser, or ask its administrator.",
        )
    if _PUBLIC_ONLY.fullmatch(_message(response)):
        return UpstreamForbade(
            f"The Gitea token behind this credential is limited to what is public, and {subject} is not.",
            "Ask the operator for a token without that limit.",
        )
    return UpstreamForbade(
        f"Gitea forbids {subject} to the identity that the gate uses.",
        "Its account may lack the right or be blocked, or its token a scope; ask the operator.",
    )


def _scope_message(response: ForgeResponse) -> re.Match[str] | None:
    return _SCOPE_MESSAGE.fullmatch(_message(response)) if response.status == 403 else None


def _message(response: ForgeResponse) -> str:
    try:
        document: JsonValue = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    message = document.get("message") if isinstance(document, dict) else None
    return message if isinstance(message, str) else ""


def _known(listed: str) -> frozenset[str] | None:
    # Threat: only words of our own list are shown, so a proxy's page cannot speak through us.
    words = frozenset(re.split("[, ]", listed))
    return words if words <= KNOWN_SCOPES else None
