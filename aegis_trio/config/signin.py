"""Signing in: the rules between its variables."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aegis_trio.auth.signin_settings import Flow, SigninSettings
from aegis_trio.config.parsing import is_loopback
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import signin
from aegis_trio.model.secret import Secret
from aegis_trio.web.settings import WebSettings

_SETUP: Final = "Register an application in Gitea as docs/authentication.md shows, and write down what it gives."


def read_signin(reader: Reader, web: WebSettings, gitea_url: str = "") -> SigninSettings | None:
    """Return how people sign in, or None where they do not; faults are noted in *reader*.

    Args:
        web: where the gate stands.
        gitea_url: where it asks Gitea; empty where that is not known.
    """
    enabled = reader.read(signin.OAUTH_MODE)
    client_id, client_secret = reader.read(signin.GITEA_OAUTH_CLIENT_ID), reader.read(signin.GITEA_OAUTH_CLIENT_SECRET)
    settings = SigninSettings(
        flow=reader.read(signin.OAUTH_FLOW),
        client_id=client_id or "",
        client_secret=client_secret or Secret(""),
        gitea_public_url=reader.read(signin.GITEA_PUBLIC_URL),
        expected_audience=reader.read(signin.OAUTH_EXPECTED_AUDIENCE) or client_id or "",
        access_ttl_s=reader.read(signin.ACCESS_TOKEN_TTL_S),
        refresh_ttl_s=reader.read(signin.REFRESH_TOKEN_TTL_S),
        encryption_keys=reader.read(signin.TOKEN_ENCRYPTION_KEY),
        allowed_client_domains=reader.read(signin.OAUTH_ALLOWED_CLIENT_DOMAINS),
        static_clients=reader.read(signin.OAUTH_STATIC_CLIENTS),
        extra_redirect_uris=reader.read(signin.OAUTH_EXTRA_REDIRECT_URIS),
        store_path=reader.read(signin.STORE_PATH),
        jwks_max_stale_s=float(reader.read(signin.JWKS_MAX_STALE_S)),
        allow_gitea_pat=reader.read(signin.ALLOW_GITEA_PAT),
    )
    if not enabled:
        return None
    for variable in (signin.GITEA_OAUTH_CLIENT_ID, signin.GITEA_OAUTH_CLIENT_SECRET):
        if not reader.is_set(variable):
            reader.refuse(variable, "is required while OAUTH_MODE is true", _SETUP)
    parts = urlsplit(web.public_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        # Source: OAuth 2.1 section 1.5: every endpoint of an authorization server uses TLS.
        reader.refuse(
            signin.OAUTH_MODE, "needs an https PUBLIC_URL", "Set PUBLIC_URL to the https address of the gate."
        )
    if not reader.is_set(signin.GITEA_PUBLIC_URL) and _is_inner(gitea_url) and not _is_inner(web.public_url):
        reader.warnings.append(
            f"People's browsers are sent to {gitea_url}, which looks like an address of this network alone. Set "
            "GITEA_PUBLIC_URL to Gitea's public address."
        )
    if settings.allow_gitea_pat and settings.flow is not Flow.GITEA:
        reader.refuse(signin.ALLOW_GITEA_PAT, "needs OAUTH_FLOW=gitea", "Leave it out, or choose that flow.")
    if settings.flow is Flow.BROKER and settings.expected_audience != settings.client_id:
        # Only our own application's tokens come from a sign-in of ours; any other value would refuse every one.
        reader.refuse(
            signin.OAUTH_EXPECTED_AUDIENCE,
            "is another one than GITEA_OAUTH_CLIENT_ID, which needs OAUTH_FLOW=gitea",
            "Leave it out, or choose that flow.",
        )
    return settings


def _is_inner(url: str) -> bool:
    """Return whether the host of *url* is one that only this machine or network knows, as far as a name can tell."""
    host = urlsplit(url).hostname or ""
    return is_loopback(host) or (host != "" and "." not in host and ":" not in host)
