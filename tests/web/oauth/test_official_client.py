"""The official SDK's OAuth client goes the whole way, knowing nothing but the URL of the endpoint."""

from __future__ import annotations

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from aegis_trio.model.asgi import Receive, Scope, Send
from tests.web.oauth.stage import CALLBACK, DOCUMENT_ID, PUBLIC, Stage, Visitor, make_stage, query_of

CHALLENGE = f'Bearer resource_metadata="{PUBLIC}/.well-known/oauth-protected-resource/mcp", scope="read:repository"'


class Kept:
    """The SDK's storage, in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Endpoint:
    """The stage with an endpoint that wants a token of ours, as the gate's own will."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/mcp":
            await self._stage.front(scope, receive, send)
            return
        tokens = [value for name, value in scope["headers"] if name == b"authorization"]  # type: ignore[attr-defined]  # ASGI's list
        found = await self._stage.rooms.tokens.find_access(tokens[0].decode()[7:]) if tokens else None
        status, headers = (401, [(b"www-authenticate", CHALLENGE.encode())]) if found is None else (200, [])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("by_document", [True, False], ids=["document", "registration"])
async def test_the_official_client_goes_the_whole_way(*, by_document: bool) -> None:
    """Discovery, client, consent, Gitea, code, token, call, refresh: by both ways of being known."""
    stage, kept = make_stage(), Kept()
    browser = Visitor(stage)
    answers: list[dict[str, str]] = []

    async def open_browser(address: str) -> None:
        page = await browser.get(address.removeprefix(PUBLIC))
        assert 200 == page.status, page.text
        ended = await browser.at_gitea((await browser.decide(page, "allow")).onward)
        answers.append(query_of(ended.location))

    async def wait_for_code() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**answers[-1])

    provider = OAuthClientProvider(
        server_url=f"{PUBLIC}/mcp",
        client_metadata=OAuthClientMetadata(
            client_name="Official", redirect_uris=[CALLBACK], token_endpoint_auth_method="none"
        ),
        storage=kept,
        redirect_handler=open_browser,
        callback_handler=wait_for_code,
        client_metadata_url=DOCUMENT_ID if by_document else None,
    )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(Endpoint(stage)), auth=provider, base_url=PUBLIC
    ) as client:
        assert 200 == (await client.post("/mcp")).status_code
        assert kept.tokens is not None
        assert kept.client is not None
        assert by_document == (kept.client.client_id == DOCUMENT_ID)
        first = kept.tokens.access_token
        stage.later(3601)
        provider.context.token_expiry_time = 1.0
        assert 200 == (await client.post("/mcp")).status_code
        assert first != kept.tokens.access_token

    assert 1 == len(answers)
