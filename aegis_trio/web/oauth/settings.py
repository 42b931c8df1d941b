"""What the operator chose about signing in, as its documents and pages need it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final
from urllib.parse import urlsplit

from aegis_trio.auth.broker.request import Resources


class OAuthFlow(StrEnum):
    """Whose tokens clients hold."""

    BROKER = "broker"  # ours: we are the authorization server
    GITEA = "gitea"  # Gitea's own


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSettings:
    """What our documents say, and where our pages lead."""

    public_url: str
    """The URL that users type, without a trailing slash; the issuer."""
    gitea_url: str
    """Gitea as people's browsers reach it, without a trailing slash."""
    flow: OAuthFlow = OAuthFlow.BROKER
    write_mode: bool = False
    gitea_issuer: str | None = None
    """What Gitea calls itself in its metadata, where that is known."""
    resource_name: str = "Aegis Trio"
    """What the server is called on pages and in clients."""

    @property
    def base(self) -> str:
        """The path below which people see our paths; empty for most."""
        return urlsplit(self.public_url).path

    @property
    def is_https(self) -> bool:
        """Whether people reach us by https."""
        return self.public_url.startswith("https://")

    @property
    def resources(self) -> Resources:
        """The protected resources that we are."""
        urls = (f"{self.public_url}/mcp", f"{self.public_url}/mcp/sse")
        return Resources(issuer=self.public_url, urls=urls)
