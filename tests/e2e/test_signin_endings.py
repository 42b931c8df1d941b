"""The end of an access ends what runs for it, on every transport, and what was told survives every end of the gate."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, wrap_client_stream

from aegis_trio.demo_forge.faults import Fault
from tests.e2e.gates import GateProcess, open_gate, run_command
from tests.e2e.messages import ACCEPT, call, modern, open_session
from tests.e2e.sign_ins import Assistant, Place, open_sign_in

pytestmark = pytest.mark.e2e

ENDED_WITHIN_S = 30.0  # of a shared machine; the gate itself is told at once
EVENTS = {"Accept": "text/event-stream"}
End = Callable[[], Awaitable[None]]
"""Waits until what was opened has ended."""


async def _drain(stream: httpx.Response) -> None:
    try:
        async for _ in stream.aiter_bytes():
            pass
    except httpx.RemoteProtocolError:
        return  # cut, not ended in good order: the client is to see that its answer is lost


@asynccontextmanager
async def _listening(assistant: Assistant, _place: Place) -> AsyncGenerator[End]:
    async with assistant.http() as client:
        session = await open_session(client)
        async with client.stream("GET", "/mcp", headers={**session, **EVENTS}) as stream:
            assert 200 == stream.status_code

            async def ended() -> None:
                await _drain(stream)

            yield ended


@asynccontextmanager
async def _events(assistant: Assistant, _place: Place) -> AsyncGenerator[End]:
    async with assistant.http() as client, client.stream("GET", "/mcp/sse", headers=EVENTS) as stream:
        assert 200 == stream.status_code

        async def ended() -> None:
            await _drain(stream)

        yield ended


@asynccontextmanager
async def _socket(assistant: Assistant, _place: Place) -> AsyncGenerator[End]:
    headers = [(b"Authorization", f"Bearer {assistant.tokens['access_token']}".encode())]
    parts = urlsplit(assistant.url)
    # On a connection of our own: the client's helper leaves it open when the gate cuts it.
    stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
    async with trio.open_nursery() as nursery:
        try:
            socket = await wrap_client_stream(nursery, stream, parts.netloc, "/mcp/ws", extra_headers=headers)

            async def ended() -> None:
                with suppress(ConnectionClosed):
                    while True:
                        await socket.get_message()

            yield ended
        finally:
            await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def _posting(
    assistant: Assistant, place: Place, path: str, body: dict[str, Any], headers: dict[str, str], *, legacy: bool
) -> AsyncGenerator[End]:
    """Begin a call that Gitea does not answer."""
    over = trio.Event()

    async def post() -> None:
        async with assistant.http() as client:
            more = await open_session(client) if legacy else {}
            place.forge.faults.order(Fault(hold=trio.Event()), times=10, path="/user/repos")
            try:
                answer = await client.post(path, json=body, headers={**headers, **more})
                assert "notes" not in answer.text
            except httpx.RemoteProtocolError:
                pass  # cut, as above
        over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(post)
        with trio.fail_after(ENDED_WITHIN_S):
            while not any(record.raw_path.startswith("/api/v1/user/repos") for record in place.forge.requests):  # noqa: ASYNC110 -- another process asks: it sends no event
                await trio.sleep(0.02)
        yield over.wait


def _calling(assistant: Assistant, place: Place) -> Any:
    return _posting(assistant, place, "/mcp", call("list_repositories"), dict(ACCEPT), legacy=True)


def _calling_modern(assistant: Assistant, place: Place) -> Any:
    body, headers = modern(call("list_repositories"))
    return _posting(assistant, place, "/mcp", body, headers, legacy=False)


def _calling_rest(assistant: Assistant, place: Place) -> Any:
    return _posting(assistant, place, "/mcp/tool/call", {"tool": "list_repositories"}, {}, legacy=False)


TRANSPORTS = {
    "stream": _listening,
    "sse": _events,
    "websocket": _socket,
    "post in progress": _calling,
    "stateless post in progress": _calling_modern,
    "rest in progress": _calling_rest,
}


async def _revoke(assistant: Assistant) -> None:
    assert 200 == (await assistant.revoke()).status_code


async def _replay(assistant: Assistant) -> None:
    """Use a refresh token again whose answer was used, as a thief does."""
    first = assistant.tokens["refresh_token"]
    second = (await assistant.refresh(first)).json()
    assert 200 == (await assistant.refresh(second["refresh_token"])).status_code
    assert 400 == (await assistant.refresh(first)).status_code


@pytest.mark.parametrize("opened", TRANSPORTS.values(), ids=TRANSPORTS.keys())
@pytest.mark.parametrize("end", [_revoke, _replay], ids=["revoked", "refresh token stolen"])
async def test_what_runs_for_a_grant_ends_with_it(tmp_path: Path, opened: Any, end: Any) -> None:
    """Whatever it is; and nobody else's ends."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings() | {"WEBSOCKET_DEBUG": "true"}) as gate:
        alice, bob = await Assistant.register(gate.url), await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        await bob.sign_in(place.visitor("bob"))
        async with opened(alice, place) as ended:
            await end(alice)
            with trio.fail_after(ENDED_WITHIN_S):
                await ended()
        place.forge.faults.clear()
        assert 401 == (await alice.use_tool("get_me")).status_code
        assert 200 == (await bob.use_tool("get_me")).status_code


async def test_a_token_that_was_received_is_good_after_the_gate_was_killed_at_once(tmp_path: Path) -> None:
    """kill -9 in the moment of the answer: it was on disk before it was given."""
    async with open_sign_in(tmp_path) as place:
        async with open_gate(place.settings()) as gate:
            alice = await Assistant.register(gate.url)
            keep = alice.keep

            def kept(tokens: dict[str, Any]) -> None:
                gate.process.kill()
                keep(tokens)

            alice.keep = kept  # type: ignore[method-assign]  # the moment in which the answer is there
            await alice.sign_in(place.visitor("alice"))
            await gate.wait_end()
        async with open_gate(place.settings()):
            assert 200 == (await alice.use_tool("get_me")).status_code
            assert 200 == (await alice.refresh(alice.tokens["refresh_token"])).status_code


async def _refused(place: Place, **more: str) -> str:
    ended = await run_command(["serve", "--env-file", os.devnull], place.settings() | more)
    said = (ended.stdout + ended.stderr).decode()
    assert ended.returncode not in {0, 70}, said
    assert "Traceback" not in said, said
    assert '"serving"' not in said, said
    return said


@asynccontextmanager
async def _signed_in(place: Place, **more: str) -> AsyncGenerator[tuple[GateProcess, Assistant]]:
    async with open_gate(place.settings() | more) as gate:
        alice = await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        yield gate, alice


async def test_a_gate_with_another_key_than_its_stores_does_not_start(tmp_path: Path) -> None:
    """It says which setting and what to do; with the former key behind the new one nobody signs in again."""
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    async with open_sign_in(tmp_path) as place:
        async with _signed_in(place) as (_, alice):
            assert 200 == (await alice.use_tool("get_me")).status_code
        # Sealed by the root secret's key until now: a key that is set goes in front of it.
        for keys in (old, f"{new},{old}", new):
            async with open_gate(place.settings() | {"TOKEN_ENCRYPTION_KEY": keys}):
                pass
        said = await _refused(place, TOKEN_ENCRYPTION_KEY=old, ROOT_SECRET=secrets.token_hex(32))
        assert "TOKEN_ENCRYPTION_KEY" in said
        assert "Put the former key behind the new one" in said
        assert old not in said
        async with open_gate(place.settings() | {"TOKEN_ENCRYPTION_KEY": new}):
            assert 200 == (await alice.use_tool("get_me")).status_code


async def test_a_gate_does_not_start_on_a_store_that_it_cannot_trust(tmp_path: Path) -> None:
    """Readable by others, no store at all, of a later version, held by another process."""
    async with open_sign_in(tmp_path) as place:
        path = Path(place.settings()["STORE_PATH"])
        async with open_gate(place.settings()):
            pass
        path.chmod(0o644)  # noqa: ASYNC240 -- nothing else runs, here and below
        assert "chmod 600" in await _refused(place)
        path.chmod(0o600)  # noqa: ASYNC240 -- as above
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        assert "locked" in await _refused(place)
        connection.execute("ROLLBACK")
        connection.close()
        whole = path.read_bytes()  # noqa: ASYNC240 -- as above
        path.write_bytes(b"not a database" * 1000)  # noqa: ASYNC240 -- as above
        assert "STORE_PATH" in await _refused(place)
        path.write_bytes(whole)  # noqa: ASYNC240 -- as above
        async with open_gate(place.settings()):
            pass
