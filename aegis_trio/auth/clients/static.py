"""Static clients: those that the operator made, the Gitea application of this server among them.

Laws:
    1. A static client has the id that the operator gave it; no registration and no document can take that id.
    2. Answers go to the redirect URIs of its entry, or to those of the well-known assistants where it names none.
    3. One segment is free in one well-known address, which ChatGPT makes for each connector; nowhere else is anything.

Whom it trusts: the operator's own settings, which are refused with the rule that they break.

Source: redirect URIs as the vendors document them (ChatGPT apps, Claude connectors, VS Code and Cursor MCP guides).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, final

from aegis_trio.auth.clients.client import (
    MAX_REDIRECT_URIS,
    Client,
    ClientAuth,
    ClientKind,
    is_valid_redirect,
)
from aegis_trio.auth.clients.registry import ID_PREFIX
from aegis_trio.model.secret import Secret

CHATGPT_CONNECTORS: Final = "https://chatgpt.com/connector/oauth/"
CHATGPT_PATTERN: Final = CHATGPT_CONNECTORS + "{callback_id}"
"""How an entry spells the address that ChatGPT makes for each connector."""
WELL_KNOWN_REDIRECTS: Final = (
    "https://chatgpt.com/connector_platform_oauth_redirect",
    "https://claude.ai/api/mcp/auth_callback",
    "https://claude.com/api/mcp/auth_callback",
    "https://vscode.dev/redirect",
    "https://www.cursor.com/agents/mcp/oauth/callback",
)
_LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
_LOOPBACK_PATHS: Final = ("", "/", "/callback", "/oauth/callback", "/mcp/oauth/callback")
LOOPBACK_REDIRECTS: Final = tuple(f"http://{host}{path}" for host in _LOOPBACK_HOSTS for path in _LOOPBACK_PATHS)
"""Where programs on a person's own machine listen, at any port: VS Code, Claude Code, Cursor, Gemini CLI, OpenCode."""
MIN_SECRET_CHARS: Final = 32  # 128 bits in hexadecimal
MAX_STATIC_CLIENTS: Final = 100
_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)
_SECRET: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)


@final
class StaticClients:
    """The operator's clients."""

    def __init__(self, clients: tuple[Client, ...]) -> None:
        """Know *clients*.

        Raises:
            ValueError: more than `MAX_STATIC_CLIENTS`, or two with one id.
        """
        if len(clients) > MAX_STATIC_CLIENTS:
            raise ValueError(f"at most {MAX_STATIC_CLIENTS} clients can be configured")
        self._clients = {client.id: client for client in clients}
        if len(self._clients) < len(clients):
            raise ValueError("two clients have the same id; GITEA_OAUTH_CLIENT_ID counts as one")

    def find(self, client_id: str) -> Client | None:
        """Return a static client, or None."""
        return self._clients.get(client_id)

    def all(self) -> tuple[Client, ...]:
        """Return every static client."""
        return tuple(self._clients.values())


def gitea_application(client_id: str, secret: Secret, *, extra_redirects: tuple[str, ...] = ()) -> Client:
    """Return the client that calls with the id and secret of our own application in Gitea.

    Assistants that ask for an id and a secret when a connector is made can be given those of the one application
    that the operator has made anyway. They act through the broker all the same: the codes and tokens are ours.

    Args:
        extra_redirects: redirect URIs beside the well-known ones.

    Raises:
        ValueError: a redirect URI that cannot be one.
    """
    return _client(client_id, secret, _redirects(extra_redirects), "an assistant with this server's client id")


def parse_static_client(raw_entry: str) -> Client:
    """Return the client of an entry `id:secret:redirect redirect …`.

    Without a secret it is a public client; without redirect URIs it has the well-known ones.

    Args:
        raw_entry: as it stands in the settings.

    Raises:
        ValueError: which part breaks which rule; the secret is never repeated.
    """
    client_id, first, rest = raw_entry.strip().partition(":")
    raw_secret, second, raw_redirects = rest.partition(":")
    if not first or not second:
        raise ValueError("an entry is id:secret:redirect URIs with spaces between; secret and URIs may be empty")
    if not _ID.fullmatch(client_id) or client_id.startswith(ID_PREFIX):
        raise ValueError(f"id: 1 to 128 letters, digits and . _ ~ -, and not beginning with {ID_PREFIX}")
    secret = Secret(raw_secret) if raw_secret else None
    if secret is not None and (len(secret) < MIN_SECRET_CHARS or not _SECRET.fullmatch(raw_secret)):
        raise ValueError(f"secret of {client_id}: at least {MIN_SECRET_CHARS} visible ASCII characters without a colon")
    own = tuple(dict.fromkeys(raw_redirects.split()))
    if len(own) > MAX_REDIRECT_URIS:
        raise ValueError(f"redirect URIs of {client_id}: at most {MAX_REDIRECT_URIS}")
    return _client(client_id, secret, check_redirects(own) if own else _redirects(()), client_id)


def check_redirects(uris: tuple[str, ...]) -> tuple[str, ...]:
    """Return *uris*, each of which may be a redirect URI of a client of the operator's.

    Raises:
        ValueError: which one breaks the rule, and the rule.
    """
    for uri in uris:
        if uri != CHATGPT_PATTERN and ("{" in uri or "*" in uri or not is_valid_redirect(uri)):
            rule = "must be https, or http on localhost, without user, fragment, dot segments or wildcards"
            raise ValueError(f"redirect URI {uri[:256]}: {rule}")
    return uris


def _client(client_id: str, secret: Secret | None, redirects: tuple[str, ...], name: str) -> Client:
    return Client(
        id=client_id,
        kind=ClientKind.STATIC,
        name=name,
        redirect_uris=tuple(uri for uri in redirects if uri != CHATGPT_PATTERN),
        open_redirects=(CHATGPT_CONNECTORS,) if CHATGPT_PATTERN in redirects else (),
        auth=ClientAuth.NONE if secret is None else ClientAuth.SECRET,
        secret_sha256=None if secret is None else hashlib.sha256(secret.reveal().encode()).digest(),
    )


def _redirects(extra: tuple[str, ...]) -> tuple[str, ...]:
    known = (*WELL_KNOWN_REDIRECTS, CHATGPT_PATTERN, *LOOPBACK_REDIRECTS)
    return tuple(dict.fromkeys((*known, *check_redirects(extra))))
