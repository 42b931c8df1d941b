"""The official SDK's client at a gate: it is given an address, and a person with a browser.

official = OfficialClient(f"{gate.url}/mcp", place.visitor("alice").decide)
async with official.connect("auto") as client:
    await client.call_tool("get_me", {})
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, final

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl

from tests.e2e.sign_ins import BACK
from tests.official_client import Decide, Kept, Official


def known_client(application: tuple[str, str], issuer: str) -> OAuthClientInformationFull:
    """Return what a client is told by hand: an application's id and secret at *issuer*."""
    return OAuthClientInformationFull(
        client_id=application[0],
        client_secret=application[1],
        redirect_uris=[AnyUrl(BACK)],
        token_endpoint_auth_method="client_secret_post",
        issuer=issuer,
    )


@final
class OfficialClient:
    """The client, for one endpoint, over several connections."""

    def __init__(self, address: str, decide: Decide, *, client: OAuthClientInformationFull | None = None) -> None:
        """Know nothing yet.

        Args:
            address: of the endpoint, as a person types it.
            decide: how the person signs in.
            client: what it was registered as beforehand; None lets it register itself.
        """
        self._address = address
        self._official = Official(decide, BACK, Kept(client))
        self._provider = self._official.provider(address)

    @property
    def times_asked(self) -> int:
        """How often the person was asked."""
        return len(self._official.answered)

    @property
    def client_id(self) -> str:
        """What it is registered as; AssertionError where it is not."""
        assert self._official.kept.client is not None
        assert self._official.kept.client.client_id is not None
        return self._official.kept.client.client_id

    @property
    def tokens(self) -> OAuthToken:
        """What it was given; AssertionError where that is nothing."""
        assert self._official.kept.tokens is not None
        return self._official.kept.tokens

    def expire_token(self) -> None:
        """Let the client believe that its access token has expired."""
        self._provider.context.token_expiry_time = 1.0

    @asynccontextmanager
    async def connect(self, mode: Any) -> AsyncIterator[Client]:
        """Connect, and sign in where that is asked."""
        async with (
            httpx2.AsyncClient(auth=self._provider, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(self._address, http_client=http), mode=mode) as client,
        ):
            yield client
