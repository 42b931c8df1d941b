"""Hanging up stops the work where the revision says so, and nowhere else; the record says what became of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import trio

from aegis_trio.demo_forge.faults import Fault
from aegis_trio.demo_forge.request_log import RequestRecord
from tests.e2e.gates import POLL_S, GateProcess, open_gate, settings
from tests.e2e.messages import ACCEPT, call, initialize, modern, notification, open_session
from tests.e2e.wire import Wire, host_of, open_wire, request
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

PROMISE_S = 1.0
SLACK_S = 14.0  # a slow machine that does other things too; without the cancel, the call would never end
HELD = "/user/repos"


@dataclass(frozen=True)
class Stage:
    """A gate before a forge that holds its answer to one listing of repositories."""

    gate: GateProcess
    forge: RunningForge
    release: trio.Event

    async def wait_asked(self) -> RequestRecord:
        """Wait until the call has reached the forge."""
        with trio.fail_after(30):
            return await self.forge.requests.wait_for(lambda record: record.raw_path.endswith(HELD))

    async def assert_ended(self, record: RequestRecord, status: str) -> None:
        """Be sure that the request at the forge ends within the promise, and that the record says how."""
        with trio.fail_after(PROMISE_S + SLACK_S):
            await record.done.wait()
        assert record.client_left
        assert status == (await self.outcome())["status"]

    async def outcome(self) -> dict[str, Any]:
        """Wait for the outcome of the call."""
        return await self.gate.wait_record("tool_invocation", lambda record: record["tool"] == "list_repositories")


@asynccontextmanager
async def _open_stage(state: Path, **more: str) -> AsyncIterator[Stage]:
    async with open_forge() as forge:
        async with open_gate(settings(forge.url, forge.world.bot_token, state, **more)) as gate:
            release = trio.Event()
            forge.faults.order(Fault(hold=release), path=HELD)
            yield Stage(gate, forge, release)
            release.set()
        assert 0 == gate.process.returncode


def _http1(stage: Stage, document: dict[str, Any], headers: dict[str, str]) -> bytes:
    common = {"Host": host_of(stage.gate.url), "Content-Type": "application/json", **stage.gate.authorization}
    return request("POST", "/mcp", {**common, **headers}, json.dumps(document).encode())


@asynccontextmanager
async def _open_get_stream(wire: Wire, stage: Stage, session: dict[str, str]) -> AsyncIterator[None]:
    common = {"Host": host_of(stage.gate.url), **stage.gate.authorization}
    await wire.send(request("GET", "/mcp", {**common, **session}))
    await wire.receive_until(b"\r\n\r\n")
    yield


@pytest.mark.requirement("MCP-HTTP-16")
async def test_from_2026_on_hanging_up_cancels_the_call(tmp_path: Path) -> None:
    """MCP 2026-07-28 basic/transports/streamable-http#cancellation: closing the stream is the cancel."""
    async with _open_stage(tmp_path) as stage:
        async with open_wire(stage.gate.url) as wire:
            await wire.send(_http1(stage, *modern(call("list_repositories"))))
            record = await stage.wait_asked()
        await stage.assert_ended(record, "cancelled")


async def test_hanging_up_a_plain_call_cancels_it_too(tmp_path: Path) -> None:
    """A script that was interrupted leaves nothing running."""
    async with _open_stage(tmp_path) as stage:
        async with open_wire(stage.gate.url) as wire:
            headers = {"Host": host_of(stage.gate.url), "Content-Type": "application/json", **stage.gate.authorization}
            await wire.send(request("POST", "/mcp/tool/call", headers, b'{"tool": "list_repositories"}'))
            record = await stage.wait_asked()
        await stage.assert_ended(record, "cancelled")


@pytest.mark.requirement("MCP-HTTP-16")
async def test_resetting_a_stream_of_http_2_cancels_its_call_and_no_other(tmp_path: Path) -> None:
    """Behind a proxy that speaks h2c many calls share a connection; RST_STREAM hangs up one of them."""
    async with _open_stage(tmp_path) as stage:
        parts = urlsplit(stage.gate.url)
        stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
        protocol = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        protocol.initiate_connection()

        async def post(stream_id: int, document: dict[str, Any]) -> None:
            body, more = modern(document)
            data = json.dumps(body).encode()
            headers = {"content-type": "application/json", **stage.gate.authorization, **more}
            protocol.send_headers(
                stream_id,
                [
                    (":method", "POST"), (":path", "/mcp"), (":scheme", "http"), (":authority", parts.netloc),
                    *((name.lower(), value) for name, value in headers.items()),
                ],
            )  # fmt: skip
            protocol.send_data(stream_id, data, end_stream=True)
            await stream.send_all(protocol.data_to_send())

        async with stream:
            await post(1, call("list_repositories"))
            record = await stage.wait_asked()
            protocol.reset_stream(1, 8)  # CANCEL
            await stream.send_all(protocol.data_to_send())
            await stage.assert_ended(record, "cancelled")

            await post(3, call("get_me"))
            ended, data = False, b""
            with trio.fail_after(30):
                while not ended:
                    for event in protocol.receive_data(await stream.receive_some(65536)):
                        if isinstance(event, h2.events.DataReceived) and event.stream_id == 3:
                            data += event.data
                        ended = ended or (isinstance(event, h2.events.StreamEnded) and event.stream_id == 3)
                    await stream.send_all(protocol.data_to_send())
        assert json.loads(data)["result"]["isError"] is False


@pytest.mark.requirement("MCP-SESS-09")
async def test_up_to_2025_hanging_up_cancels_nothing(tmp_path: Path) -> None:
    """MCP 2025-11-25 basic/transports: a disconnection should not be taken for a cancellation."""
    async with _open_stage(tmp_path) as stage, stage.gate.client() as client:
        session = await open_session(client)
        async with open_wire(stage.gate.url) as wire:
            await wire.send(_http1(stage, call("list_repositories", request_id=7), session))
            record = await stage.wait_asked()
            assert 1 == await _open_posts(stage)
        # The gate has seen the end of the connection once it has let go of it; only then the answer may come.
        with trio.fail_after(30):
            while await _open_posts(stage):  # noqa: ASYNC110 -- another process: it sends no event
                await trio.sleep(POLL_S)
        assert not record.done.is_set()
        stage.release.set()
        await record.done.wait()
        assert not record.client_left
        assert ("success", "ok") == ((outcome := await stage.outcome())["result"], outcome["status"])


async def _open_posts(stage: Stage) -> float:
    metrics = await stage.gate.metrics()
    return metrics['aegis_sessions_streams_open{kind="post"}']


@pytest.mark.requirement("MCP-SESS-10")
async def test_a_cancelled_notification_cancels_the_call_of_its_session(tmp_path: Path) -> None:
    """MCP 2025-11-25 basic/utilities/cancellation: the call ends, and no answer is sent for it."""
    async with _open_stage(tmp_path) as stage, stage.gate.client() as client, stage.gate.client() as other:
        session = await open_session(client)
        async with trio.open_nursery() as nursery:
            answers: list[httpx.Response] = []

            async def ask() -> None:
                answers.append(
                    await client.post("/mcp", json=call("list_repositories", request_id="a"), headers=session)
                )

            nursery.start_soon(ask)
            record = await stage.wait_asked()
            stop = notification("notifications/cancelled", {"requestId": "a", "reason": "enough"})
            assert 202 == (await other.post("/mcp", json=stop, headers=session)).status_code
            await stage.assert_ended(record, "cancelled")
        assert [(202, b"")] == [(answer.status_code, answer.content) for answer in answers]


@pytest.mark.requirement("MCP-SESS-10")
async def test_another_keys_notification_cancels_nothing(tmp_path: Path) -> None:
    """A stolen session id is worth nothing without the key of its owner."""
    stranger = "5" * 64
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        given["MCP_API_KEYS"] += f",{stranger}"
        async with open_gate(given) as gate, gate.client() as client, gate.client(stranger) as other:
            release = trio.Event()
            forge.faults.order(Fault(hold=release), path=HELD)
            session = await open_session(client)
            async with trio.open_nursery() as nursery:
                answers: list[httpx.Response] = []

                async def ask() -> None:
                    answers.append(
                        await client.post("/mcp", json=call("list_repositories", request_id="a"), headers=session)
                    )

                nursery.start_soon(ask)
                record = await forge.requests.wait_for(lambda record: record.raw_path.endswith(HELD))
                stop = notification("notifications/cancelled", {"requestId": "a"})
                unknown = {**session, "Mcp-Session-Id": "0" * 43}
                refusals = [await other.post("/mcp", json=stop, headers=headers) for headers in (session, unknown)]
                gone = [await other.request("DELETE", "/mcp", headers=headers) for headers in (session, unknown)]
                release.set()
            assert not record.client_left
            assert answers[0].json()["result"]["isError"] is False
    assert [404, 404, 404, 404] == [refusal.status_code for refusal in (*refusals, *gone)]
    # For a stranger the session does not exist, byte for byte.
    assert refusals[0].content == refusals[1].content
    assert gone[0].content == gone[1].content


@pytest.mark.requirement("MCP-SESS-04")
async def test_deleting_the_session_ends_its_calls_and_streams(tmp_path: Path) -> None:
    """MCP 2025-11-25 basic/transports#session-management, item 5."""
    async with (
        _open_stage(tmp_path) as stage,
        stage.gate.client() as client,
        stage.gate.client() as other,
        open_wire(stage.gate.url) as wire,
    ):
        session = await open_session(client)
        async with _open_get_stream(wire, stage, session), trio.open_nursery() as nursery:
            answers: list[httpx.Response] = []

            async def ask() -> None:
                answers.append(await client.post("/mcp", json=call("list_repositories", request_id=1), headers=session))

            nursery.start_soon(ask)
            record = await stage.wait_asked()
            deleted = await other.request("DELETE", "/mcp", headers=session)
            assert deleted.status_code in {200, 204}
            await stage.assert_ended(record, "cancelled")
            with trio.fail_after(30):
                await wire.receive_until(b"0\r\n\r\n")
        assert [404] == [answer.status_code for answer in answers]
        assert 404 == (await client.post("/mcp", json=call("get_me"), headers=session)).status_code


@pytest.mark.requirement("MCP-SSE-04")
async def test_the_stream_of_2024_is_the_life_of_its_calls(tmp_path: Path) -> None:
    """MCP 2024-11-05: the session is its stream, so that closing the stream ends everything of it."""
    async with _open_stage(tmp_path) as stage, stage.gate.client() as client:
        async with open_wire(stage.gate.url) as wire:
            headers = {"Host": host_of(stage.gate.url), "Accept": "text/event-stream", **stage.gate.authorization}
            await wire.send(request("GET", "/mcp/sse", headers))
            await wire.receive_until(b"event: endpoint\ndata: ")
            endpoint = (await wire.receive_until(b"\n")).decode().strip()
            assert 202 == (await client.post(endpoint, json=initialize())).status_code
            assert 202 == (await client.post(endpoint, json=call("list_repositories", request_id=2))).status_code
            record = await stage.wait_asked()
        await stage.assert_ended(record, "cancelled")
        with trio.fail_after(30):
            while (await stage.gate.metrics())["aegis_sessions_sessions_open"]:  # noqa: ASYNC110 -- another process
                await trio.sleep(POLL_S)
        assert 404 == (await client.post(endpoint, json=call("get_me"))).status_code


async def test_the_deadline_of_a_tool_ends_its_call(tmp_path: Path) -> None:
    """A forge that does not answer is not waited for without end: 30 seconds, shortened here from outside."""
    shorten = (
        "import dataclasses, aegis_trio.toolsets.catalogue as catalogue\n"
        "short = tuple(dataclasses.replace(spec, timeout_s=0.5) for spec in catalogue.CATALOGUE.tools)\n"
        "catalogue.CATALOGUE = dataclasses.replace(catalogue.CATALOGUE, tools=short)"
    )
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given, before=shorten) as gate, gate.client() as client:
            forge.faults.order(Fault(hold=trio.Event()), path=HELD)
            answer = await client.post("/mcp/tool/call", json={"tool": "list_repositories"}, headers=ACCEPT)
            record = await forge.requests.wait_for(lambda record: record.raw_path.endswith(HELD))
            with trio.fail_after(PROMISE_S + SLACK_S):
                await record.done.wait()
    assert (504, "deadline_exceeded") == (answer.status_code, answer.json()["error"]["code"])
    assert record.client_left
    assert ["deadline_exceeded"] == [found["status"] for found in gate.audit_records("tool_invocation")]
