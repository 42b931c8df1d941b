"""A client that signed in for little asks for more when it needs it: at a whole gate, over real connections."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trio
import trio_websocket
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl

from tests.e2e.gates import GateProcess, open_gate
from tests.e2e.messages import ACCEPT, call, initialize, modern, open_session
from tests.e2e.scenarios.streams import open_events
from tests.e2e.sign_ins import BACK, Assistant, Place, Visitor, open_sign_in
from tests.official_client import DeclinedError, Kept, Official

pytestmark = pytest.mark.e2e

NOTES = {"owner": "alice", "repo": "notes"}
TIDE = {"owner": "tidewater", "repo": "harbor", "number": "12"}
SMALL = {
    "get_me",
    "get_server_version",
    "find_operation",
    "describe_operation",
    "call_read_operation",
    "continue_result",
}
"""What needs no scope of its own; an operation that is called needs that of what it shows."""
CALL = call("list_repositories", {}, 7)
ASKED_OF_GITEA = "/api/v1/user/repos"
BATCHES = "2025-03-26"
SOCKETS = {"WEBSOCKET_DEBUG": "true"}


@dataclass
class Scene:
    """A gate, and Alice's assistant, which was granted less than it will need."""

    place: Place
    gate: GateProcess
    alice: Assistant
    visitor: Visitor

    def challenge(self, document: str) -> str:
        """Return what a client must be told."""
        return (
            'Bearer error="insufficient_scope", scope="read:repository read:user", '
            f'resource_metadata="{self.gate.url}/.well-known/oauth-protected-resource{document}", '
            'error_description="list_repositories needs the scope read:repository."'
        )

    def denied(self) -> list[dict[str, Any]]:
        """Return the records of calls that were denied."""
        return [record for record in self.gate.audit_records("access_denied") if "tool" in record]

    def asked_of_gitea(self) -> bool:
        """Return whether the call went through to Gitea."""
        return any(record.raw_path.startswith(ASKED_OF_GITEA) for record in list(self.place.forge.requests))


@asynccontextmanager
async def open_scene(folder: Path, **more: str) -> AsyncGenerator[Scene]:
    """Serve a gate at which Alice has signed in for her profile alone."""
    async with open_sign_in(folder) as place, open_gate({**place.settings(), **more}) as gate:
        alice, visitor = await Assistant.register(gate.url), place.visitor("alice")
        await alice.sign_in(visitor, scope="read:user")
        yield Scene(place, gate, alice, visitor)


async def _refusals(client: httpx.AsyncClient) -> dict[str, httpx.Response]:
    """Return what each way in answers to the call; all of them have a status to say it with."""
    answers: dict[str, httpx.Response] = {}
    document, headers = modern(CALL)
    for path in ("/mcp", "/mcp/sse"):
        answers[f"modern {path}"] = await client.post(path, json=document, headers=headers)
        session = await open_session(client)
        answers[f"session {path}"] = await client.post(path, json=CALL, headers=session)
    batches = {**ACCEPT, **await _shake_hands(client, BATCHES)}
    answers["batch /mcp"] = await client.post("/mcp", json=[call("get_me"), CALL], headers=batches)
    answers["rest /mcp/tool/call"] = await client.post("/mcp/tool/call", json={"tool": "list_repositories"})
    bearer = {"Authorization": client.headers["Authorization"]}
    async with open_events(str(client.base_url), "GET", "/mcp/sse", bearer) as events:
        endpoint = (await events.next_event()).data
        assert 202 == (await client.post(endpoint, json=initialize())).status_code
        answers["stream /mcp/messages"] = await client.post(endpoint, json=CALL)
    return answers


async def _shake_hands(client: httpx.AsyncClient, version: str) -> dict[str, str]:
    opening = initialize()
    opening["params"]["protocolVersion"] = version
    opened = await client.post("/mcp", json=opening, headers=ACCEPT)
    assert version == opened.json()["result"]["protocolVersion"]
    return {"Mcp-Session-Id": opened.headers["mcp-session-id"]}


async def test_every_way_in_says_what_is_missing_and_gitea_hears_nothing(tmp_path: Path) -> None:
    """RFC 6750 section 3.1, MCP basic/authorization#scope-challenge-handling: before an answer, on every path."""
    async with open_scene(tmp_path) as scene:
        async with scene.alice.http() as client:
            answers = await _refusals(client)

        documents = {"/mcp": "/mcp", "/mcp/sse": "/mcp/sse", "/mcp/messages": "/mcp/sse", "/mcp/tool/call": ""}
        for way, answer in answers.items():
            assert 403 == answer.status_code, (way, answer.text)
            assert scene.challenge(documents[way.split()[1]]) == answer.headers["www-authenticate"], way
            assert "no-store" == answer.headers["cache-control"]
            body = answer.json()
            error = body["error"] if "rest" in way else body["error"]["data"]
            assert ("insufficient_scope", ["read:repository"]) == (error["code"], error["scopes"]), way
            if "rest" not in way:
                assert (None if "batch" in way else 7) == body.get("id"), way

        last = answers["stream /mcp/messages"].json()["error"]["data"]["correlation_id"]
        await scene.gate.wait_record("access_denied", lambda record: record.get("correlation_id") == last)
        denied = scene.denied()
        assert {("insufficient_scope", f"person:{scene.place.account('alice').id}")} == {
            (record["reason"], record["principal"]) for record in denied
        }
        counted = await scene.gate.metrics()
        [name] = [name for name in counted if "calls_total" in name and "insufficient_scope" in name]
        assert 'tool="list_repositories"' in name
        assert len(answers) == counted[name] == len(denied)
        assert [] == scene.gate.audit_records("tool_intent")
        assert not scene.asked_of_gitea()

        await scene.alice.sign_in(scene.visitor, scope="read:user read:repository")
        assert 200 == (await scene.alice.use_tool("list_repositories")).status_code
        assert scene.asked_of_gitea()


def _known(alice: Assistant) -> Kept:
    """Return the storage of an SDK that holds what *alice* does, as after a restart."""
    kept = Kept()
    kept.tokens = OAuthToken.model_validate(alice.tokens)
    kept.client = OAuthClientInformationFull(
        client_id=alice.client_id, redirect_uris=[AnyUrl(BACK)], token_endpoint_auth_method="none"
    )
    return kept


@pytest.mark.parametrize(
    ("path", "mode"),
    [("/mcp", "legacy"), ("/mcp", "auto"), ("/mcp/sse", "legacy"), ("/mcp/sse", "auto"), ("/mcp/sse", "stream")],
)
async def test_the_official_client_steps_up_in_the_middle_of_its_work(tmp_path: Path, mode: Any, path: str) -> None:
    """It calls what it may not, asks its person once more, and goes on where it was."""
    async with open_scene(tmp_path) as scene:
        official = Official(scene.visitor.decide, BACK, _known(scene.alice))
        provider = official.provider(f"{scene.gate.url}{path}")
        async with _connected(f"{scene.gate.url}{path}", provider, mode) as client:
            assert SMALL == {tool.name for tool in (await client.list_tools()).tools}
            assert [] == official.asked
            found = await client.call_tool("get_repository_info", NOTES)
            assert not found.is_error, found
            assert "get_repository_info" in {tool.name for tool in (await client.list_tools()).tools}
            me = (await client.call_tool("get_me", {})).structured_content
            assert me is not None
            assert ("alice", ["read:repository", "read:user"]) == (me["login"], me["scopes"])
            # A second step, for something that is no tool.
            assert (await client.get_prompt("triage_issue", TIDE)).messages

        granted = {record["grant"]: record["scopes"] for record in scene.gate.audit_records("oauth_grant")}
        assert [["read:user"], ["read:repository", "read:user"], ["read:repository", "read:issue", "read:user"]] == [
            *granted.values()
        ]
        assert 2 == len(official.asked)
        assert {"read:user", "read:repository"} <= set(official.asked[0]["scope"].split())
        denied = scene.denied()
        assert [("insufficient_scope", "get_repository_info"), ("insufficient_scope", "triage_issue")] == [
            (record["reason"], record["tool"]) for record in denied
        ]


@asynccontextmanager
async def _connected(url: str, provider: Any, mode: Any) -> AsyncGenerator[Client]:
    if mode == "stream":
        async with Client(sse_client(url, auth=provider), mode="legacy") as client:
            yield client
        return
    async with (
        httpx2.AsyncClient(auth=provider, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


async def test_a_person_who_declines_keeps_what_was_granted(tmp_path: Path) -> None:
    """No is an answer: the call fails, and the assistant goes on as before."""
    async with open_scene(tmp_path) as scene:

        async def decline(address: str) -> str:
            return await scene.visitor.decide(address, "deny")

        official = Official(decline, BACK, _known(scene.alice))
        provider = official.provider(f"{scene.gate.url}/mcp")
        async with httpx2.AsyncClient(auth=provider, base_url=scene.gate.url, trust_env=False, timeout=60) as http:
            document, headers = modern(CALL)
            with pytest.raises(DeclinedError, match="access_denied"):
                await http.post("/mcp", json=document, headers=headers)
        assert 1 == len(official.answered)
        assert 200 == (await scene.alice.use_tool("get_me")).status_code
        assert 403 == (await scene.alice.use_tool("list_repositories")).status_code


async def test_a_socket_says_it_in_words_and_a_refused_one_where_to_sign_in(tmp_path: Path) -> None:
    """An open WebSocket has no status; before it is open, it answers like every other path."""
    async with open_scene(tmp_path, **SOCKETS) as scene:
        url = f"{scene.gate.url.replace('http', 'ws', 1)}/mcp/ws"
        for token, error in (("", ""), ("aegis_at_unknown", ', error="invalid_token"')):
            refused = await _refusal_of_upgrade(scene.gate, token)
            assert 401 == refused.status_code
            assert (
                f'Bearer resource_metadata="{scene.gate.url}/.well-known/oauth-protected-resource", '
                f'scope="read:repository"{error}'
            ) == refused.headers["www-authenticate"]

        bearer = [(b"authorization", f"Bearer {scene.alice.tokens['access_token']}".encode())]
        async with trio_websocket.open_websocket_url(url, extra_headers=bearer) as socket:
            document, _ = modern(CALL)
            await socket.send_message(json.dumps(document))
            with trio.fail_after(60):
                result = json.loads(await socket.get_message())["result"]
        assert result["isError"]
        text = result["content"][0]["text"]
        assert text.startswith("insufficient_scope: list_repositories needs the scope read:repository. Sign in again")
        assert "agree to: read:repository read:user" in text
        assert not scene.asked_of_gitea()


async def _refusal_of_upgrade(gate: GateProcess, token: str) -> httpx.Response:
    """Ask for an upgrade as a client does, on a connection that ends where it is refused."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=gate.url, trust_env=False, timeout=60) as client:
        return await client.get("/mcp/ws", headers={**headers, **authorization})
