"""What a client asks for at the authorization endpoint, judged in an order that never redirects to a stranger.

Laws:
    1. First the client and its redirect URI: until both are known, nothing is sent there, not even an error.
    2. A parameter that stands twice is refused: one reader would take the first, another the last.
    3. PKCE with S256 always; `resource`, when given, is one of ours, and only one.

Source: OAuth 2.1 section 4.1.1, RFC 7636, RFC 8707, RFC 9207; MCP 2026-07-28 basic/authorization.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final
from urllib.parse import urlencode, urlsplit

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.clients.client import Client, matches_redirect
from aegis_trio.policy.scopes import choose_scopes

MAX_STATE_CHARS: Final = 4096  # clients put signed state into it
MAX_VALUE_CHARS: Final = 8192
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # base64url of a SHA-256 digest

Parameters: TypeAlias = Mapping[str, Sequence[str]]
"""Every value of every parameter, as they stand in a query or a form."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The URLs that people type, each a protected resource; the first is the canonical one."""

    issuer: str
    urls: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request to sign in that may be answered at `redirect_uri`."""

    client: Client
    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...]
    code_challenge: str
    resource: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectError:
    """A refusal that the client learns at its redirect URI."""

    redirect_uri: str
    state: str | None
    refusal: OAuthRefused


def single(parameters: Parameters, name: str, *, max_chars: int = MAX_VALUE_CHARS) -> str | None:
    """Return the one value of a parameter, or None when it is absent or empty.

    Raises:
        OAuthRefused: it stands twice, or is too long.

    Source: RFC 6749 section 3.1: parameters without a value are as if omitted, none may be included more than once.
    """
    values = parameters.get(name, ())
    if len(values) > 1:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, f"{name}: stands more than once")
    if not values or not values[0]:
        return None
    if len(values[0]) > max_chars:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, f"{name}: has more than {max_chars} characters")
    return values[0]


def choose_redirect(parameters: Parameters, client: Client) -> str:
    """Return where answers for *client* go.

    Raises:
        OAuthRefused: not one of the client's, to be shown on a page of ours and nowhere else.
    """
    raw_uri = single(parameters, "redirect_uri")
    if raw_uri is None:
        if len(client.redirect_uris) == 1:
            return client.redirect_uris[0]
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, "redirect_uri: is missing, and the client has several")
    # Threat: an open redirector would hand codes to whoever wrote the link.
    if not matches_redirect(client, raw_uri):
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, "redirect_uri: is not one of this client's")
    return raw_uri


def read_request(
    parameters: Parameters, client: Client, redirect_uri: str, resources: Resources, *, write_mode: bool
) -> AuthorizationRequest | RedirectError:
    """Return the request, or the error that the client learns at *redirect_uri*."""
    state: str | None = None
    try:
        state = single(parameters, "state", max_chars=MAX_STATE_CHARS)
        if single(parameters, "response_type") != "code":
            raise OAuthRefused(OAuthCode.UNSUPPORTED_RESPONSE_TYPE, "response_type: must be code")
        if single(parameters, "response_mode") not in {None, "query"}:
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "response_mode: must be query, or left out")
        if single(parameters, "request") is not None or single(parameters, "request_uri") is not None:
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "request, request_uri: are not supported")
        # Threat: `plain`, or no challenge at all, lets whoever catches the code use it.
        if single(parameters, "code_challenge_method") != "S256":
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "code_challenge_method: must be S256")
        challenge = single(parameters, "code_challenge")
        if challenge is None or not _CHALLENGE.fullmatch(challenge):
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "code_challenge: must be 43 characters of base64url")
        resource = choose_resource(parameters, resources)
        words = (single(parameters, "scope") or "").split()
    except OAuthRefused as refusal:
        return RedirectError(redirect_uri=redirect_uri, state=state, refusal=refusal)
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=state,
        scopes=choose_scopes(words, write_mode=write_mode),
        code_challenge=challenge,
        resource=resource,
    )


def choose_resource(parameters: Parameters, resources: Resources) -> str:
    """Return the resource that is meant; the canonical one where none is named.

    Raises:
        OAuthRefused: it is not one of ours, or several are named.

    Source: RFC 8707 section 2.
    """
    values = [value for value in parameters.get("resource", ()) if value]
    if len(values) > 1:
        raise OAuthRefused(OAuthCode.INVALID_TARGET, "resource: name one only")
    if not values:
        return resources.urls[0]
    wanted = _canonical(values[0])
    found = next((url for url in resources.urls if _canonical(url) == wanted), None)
    # A client that names the server as a whole means its endpoint.
    if found is None and wanted == _canonical(resources.issuer):
        return resources.urls[0]
    if found is None:
        raise OAuthRefused(OAuthCode.INVALID_TARGET, "resource: is not this server")
    return found


def answer_address(redirect_uri: str, issuer: str, **parameters: str | None) -> str:
    """Return where the browser is sent with an answer; `iss` always goes along.

    Source: RFC 9207 section 2 (mix-up), RFC 6749 section 4.1.2 (existing query parameters are kept).
    """
    given = {name: value for name, value in parameters.items() if value is not None} | {"iss": issuer}
    separator = "?" if "?" not in redirect_uri else "" if redirect_uri.endswith(("?", "&")) else "&"
    return f"{redirect_uri}{separator}{urlencode(given)}"


def _canonical(url: str) -> tuple[str, str, int | None, str, str] | None:
    """Return what of a URL counts: scheme and host without regard to case, no default port, no slash at the end."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.fragment or "@" in parts.netloc:
        return None
    default = {"https": 443, "http": 80}.get(parts.scheme.lower())
    shown = None if port == default else port
    return parts.scheme.lower(), (parts.hostname or "").lower(), shown, parts.path.rstrip("/"), parts.query
