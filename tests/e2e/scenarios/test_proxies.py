"""Behind a proxy that buffers, streams still flow: with HTTP/1.1 and with HTTP/2 in front, and after they broke.

Source: nginx ngx_http_proxy_module (`proxy_buffering`, switched off by the answer's `X-Accel-Buffering: no`).
"""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from aegis_trio.demo_forge.faults import Fault
from tests.e2e.gates import POLL_S, GateProcess, open_gate, settings
from tests.e2e.messages import LEGACY, call, modern, notification, request
from tests.e2e.scenarios.proxies import Proxy, open_proxy
from tests.e2e.scenarios.streams import open_events
from tests.e2e.scenarios.visits import Newcomer, check_result, read_reply, shake_hands
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

OLD = Newcomer(name="old-desktop", version="2024-11-05", user_agent="old-desktop/0.9")
ANYBODY = Newcomer(name="any", version=LEGACY, user_agent="any/1")
LISTS = {f"notifications/{name}/list_changed" for name in ("tools", "prompts", "resources")}
HELD = "/user/repos"


@dataclass(frozen=True)
class Street:
    """A forge, a gate before it, and a proxy before that."""

    forge: RunningForge
    gate: GateProcess
    proxy: Proxy


@pytest.fixture
async def street(tmp_path: Path, require_program: Callable[[str], str]) -> AsyncIterator[Street]:
    """Give a gate behind nginx, which it trusts."""
    async with _open_street(tmp_path, require_program("nginx")) as opened:
        yield opened


@asynccontextmanager
async def _open_street(state: Path, program: str) -> AsyncIterator[Street]:
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, state, TRUSTED_PROXIES="127.0.0.1")
        async with open_gate(given) as gate, open_proxy(program, gate.url, state) as proxy:
            yield Street(forge, gate, proxy)


def _client(street: Street, url: str) -> httpx.AsyncClient:
    is_http2 = url == street.proxy.http2_url
    headers = street.gate.authorization
    return httpx.AsyncClient(
        base_url=url, headers=headers, http1=not is_http2, http2=is_http2, trust_env=False, timeout=60
    )


async def _reload(street: Street, times: int) -> None:
    street.gate.process.send_signal(signal.SIGHUP)
    await street.gate.wait_said('"reloaded"', times=times)


@pytest.mark.parametrize("way", ["default_url", "http1_url"])
async def test_an_old_client_hears_its_endpoint_at_once_and_everything_after_it(street: Street, way: str) -> None:
    """A proxy gives away 4 KB at a time unless it is told; an old client would wait for its endpoint and give up."""
    headers = {**street.gate.authorization, "Accept": "text/event-stream"}
    url: str = getattr(street.proxy, way)
    async with _client(street, url) as client, open_events(url, "GET", "/mcp/sse", headers) as events:
        assert b"event: endpoint" in events.first
        endpoint = (await events.next_event()).data
        for document in (OLD.handshake(), notification("notifications/initialized"), call("get_me", request_id=2)):
            assert 202 == (await client.post(endpoint, json=document)).status_code
        assert OLD.version == (await events.next_message())["result"]["protocolVersion"]
        check_result((await events.next_message())["result"])
        await _reload(street, 1)
        assert LISTS == {(await events.next_message())["method"] for _ in LISTS}
        await events.wire.reset()
    # The proxy passes the hang-up on, and the session ends with its stream.
    with trio.fail_after(30):
        while (await street.gate.metrics())["aegis_sessions_sessions_open"]:  # noqa: ASYNC110 -- another process: it sends no event
            await trio.sleep(POLL_S)


async def test_every_stream_asks_the_proxy_not_to_wait(tmp_path: Path) -> None:
    """The header is what the proxy goes by; the test is of the gate itself, as nginx eats it."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        async with gate.client() as client:
            visit = await shake_hands(client, ANYBODY)
        listen, more = modern(request("subscriptions/listen", {"notifications": {"toolsListChanged": True}}))
        only_stream = {**visit.headers, "Accept": "text/event-stream"}
        opened: list[tuple[str, str, dict[str, str], Any]] = [
            ("GET", "/mcp/sse", {}, None),
            ("GET", "/mcp", visit.headers, None),
            ("POST", "/mcp", only_stream, call("get_me")),
            ("POST", "/mcp", more, listen),
        ]
        for method, path, headers, document in opened:
            async with open_events(gate.url, method, path, {**gate.authorization, **headers}, document) as events:
                head = events.answer.head.lower()
                assert b"\r\nx-accel-buffering: no" in head
                assert b"\r\ncache-control: no-store" in head
                assert b"\r\ncontent-length" not in head
                assert events.first


@pytest.mark.parametrize("way", ["default_url", "http1_url"])
async def test_a_stream_that_the_proxy_lost_is_resumed_through_it(street: Street, way: str) -> None:
    """The connection to the client breaks in the middle of a call, whose rest comes on the next one."""
    release = trio.Event()
    street.forge.faults.order(Fault(hold=release), path=HELD)
    url: str = getattr(street.proxy, way)
    async with _client(street, url) as client:
        visit = await shake_hands(client, ANYBODY)
        headers = {**street.gate.authorization, **visit.headers}
        async with open_events(url, "POST", "/mcp", headers, call("list_repositories", request_id="x")) as events:
            assert "" == (await events.next_event()).data  # it came though nothing else has
            await events.wire.reset()
        release.set()
        assert events.last_id is not None
        async with open_events(url, "GET", "/mcp", {**headers, "Last-Event-ID": events.last_id}) as resumed:
            [reply] = await resumed.rest()
        assert "x" == reply["id"]
        check_result(reply["result"])
        async with open_events(url, "GET", "/mcp", headers) as listening:
            await _reload(street, 1)
            assert LISTS == {(await listening.next_message())["method"] for _ in LISTS}
            await visit.leave()
            assert [] == await listening.rest()


async def test_hanging_up_at_the_proxy_cancels_a_modern_call_at_the_forge(street: Street) -> None:
    """The proxy notices that its client has gone, and so do we, and so does the forge."""
    street.forge.faults.order(Fault(hold=trio.Event()), path=HELD)
    document, headers = modern(call("list_repositories"))
    url = street.proxy.http2_url
    async with trio.open_nursery() as nursery:

        async def ask() -> None:
            async with _client(street, url) as client:
                await client.post("/mcp", json=document, headers=headers)

        nursery.start_soon(ask)
        with trio.fail_after(30):
            record = await street.forge.requests.wait_for(lambda one: one.raw_path.endswith(HELD))
        nursery.cancel_scope.cancel()
    with trio.fail_after(15):
        await record.done.wait()
    assert record.client_left
    outcome = await street.gate.wait_record("tool_invocation")
    assert "cancelled" == outcome["status"]


async def test_with_http_2_in_front_calls_and_streams_share_one_connection(street: Street) -> None:
    """What browsers and hosted assistants speak to the proxy: a stream that stays open, and calls beside it."""
    async with _client(street, street.proxy.http2_url) as client:
        visit = await shake_hands(client, ANYBODY)
        listening = {**visit.headers, "Accept": "text/event-stream"}
        async with client.stream("GET", "/mcp", headers=listening) as stream:
            assert "HTTP/2" == stream.http_version
            pieces = stream.aiter_text()
            said = await anext(pieces)
            for _ in range(3):
                await visit.use("get_me")
            await _reload(street, 1)
            while said.count("list_changed") < len(LISTS):
                said += await anext(pieces)
            await visit.leave()
            async for piece in pieces:
                said += piece
        messages = [json.loads(line.removeprefix("data: ")) for line in said.splitlines() if line.startswith("data: {")]
        assert sorted(LISTS) == sorted(message["method"] for message in messages)
        document, headers = modern(call("get_me"))
        answer = await client.post("/mcp", json=document, headers=headers)
        assert "HTTP/2" == answer.http_version
        check_result(read_reply(answer)["result"])
