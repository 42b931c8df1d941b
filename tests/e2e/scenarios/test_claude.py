"""Claude: the hosted surfaces and Claude Code, both of the handshake era, with a stream beside and one that can break.

Source: claude.com/docs/connectors/building (401 is what starts a sign-in; a 404 is "no server here"),
code.claude.com/docs/en/mcp (`--transport http` and `sse`, `--header`).
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.e2e.gates import GateProcess
from tests.e2e.messages import ACCEPT, LEGACY, call, notification, request
from tests.e2e.scenarios.streams import Events, open_events
from tests.e2e.scenarios.visits import Newcomer, Visit, check_result, check_tools, open_demo_gate, shake_hands, stranger

pytestmark = pytest.mark.e2e

HOSTED = Newcomer(name="Anthropic/ClaudeAI", version=LEGACY, user_agent="Claude-User")
CODE = Newcomer(
    name="claude-code", version="2025-06-18", user_agent="claude-code/2.1.0 (cli)", capabilities={"roots": {}}
)
LISTS = {f"notifications/{name}/list_changed" for name in ("tools", "prompts", "resources")}


@asynccontextmanager
async def _listen(gate: GateProcess, visit: Visit, **more: str) -> AsyncIterator[Events]:
    headers = {**gate.authorization, **visit.headers, **more, "Accept": "text/event-stream"}
    async with open_events(gate.url, "GET", visit.path, headers) as events:
        yield events


async def _reload(gate: GateProcess, times: int) -> None:
    """Let the gate read its keys again, which tells every client that its lists may be others now."""
    gate.process.send_signal(signal.SIGHUP)
    await gate.wait_said('"reloaded"', times=times)


@pytest.mark.parametrize("who", [HOSTED, CODE], ids=["hosted", "Claude Code"])
async def test_it_opens_listens_works_and_leaves(tmp_path: Path, who: Newcomer) -> None:
    """A whole conversation: what is said meanwhile comes on its stream, which ends with the session."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        visit = await shake_hands(client, who)
        assert {"name", "version"} <= visit.opened["serverInfo"].keys()
        check_tools(await visit.list_all("tools"), most=128, longest_name=64)
        async with _listen(gate, visit) as events:
            await visit.use("list_repositories", {"limit": 2})
            await _reload(gate, 1)
            assert LISTS == {(await events.next_message())["method"] for _ in LISTS}
            await visit.use("get_me")
            await visit.leave()
            assert [] == await events.rest()
        # A client whose session is gone opens another one, with the same key and at once.
        await (await shake_hands(client, who)).use("get_me")


async def test_a_stream_that_broke_off_goes_on_behind_the_last_event(tmp_path: Path) -> None:
    """A laptop that slept hears what was said meanwhile, once, and then everything else."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        visit = await shake_hands(client, HOSTED)
        async with _listen(gate, visit) as events:
            priming = await events.next_event()
            assert ("", 1000) == (priming.data, priming.retry_ms)
            await _reload(gate, 1)
            heard = [(await events.next_message())["method"] for _ in LISTS]
            await events.wire.reset()
        await _reload(gate, 2)
        assert events.last_id is not None
        async with _listen(gate, visit, **{"Last-Event-ID": events.last_id}) as resumed:
            missed = [(await resumed.next_message())["method"] for _ in LISTS]
            await _reload(gate, 3)
            live = [(await resumed.next_message())["method"] for _ in LISTS]
            await visit.leave()
            assert [] == await resumed.rest()
    assert 3 * [LISTS] == [set(heard), set(missed), set(live)]


async def test_a_place_in_a_stream_that_never_was_is_refused_and_the_session_lives(tmp_path: Path) -> None:
    """A client that comes back too late must learn it, or it would wait for what is gone."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        visit = await shake_hands(client, HOSTED)
        for event_id in ("77-1", "1-9", "nonsense", "-", "1--1", "1-0x0", "-1"):
            late = {**visit.headers, "Accept": "text/event-stream", "Last-Event-ID": event_id}
            refused = await client.get("/mcp", headers=late)
            assert (400, -32600) == (refused.status_code, refused.json()["error"]["code"]), event_id
        async with _listen(gate, visit) as events:
            assert "" == (await events.next_event()).data
        await visit.use("get_me")


@pytest.mark.parametrize("who", [HOSTED, CODE], ids=["hosted", "Claude Code"])
async def test_without_a_key_every_way_in_says_401_and_never_404(tmp_path: Path, who: Newcomer) -> None:
    """404 means that the address is wrong, and a challenge under any other status is not read."""
    # Wrong keys are counted by address, and here they all come from one.
    patient = open_demo_gate(tmp_path, MAX_AUTH_FAILURES="100000")
    async with patient as gate, gate.client() as client, stranger(gate) as nobody:
        visit = await shake_hands(client, who)
        for session in ({}, {"Mcp-Session-Id": visit.session_id}, {"Mcp-Session-Id": "0" * 43}):
            for key in ({}, {"Authorization": f"Bearer {'0' * 64}"}):
                headers = {**ACCEPT, "User-Agent": who.user_agent, **session, **key}
                answers = [
                    await nobody.request(method, path, headers=headers, json=document)
                    for path in ("/mcp", "/mcp/sse")
                    for method, document in (
                        ("GET", None),
                        ("DELETE", None),
                        ("POST", who.handshake()),
                        ("POST", call("get_me")),
                        ("POST", notification("notifications/initialized")),
                    )
                ]
                answers.append(await nobody.post("/mcp/messages?sessionId=x", headers=headers, json=call("get_me")))
                assert {401} == {answer.status_code for answer in answers}
                assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
        await visit.use("get_me")


async def test_events_alone_are_enough_for_a_whole_conversation(tmp_path: Path) -> None:
    """`claude mcp add --transport sse`, and what hosted surfaces still fall back to."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        agent = {"User-Agent": CODE.user_agent}
        headers = {**gate.authorization, **agent, "Accept": "text/event-stream"}
        async with open_events(gate.url, "GET", "/mcp/sse", headers) as events:
            endpoint = await events.next_event()
            assert "endpoint" == endpoint.kind
            told = [
                CODE.handshake(),
                notification("notifications/initialized"),
                request("tools/list", request_id="tools"),
                call("get_me", request_id="me"),
                request("ping", request_id="ping"),
            ]
            replies = {}
            for document in told:
                sent = await client.post(endpoint.data, json=document, headers=agent)
                assert 202 == sent.status_code
                if "id" in document:
                    reply = await events.next_message()
                    replies[reply["id"]] = reply["result"]
            assert [0, "tools", "me", "ping"] == list(replies)
            assert CODE.version == replies[0]["protocolVersion"]
            check_tools(replies["tools"]["tools"], most=128, longest_name=64)
            check_result(replies["me"])
            await _reload(gate, 1)
            assert LISTS == {(await events.next_message())["method"] for _ in LISTS}
            await events.wire.reset()
        with trio.fail_after(30):
            while (await client.post(endpoint.data, json=request("ping"))).status_code != 404:  # noqa: ASYNC110 -- another process: it sends no event
                await trio.sleep(0.02)
