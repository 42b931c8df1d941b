"""The official SDK's OAuth client, with its storage in memory and a person in the place of its browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

Decide = Callable[[str], Awaitable[str]]
"""Opens the address at which the client asks a person; returns the one at which the client is called back."""


class DeclinedError(Exception):
    """The person did not agree; the text is the error that the client was called back with."""


class Kept:
    """The SDK's storage."""

    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        """Hold nothing but what the client was told by hand, if it was."""
        self.tokens: OAuthToken | None = None
        self.client = client

    async def get_tokens(self) -> OAuthToken | None:
        """Return the tokens, if there are any."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return what the registration gave, if there was one."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a registration."""
        self.client = client_info


@dataclass
class Official:
    """A client that asks a person through *decide*, and remembers what it asked for."""

    decide: Decide
    redirect_uri: str
    kept: Kept = field(default_factory=Kept)
    asked: list[dict[str, str]] = field(default_factory=list)
    answered: list[dict[str, str]] = field(default_factory=list)

    def provider(self, url: str, *, document: str | None = None) -> OAuthClientProvider:
        """Return what signs requests to the server at *url*.

        Args:
            document: the address of the client's own document; None for one that registers.
        """
        method = "none" if self.kept.client is None else self.kept.client.token_endpoint_auth_method
        metadata = OAuthClientMetadata(
            client_name="Official", redirect_uris=[AnyUrl(self.redirect_uri)], token_endpoint_auth_method=method
        )
        return OAuthClientProvider(url, metadata, self.kept, self._open, self._wait, client_metadata_url=document)

    async def _open(self, address: str) -> None:
        self.asked.append(dict(parse_qsl(urlsplit(address).query)))
        self.answered.append(dict(parse_qsl(urlsplit(await self.decide(address)).query)))

    async def _wait(self) -> AuthorizationCodeResult:
        answer = self.answered[-1]
        if "error" in answer:
            raise DeclinedError(answer["error"])
        return AuthorizationCodeResult(**answer)
