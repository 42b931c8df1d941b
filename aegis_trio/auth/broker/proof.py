"""What a client proves when it comes for tokens: that it began the sign-in, and asks for no more than it got."""

from __future__ import annotations

import hmac
import re
from typing import Final

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.gitea.id_token import s256_challenge
from aegis_trio.model.secret import Secret

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)  # Source: RFC 7636 section 4.1


def narrow_scopes(granted: tuple[str, ...], raw_scopes: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the scopes of a new access token.

    Source: RFC 6749 section 6: none beyond those that were granted.
    """
    if raw_scopes is None:
        return granted
    wanted = tuple(scope for scope in granted if scope in raw_scopes)
    if not wanted or set(raw_scopes) - set(granted) - {"offline_access"}:
        raise OAuthRefused(OAuthCode.INVALID_SCOPE, "scope: wider than what was granted")
    return wanted


def check_resource(granted: str, wanted: str | None) -> None:
    """Refuse tokens for another resource than the one that was granted; None wants no other.

    Source: RFC 8707 section 2.2.
    """
    if wanted is not None and wanted != granted:
        raise OAuthRefused(OAuthCode.INVALID_TARGET, "resource: is not the one that was granted")


def fits_challenge(raw_verifier: str, challenge: str) -> bool:
    """Return whether *raw_verifier* is what *challenge* was made of, by S256.

    Source: RFC 7636 section 4.6.
    """
    if not _VERIFIER.fullmatch(raw_verifier):
        return False
    return hmac.compare_digest(s256_challenge(Secret(raw_verifier)), challenge)
