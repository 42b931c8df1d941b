"""An administrator's way, by commands alone: two settings and `oauth setup`, then who has access, and its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from aegis_trio.cli.env_lines import read_values
from aegis_trio.demo_forge.demo_world import PASSWORDS
from tests.e2e.gates import open_gate, run_command
from tests.e2e.messages import call, open_session
from tests.e2e.sign_ins import BACK, Visitor, free_url
from tests.forge import open_forge
from tests.official_client import Official
from tests.person import Person

pytestmark = pytest.mark.e2e

ENDED_WITHIN_S = 30.0  # of a shared machine; the gate itself hears of it twice in a second


async def _tell(arguments: list[str], given: dict[str, str]) -> Any:
    done = await run_command(["oauth", *arguments, "--json"], given)
    assert 0 == done.returncode, done.stderr.decode()
    return json.loads(done.stdout)


async def _sign_in(url: str, visitor: Visitor) -> str:
    """Sign a person in by the official client, which knows the URL alone; return its access token."""
    official = Official(visitor.decide, BACK)
    provider = official.provider(url)
    async with (
        httpx2.AsyncClient(auth=provider, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        me = await client.call_tool("get_me", {})
        assert me.structured_content is not None
        assert "alice" == me.structured_content["login"]
    assert official.kept.tokens is not None
    return official.kept.tokens.access_token


async def test_two_settings_and_one_command_are_enough(tmp_path: Path) -> None:
    """Whoever sets it up registers nothing by hand, and whoever is put out is out now, with one record of it."""
    env_file, public_url = tmp_path / ".env", free_url()
    async with open_forge() as forge:
        two = {"GITEA_URL": forge.url, "PUBLIC_URL": public_url}
        token = forge.world.tokens["admin"]
        files = ["--env-file", str(env_file)]
        done = await _tell(
            ["setup", *files, "--state-dir", str(tmp_path / "state")], {**two, "AEGIS_SETUP_TOKEN": token}
        )
        assert ("registered", f"{public_url}/mcp") == (done["action"], done["url"])
        written = read_values(env_file.read_text())
        assert token not in env_file.read_text()

        # ADMIN_PORT: several gates run on a machine of tests. The form of the log is how this test listens.
        given = {"ADMIN_PORT": "0", "LOG_FORMAT": "json"}
        async with open_gate(given, env_file=env_file) as gate:
            gate.settings = written
            visitor = Visitor(public_url, Person(forge.url, "alice", PASSWORDS["alice"]))
            access = await _sign_in(f"{public_url}/mcp", visitor)

            [grant] = await _tell(["grants", "list", "--user", "Alice", *files], {})
            assert ("alice", "Official") == (grant["user"], grant["client_name"])
            [client] = await _tell(["clients", "list", *files], {})
            assert (grant["client"], "registered", 1) == (client["client"], client["kind"], client["grants"])

            bearer = {"Authorization": f"Bearer {access}"}
            async with httpx.AsyncClient(base_url=public_url, headers=bearer, trust_env=False, timeout=60) as http:
                session = await open_session(http)
                async with http.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}) as stream:
                    assert 200 == stream.status_code
                    ended = await _tell(["revoke", "--user", "alice", "--yes", *files], {})
                    assert [grant["grant"]] == [one["grant"] for one in ended["ended"]]
                    with trio.fail_after(ENDED_WITHIN_S):
                        async for _ in stream.aiter_bytes():
                            pass
                assert 401 == (await http.post("/mcp", json=call("get_me"), headers=session)).status_code
            record = await gate.wait_record("oauth_revoke")
            assert ("operator", grant["grant"], "alice") == (record["reason"], record["grant"], record["login"])
            assert record["operator"]
            assert [] == await _tell(["grants", "list", *files], {})
            first = {record["notice"], (await gate.wait_record("oauth_forget"))["notice"]}

            access = await _sign_in(f"{public_url}/mcp", visitor)
            gate.process.terminate()
            assert 0 == await gate.wait_end()

        # Nobody holds the log now; the next start records what was done meanwhile.
        removed = await _tell(["clients", "remove", client["client"], "--yes", *files], {})
        assert client["client"] == removed["removed_client"]
        await _tell(["revoke", "--user", "alice", "--yes", *files], {})
        async with open_gate(given, env_file=env_file) as gate:
            gate.settings = written
            for event in ("oauth_unregister", "oauth_revoke", "oauth_forget"):
                await gate.wait_record(event, lambda record: record.get("notice", "") not in {"", *first})
            async with httpx.AsyncClient(base_url=public_url, trust_env=False, timeout=60) as http:
                refused = await http.post("/mcp", json={}, headers={"Authorization": f"Bearer {access}"})
            assert 401 == refused.status_code
            by_operator = [one["notice"] for one in gate.audit_records() if "notice" in one]

    assert 5 == len(by_operator) == len(set(by_operator))
