"""Whoever asks, the forge sees the identity of that caller's key, or it is not asked at all."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.messages import ACCEPT, call, modern, use_tool
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

ALICE_KEY = "a11ce000" + "1" * 52 + "a11c"
BOB_KEY = "b0b00000" + "2" * 52 + "0b0b"
HARBOR = {"owner": "tidewater", "repo": "harbor"}
REFUSED: list[dict[str, str]] = [
    {**HARBOR, "path": "../../admin/users"},
    {**HARBOR, "path": "docs/../../../../admin/users"},
    {**HARBOR, "path": "README.md#x\r\nHost: elsewhere"},
    {**HARBOR, "path": "README.md\x00"},
    {**HARBOR, "path": "."},
    {**HARBOR, "path": "README.md", "ref": "../../../admin"},
    {"owner": "..", "repo": "admin", "path": "users"},
    {"owner": "", "repo": "", "path": "admin/users"},
    {"owner": "admin/users?", "repo": "harbor", "path": "x"},
    {"owner": "tidewater", "repo": "harbor/../../../admin", "path": "users"},
    {"owner": "tidewater", "repo": ".", "path": "."},
    {"owner": "http://elsewhere.example", "repo": "harbor", "path": "x"},
]
"""Nothing of these may leave."""
ODD_NAMES = [
    "..%2f..%2fadmin/users",
    "docs\\..\\..\\admin",
    "README.md?ref=x",
    "README.md#x",
    "a b+c%",
    "%2e%2e/%2e%2e/x",
]
"""Files may be called so: each is asked for by exactly that name, below its repository."""


@asynccontextmanager
async def _open_two_keys(state: Path) -> AsyncIterator[tuple[GateProcess, RunningForge]]:
    """Run a gate where each key acts with its own person's token, and no bot exists."""
    async with open_forge() as forge:
        given = settings(
            forge.url,
            forge.world.bot_token,
            state,
            MCP_API_KEYS=f"{ALICE_KEY},{BOB_KEY}",
            GITEA_KEY_TOKENS=(
                f"{_hint(ALICE_KEY)}={forge.world.tokens['alice']},{_hint(BOB_KEY)}={forge.world.tokens['bob']}"
            ),
        )
        del given["GITEA_TOKEN"]
        async with open_gate(given) as gate:
            yield gate, forge


def _hint(key: str) -> str:
    return f"{key[:8]}...{key[-4:]}"


async def _names(client: httpx.AsyncClient) -> set[str]:
    answer = (await use_tool(client, "list_repositories", limit=50)).json()
    assert answer["result"]["has_next"] is False
    return {f"{line['owner']}/{line['repo']}" for line in answer["result"]["repositories"]}


async def test_two_people_see_their_own_repositories_and_not_the_others(tmp_path: Path) -> None:
    """Your own rights, never more: what one of them cannot see is not there for that one, in every tool."""
    async with _open_two_keys(tmp_path) as (gate, forge), gate.client(ALICE_KEY) as alice, gate.client(BOB_KEY) as bob:
        assert "alice" == (await use_tool(alice, "get_me")).json()["result"]["login"]
        assert "bob" == (await use_tool(bob, "get_me")).json()["result"]["login"]
        visible_to_alice, visible_to_bob = await _names(alice), await _names(bob)
        assert {"tidewater/payroll", "alice/notes"} <= visible_to_alice
        assert {"bob/tide-tables", "bob/pilot-log"} <= visible_to_bob
        assert set() == {"tidewater/payroll", "alice/notes"} & visible_to_bob
        assert set() == {"bob/pilot-log"} & visible_to_alice

        secret: dict[str, Any] = {"owner": "alice", "repo": "notes"}
        for tool, more in (
            ("get_repository_info", {}),
            ("get_file_tree", {}),
            ("get_file_contents", {"path": "ideas.md"}),
        ):
            mine = await use_tool(alice, tool, **secret, **more)
            assert (200, True) == (mine.status_code, mine.json()["success"])
            theirs = await use_tool(bob, tool, **secret, **more)
            assert (404, "not_found") == (theirs.status_code, theirs.json()["error"]["code"])
            # A repository that is hidden and one that never was look the same.
            nowhere = await use_tool(bob, tool, **secret | {"repo": "never-was"}, **more)
            assert theirs.json()["error"] == json.loads(
                json.dumps(nowhere.json()["error"]).replace("never-was", "notes")
            )
        called_by = {record["principal"]: record["key_hint"] for record in gate.audit_records("tool_intent")}
    assert {_hint(ALICE_KEY), _hint(BOB_KEY)} == set(called_by.values())
    assert {"alice", "bob"} == {record.principal for record in forge.requests}


async def test_a_renamed_repository_is_followed_and_its_new_name_told(tmp_path: Path) -> None:
    """People speak of the old name for years; the gate follows Gitea's redirect, and only to a repository there."""
    async with _open_two_keys(tmp_path) as (gate, forge), gate.client(BOB_KEY) as bob:
        told = (await use_tool(bob, "get_repository_info", owner="bob", repo="tides")).json()
        assert ("bob", "tide-tables") == (told["result"]["owner"], told["result"]["repo"])
        read = (await use_tool(bob, "get_file_contents", owner="bob", repo="tides", path="go.mod")).json()
        assert read["result"]["content"].startswith("module tide-tables")
        listed = (await use_tool(bob, "get_file_tree", owner="bob", repo="tides")).json()
        assert {"README.md", "main.go", "go.mod"} == {entry["path"] for entry in listed["result"]["entries"]}
    assert {"alice", "bob"} == {record.principal for record in forge.requests}  # alice: the check at the start


async def test_no_argument_reaches_another_endpoint(tmp_path: Path) -> None:
    """A model that was talked into a path out of the repository gets a sentence; the forge gets nothing."""
    async with _open_two_keys(tmp_path) as (gate, forge), gate.client(BOB_KEY) as bob:
        forge.requests.clear()
        for arguments in REFUSED:
            plain = await use_tool(bob, "get_file_contents", **arguments)
            assert (400, "invalid_argument") == (plain.status_code, plain.json()["error"]["code"]), arguments
            assert {"field", "rule", "example"} <= plain.json()["error"].keys()
            body, headers = modern(call("get_file_contents", arguments))
            spoken = await bob.post("/mcp", json=body, headers=headers)
            assert spoken.json()["result"]["isError"] is True
        assert [] == [record.raw_path for record in forge.requests]
        for name in ODD_NAMES:
            odd = await use_tool(bob, "get_file_contents", **HARBOR, path=name)
            assert (404, "not_found") == (odd.status_code, odd.json()["error"]["code"]), name
        folder = "/api/v1/repos/tidewater/harbor/contents/"
        assert {folder + quote(name, safe="/") for name in ODD_NAMES} == {
            quote(unquote(record.raw_path), safe="/") for record in forge.requests
        }


async def test_after_a_hostile_visit_every_request_at_the_forge_was_the_bots(tmp_path: Path) -> None:
    """There is no anonymous fallback: whoever has no key causes no request, and nobody chooses the identity."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, MAX_AUTH_FAILURES="1000")
        async with open_gate(given) as gate:
            before = len(forge.asked())
            token = forge.world.tokens["alice"]
            strangers: list[dict[str, str]] = [
                {},
                {"Authorization": "Bearer"},
                {"Authorization": "Bearer " + "0" * 31},
                {"Authorization": f"Bearer {secrets.token_hex(32)}"},
                {"Authorization": f"Bearer {gate.key[:-1]}"},
                {"Authorization": f"Bearer {gate.key}0"},
                {"Authorization": f"Bearer {gate.key.upper()}"} if gate.key.upper() != gate.key else {},
                {"Authorization": f"Basic {gate.key}"},
                {"Authorization": f"token {token}"},
                {"Authorization": f"Bearer {token}"},
                {"X-API-Key": token},
                {"X-API-Key": f"{gate.key},{gate.key}"},
                {"X-API-Key": gate.key, "Authorization": f"Bearer {secrets.token_hex(32)}"},
                {"Cookie": f"api_key={gate.key}"},
                {"X-Forwarded-User": "alice", "X-Forwarded-For": "127.0.0.1"},
                {"User-Agent": "kube-probe/1.30"},
            ]
            body, modern_headers = modern(call("list_repositories"))
            async with httpx.AsyncClient(base_url=gate.url, trust_env=False, timeout=60) as client:
                for stranger in strangers:
                    answers = [
                        await client.post("/mcp/tool/call", json={"tool": "list_repositories"}, headers=stranger),
                        await client.get("/mcp/tools", headers=stranger),
                        await client.post("/mcp", json=body, headers={**modern_headers, **stranger}),
                        await client.post("/mcp/sse", json=body, headers={**modern_headers, **stranger}),
                        await client.get("/mcp/sse", headers={**ACCEPT, **stranger}),
                        await client.get("/mcp", headers={**ACCEPT, **stranger}),
                        await client.request("DELETE", "/mcp", headers=stranger),
                        await client.post("/mcp/messages?sessionId=x", json=body, headers=stranger),
                        await client.get(f"/mcp/tools?api_key={gate.key}", headers=stranger),
                    ]
                    assert [401] * len(answers) == [answer.status_code for answer in answers], stranger
            assert [] == forge.asked()[before:]
            async with gate.client() as client:
                for chosen in ({"Sudo": "alice"}, {"X-Gitea-Token": token}, {"X-Forwarded-User": "alice"}):
                    sent = await client.post("/mcp/tool/call?sudo=alice", json={"tool": "get_me"}, headers=chosen)
                    assert "mcp-bot" == sent.json()["result"]["login"]
    assert all(record.has_authorization for record in forge.requests)
    assert {"mcp-bot"} == {record.principal for record in forge.requests}
    assert not any("sudo" in record.raw_query.lower() for record in forge.requests)


async def test_without_authentication_everybody_is_the_local_principal_with_the_bots_rights(tmp_path: Path) -> None:
    """The one exception, loopback only: loud in the log, audited, and still never anonymous at the forge."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, AUTH_ENABLED="false")
        del given["MCP_API_KEYS"]
        async with open_gate(given) as gate:
            await gate.wait_said("API key authentication DISABLED - server is open to all requests!")
            async with httpx.AsyncClient(base_url=gate.url, trust_env=False, timeout=60) as client:
                for headers in ({}, {"Authorization": f"Bearer {forge.world.tokens['alice']}"}):
                    answer = await client.post("/mcp/tool/call", json={"tool": "get_me"}, headers=headers)
                    assert "mcp-bot" == answer.json()["result"]["login"]
                rebound = await client.get("/mcp/tools", headers={"Host": "gate.attacker.example"})
                assert 421 == rebound.status_code
                foreign = await client.get("/mcp/tools", headers={"Origin": "https://attacker.example"})
                assert 403 == foreign.status_code
    assert {"local"} == {record["principal"] for record in gate.audit_records("tool_intent")}
    assert {"mcp-bot"} == {record.principal for record in forge.requests}


async def test_a_token_that_gitea_no_longer_accepts_is_no_way_to_another_identity(tmp_path: Path) -> None:
    """When one person's token is revoked at the forge, their key stops; nobody else's token steps in."""
    async with _open_two_keys(tmp_path) as (gate, forge), gate.client(ALICE_KEY) as alice, gate.client(BOB_KEY) as bob:
        assert 200 == (await use_tool(alice, "get_me")).status_code
        forge.world.drop_token(forge.world.tokens["alice"])
        start = len(forge.asked())
        refused = await use_tool(alice, "list_repositories")
        assert (502, "upstream_rejected_identity") == (refused.status_code, refused.json()["error"]["code"])
        assert 200 == (await use_tool(bob, "list_repositories")).status_code
        asked = forge.asked()[start:]
    assert all(record.has_authorization for record in asked)
    assert ["bob"] == [record.principal for record in asked if record.principal is not None]
