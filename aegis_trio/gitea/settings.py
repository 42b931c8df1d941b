"""Settings of the Gitea client: where Gitea is, and how much of it the gate uses at once.

Not here: the tokens; they belong to credentials (auth/), and travel as `Secret` to `GiteaClient.acting_as`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final
from urllib.parse import urlsplit

from aegis_trio.gitea.cache.settings import DEFAULT_CACHE, CacheSettings
from aegis_trio.policy.pathguard import WireBase

API_PATH: Final = "/api/v1"
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_SUB_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GiteaSettings:
    """How Gitea is reached."""

    url: str
    """Base URL as people type it into a browser, sub-path allowed: `https://git.example.com/gitea`."""
    max_connections: int = 32
    """Requests at once, and connections; Gitea on a few cores gains nothing from more."""
    keepalive_expiry_s: float = 30.0
    """Idle connections are closed after this; below Gitea's own idle timeout."""
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 20.0
    """Longest silence within one answer, not its whole length: the call's own deadline bounds that."""
    write_timeout_s: float = 10.0
    ca_file: Path | None = None
    """Certificates to trust in place of the built-in ones, PEM; for a Gitea behind a private authority."""
    cache: CacheSettings = DEFAULT_CACHE

    @property
    def call_places(self) -> int:
        """Connections that calls may use at once; one in eight is kept for sign-ins and checks of tokens."""
        return max(1, self.max_connections - self.max_connections // 8)

    def __post_init__(self) -> None:
        wire_base(self.url)
        if not 1 <= self.max_connections <= 512:
            raise ValueError("max_connections is from 1 to 512")


def wire_base(url: str) -> WireBase:
    """Return where the API stands for the base URL *url*.

    Raises:
        ValueError: not an absolute http or https URL, or one with user, query, fragment or dot segments.
            The message does not repeat the URL, which may hold a password.

    Source: gitea `[server] ROOT_URL`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL; give it as https://git.example.com") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password; the token stands in GITEA_TOKEN")
    if "?" in url or "#" in url:
        raise ValueError("must not hold a query or a fragment")
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.rstrip(":")
    if not _HOST.fullmatch(host):
        raise ValueError("has no valid host name; give it as https://git.example.com")
    path = parts.path.rstrip("/")
    if path.endswith(API_PATH):
        raise ValueError(f"is Gitea's base URL, without {API_PATH}")
    if not _SUB_PATH.fullmatch(path):
        raise ValueError("has a path that is no plain sub-path, such as /gitea")
    return WireBase(
        scheme=parts.scheme,
        host=host.lower(),
        port=_DEFAULT_PORTS[parts.scheme] if port is None else port,
        prefix=path + API_PATH,
    )


def origin_of(base: WireBase) -> str:
    """Return scheme, host and port of *base* as a URL without a path; a default port is left out."""
    if base.port == _DEFAULT_PORTS[base.scheme]:
        return f"{base.scheme}://{base.host}"
    return f"{base.scheme}://{base.host}:{base.port}"
