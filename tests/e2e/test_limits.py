"""Limits as operators and callers meet them: a whole gate, its settings file, its command line, a forge that fails."""

from __future__ import annotations

import json
import re
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from aegis_trio.demo_forge.faults import Cut, Fault
from tests.e2e.gates import GateProcess, open_gate, run_command, settings
from tests.e2e.messages import call, post_modern, use_tool
from tests.e2e.sign_ins import open_sign_in
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

BEHIND_PROXY = {"X-Forwarded-For": "198.51.100.7"}


async def _wrong_key(gate: GateProcess) -> httpx.Response:
    async with gate.client(secrets.token_hex(32)) as client:
        client.headers.update(BEHIND_PROXY)
        return await use_tool(client, "get_me")


async def _block(given: Mapping[str, str], *arguments: str) -> Any:
    ran = await run_command(["block", *arguments, "--json", "--env-file", "/dev/null"], given)
    assert 0 == ran.returncode, ran.stderr
    return json.loads(ran.stdout)


async def test_limits_are_told_kept_tried_and_changed_while_the_gate_runs(tmp_path: Path) -> None:
    """The fields count down, the refusal tells how long to wait in every form, SIGHUP changes the limit."""
    env_file = tmp_path / "gate.env"
    env_file.touch(mode=0o600)
    env_file.write_text("CALLS_PER_MINUTE=3\n")

    async def reload(gate: GateProcess, text: str, times: int) -> None:
        env_file.write_text(text)
        gate.process.send_signal(signal.SIGHUP)
        await gate.wait_said('"reloaded"', times=times)

    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given, env_file=env_file) as gate, gate.client() as client:
            left = [(await use_tool(client, "get_me")).headers["ratelimit"] for _ in range(3)]
            assert ["2", "1", "0"] == [re.findall(r'"principal";r=([0-9]+);t=[0-9]+', field)[0] for field in left]

            refused = await use_tool(client, "get_me")
            assert (429, "rate_limited", "principal") == (
                refused.status_code,
                refused.json()["error"]["code"],
                refused.json()["error"]["limit"],
            )
            assert '"principal";q=3;w=60' == refused.headers["ratelimit-policy"]
            wait_s = int(refused.headers["retry-after"])
            assert 1 <= wait_s <= 20

            spoken = await post_modern(client, call("get_me"))
            error = spoken.json()["error"]
            assert (429, 429) == (spoken.status_code, error["code"])
            assert error["data"]["retry_after_seconds"] == int(spoken.headers["retry-after"])
            assert f"Try again in {error['data']['retry_after_seconds']} s." in error["message"]

            async with httpx.AsyncClient(base_url=gate.url, trust_env=False, timeout=60) as nobody:
                assert "ratelimit" not in (await use_tool(nobody, "get_me")).headers

            await reload(gate, "CALLS_PER_MINUTE=3\nLIMITS_SHADOW=principal\n", 1)
            assert 200 == (await use_tool(client, "get_me")).status_code
            assert 1 <= (await gate.metrics())['aegis_call_limits_would_refuse_total{limit="principal"}']
            await reload(gate, "CALLS_PER_MINUTE=1000\n", 2)
            for _ in range(5):
                assert 200 == (await use_tool(client, "get_me")).status_code


async def test_blocks_outlive_a_restart_grow_and_obey_the_operator(tmp_path: Path) -> None:
    """Guesses block, longer the next time; the command line works with the gate that runs; all of it is recorded."""
    async with open_forge() as forge:
        given = settings(
            forge.url,
            forge.world.bot_token,
            tmp_path,
            TRUSTED_PROXIES="127.0.0.1",
            MAX_AUTH_FAILURES="2",
            AUTH_FAILURE_WINDOW="600",
            BLOCK_PERSIST="true",
        )
        async with open_gate(given) as gate:
            asked = len(forge.asked())
            assert [401, 401, 429] == [(await _wrong_key(gate)).status_code for _ in range(3)]
            async with gate.client() as client:
                assert 200 == (await use_tool(client, "list_repositories")).status_code
            found = await _block(given, "list")
            assert [("198.51.100.7", "failures", 1)] == [
                (one["address"], one["cause"], one["times"]) for one in found["blocks"]
            ]
            assert asked + 1 == len(forge.asked())

        async with open_gate(given) as gate:
            refused = await _wrong_key(gate)
            assert 429 == refused.status_code
            assert int(refused.headers["retry-after"]) <= 600
            assert (await _block(given, "remove", "198.51.100.7"))["done"]
            assert 401 == (await _wrong_key(gate)).status_code

            assert (await _block(given, "add", "198.51.100.0/24", "--for", "1h", "--note", "scan"))["done"]
            async with gate.client() as client:
                client.headers.update(BEHIND_PROXY)
                closed = await use_tool(client, "get_me")
                assert (429, "This address is blocked") == (closed.status_code, closed.json()["message"])
                assert 200 == (await client.get("/healthz")).status_code
                assert (await _block(given, "remove", "198.51.100.0/24"))["done"]
                assert 200 == (await use_tool(client, "get_me")).status_code
            kinds = [record["kind"] for record in gate.audit_records("security_event")]
            assert ["address_unblocked", "address_blocked", "address_unblocked"] == [
                kind for kind in kinds if kind.startswith("address_")
            ]
            proxy = await run_command(["block", "add", "127.0.0.0/8", "--env-file", "/dev/null"], given)
            assert 64 == proxy.returncode


async def test_the_operators_block_ends_open_streams_of_its_address_alone(tmp_path: Path) -> None:
    """Issue: cut off at once. The stream breaks off within a second or two; another address keeps its own."""

    async def listen(gate: GateProcess, address: str, opened: trio.Event, ended: trio.Event) -> None:
        async with gate.client() as client:
            headers = {"X-Forwarded-For": address, "Accept": "text/event-stream"}
            try:
                async with client.stream("GET", "/mcp/sse", headers=headers) as stream:
                    assert 200 == stream.status_code
                    opened.set()
                    async for _ in stream.aiter_raw():
                        pass
            except httpx.RemoteProtocolError:
                ended.set()

    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, TRUSTED_PROXIES="127.0.0.1")
        async with open_gate(given) as gate, trio.open_nursery() as nursery:
            events = [(trio.Event(), trio.Event()) for _ in range(2)]
            for address, (opened, ended) in zip(("198.51.100.7", "192.0.2.9"), events, strict=True):
                nursery.start_soon(listen, gate, address, opened, ended)
                with trio.fail_after(60):
                    await opened.wait()
            assert (await _block(given, "add", "198.51.100.0/24", "--for", "1h"))["done"]
            with trio.fail_after(10):
                await events[0][1].wait()
            assert not events[1][1].is_set()
            [record] = [one for one in gate.audit_records("security_event") if one["kind"] == "address_blocked"]
            assert 1 == record["ended"]
            assert not any('"application_fault"' in line for line in gate.log)
            nursery.cancel_scope.cancel()


async def test_a_forge_that_is_away_is_left_alone_and_found_again(tmp_path: Path) -> None:
    """Refused at once, with the time to wait; nobody is let through; a second later a try finds it."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, GITEA_BREAKER_FAILURES="3")
        async with open_gate(given) as gate, gate.client() as client:
            forge.faults.order(Fault(cut=Cut.BEFORE_ANSWER), times=6)
            codes = [(await use_tool(client, "list_repositories")).json()["error"]["code"] for _ in range(3)]
            assert ["upstream_unreachable"] * 3 == codes
            asked = len(forge.asked())
            paused = await use_tool(client, "list_repositories")
            with trio.fail_after(30):
                if paused.status_code == 503:
                    assert ("upstream_paused", "1") == (paused.json()["error"]["code"], paused.headers["retry-after"])
                    assert asked == len(forge.asked())
                while (await use_tool(client, "list_repositories")).status_code != 200:  # noqa: ASYNC110 -- another process
                    await trio.sleep(0.1)
            metrics = await gate.metrics()
            assert (1, 0) == (metrics["aegis_gitea_circuit_opened_total"], metrics["aegis_gitea_circuit_open"])


async def test_a_blocked_address_cannot_make_the_gate_ask_gitea_by_signing_in(tmp_path: Path) -> None:
    """The way back from Gitea, with a made-up code, is refused before anything is asked; others are served."""
    async with open_sign_in(tmp_path) as place:
        given = {
            **place.settings(),
            "MAX_AUTH_FAILURES": "2",
            "TRUSTED_PROXIES": "127.0.0.1",
            "MCP_API_KEYS": secrets.token_hex(32),
            "GITEA_TOKEN": place.forge.world.bot_token,
        }
        async with open_gate(given) as gate:
            assert [401, 401, 429] == [(await _wrong_key(gate)).status_code for _ in range(3)]
            asked = len(place.forge.asked())
            async with httpx.AsyncClient(base_url=gate.url, trust_env=False, timeout=60) as browser:
                for path in ("/oauth/callback?code=gta_made_up&state=x", "/oauth/authorize?client_id=x"):
                    blocked = await browser.get(path, headers=BEHIND_PROXY)
                    assert (429, True) == (blocked.status_code, int(blocked.headers["retry-after"]) <= 300)
                    elsewhere = await browser.get(path, headers={"X-Forwarded-For": "198.51.100.99"})
                    assert elsewhere.status_code != 429
            assert asked == len(place.forge.asked())
