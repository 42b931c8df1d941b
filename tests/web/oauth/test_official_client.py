"""The official SDK's OAuth client goes the whole way, knowing nothing but the URL of the endpoint."""

from __future__ import annotations

import httpx2
import pytest

from aegis_trio.model.asgi import Receive, Scope, Send
from tests.official_client import Official
from tests.web.oauth.stage import CALLBACK, DOCUMENT_ID, PUBLIC, Stage, Visitor, make_stage

CHALLENGE = f'Bearer resource_metadata="{PUBLIC}/.well-known/oauth-protected-resource/mcp", scope="read:repository"'


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
    stage = make_stage()
    browser = Visitor(stage)

    async def decide(address: str) -> str:
        page = await browser.get(address.removeprefix(PUBLIC))
        assert 200 == page.status, page.text
        return (await browser.at_gitea((await browser.decide(page, "allow")).onward)).location

    official = Official(decide, CALLBACK)
    kept = official.kept
    provider = official.provider(f"{PUBLIC}/mcp", document=DOCUMENT_ID if by_document else None)
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

    assert 1 == len(official.answered)
