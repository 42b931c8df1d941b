"""A bug in one session ends that session: its client hears of it, and nobody else does."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
import trio

from aegis_trio.demo_forge.faults import Fault
from tests.e2e.gates import POLL_S, GateProcess, open_gate, settings
from tests.e2e.messages import LEGACY, call, notification
from tests.e2e.scenarios.streams import Events, open_events
from tests.e2e.scenarios.visits import Newcomer, Visit, check_result, read_reply, shake_hands
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

OTHERS = 8
ANYBODY = Newcomer(name="any", version=LEGACY, user_agent="any/1")
BREAKING = """
import aegis_trio.transports.desk as desk
perform = desk.Desk.perform
async def breaking(self, step, visitor):
    if step.subject == "get_me":
        raise ZeroDivisionError("injected")
    return await perform(self, step, visitor)
desk.Desk.perform = breaking
"""
"""Breaks a task of the session's own nursery, outside whatever contains the bugs of a call."""


async def _wait_sessions(gate: GateProcess, count: int) -> None:
    with trio.fail_after(30):
        while (await gate.metrics())["aegis_sessions_sessions_open"] != count:  # noqa: ASYNC110 -- another process: it sends no event
            await trio.sleep(POLL_S)


async def _shake_hands_by_events(client: httpx.AsyncClient, events: Events) -> str:
    endpoint = (await events.next_event()).data
    for document in (ANYBODY.handshake(), notification("notifications/initialized")):
        assert 202 == (await client.post(endpoint, json=document)).status_code
    assert LEGACY == (await events.next_message())["result"]["protocolVersion"]
    return endpoint


async def test_a_session_that_breaks_takes_nobody_with_it(tmp_path: Path) -> None:
    """Sessions of both kinds, calls under way and streams open; one task raises, and only its session is gone."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given, before=BREAKING) as gate, gate.client() as client:
            release = trio.Event()
            forge.faults.order(Fault(hold=release), path="/user/repos", times=OTHERS + 1)
            visits = [await shake_hands(client, ANYBODY) for _ in range(OTHERS)]
            broken = await shake_hands(client, ANYBODY)
            sse = {**gate.authorization, "Accept": "text/event-stream"}
            async with (
                open_events(gate.url, "GET", "/mcp/sse", sse) as bystander,
                open_events(gate.url, "GET", "/mcp/sse", sse) as breaking,
                open_events(gate.url, "GET", "/mcp", {**sse, **visits[0].headers}) as listening,
                open_events(gate.url, "GET", "/mcp", {**sse, **broken.headers}) as ending,
                trio.open_nursery() as nursery,
            ):
                at_bystander = await _shake_hands_by_events(client, bystander)
                at_breaking = await _shake_hands_by_events(client, breaking)
                results: list[httpx.Response] = []
                all_answered = trio.Event()

                # Each asks for something of its own: the same question at the same time would be asked once.
                async def work(visit: Visit, limit: int) -> None:
                    results.append(await visit.send(call("list_repositories", {"limit": limit})))
                    if len(results) == OTHERS:
                        all_answered.set()

                for limit, visit in enumerate(visits, 1):
                    nursery.start_soon(work, visit, limit)
                assert 202 == (await client.post(at_bystander, json=call("list_repositories"))).status_code
                with trio.fail_after(30):
                    while len([one for one in forge.requests if one.raw_path.endswith("/user/repos")]) <= OTHERS:  # noqa: ASYNC110 -- the gate sends no event
                        await trio.sleep(POLL_S)
                await _wait_sessions(gate, OTHERS + 3)

                # The request that broke it is answered: the session is gone, and the client may open another.
                answer = await broken.send(call("get_me"))
                assert (404, -32600) == (answer.status_code, answer.json()["error"]["code"])
                assert [] == await ending.rest()
                assert 404 == (await broken.send(call("list_repositories"))).status_code
                assert 202 == (await client.post(at_breaking, json=call("get_me"))).status_code
                assert [] == await breaking.rest()
                assert 404 == (await client.post(at_breaking, json=call("get_me"))).status_code
                await _wait_sessions(gate, OTHERS + 1)

                release.set()
                check_result((await bystander.next_message())["result"])
                with trio.fail_after(30):
                    await all_answered.wait()  # who leaves takes a call that is under way along
                await visits[0].leave()
                assert [] == await listening.rest()
            assert OTHERS == len(results)
            for result in results:
                reply = read_reply(result)
                assert "result" in reply, reply
                check_result(reply["result"])
            await (await shake_hands(client, ANYBODY)).use("get_server_version")
            said = [json.loads(line) for line in gate.log if '"contained"' in line]
            assert 2 == len(said)
            assert all(line["incident"] and "injected" in json.dumps(line) for line in said)
        assert 0 == gate.process.returncode
