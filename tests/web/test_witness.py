"""The witness over HTTP: real requests of hostile and honest logs to the real server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.request import MAX_REQUEST_BYTES, origin_digest
from aegis_trio.audit.witness.vault import make_vault
from aegis_trio.model.asgi import Message
from aegis_trio.web.witness import BODY_DEADLINE_S, WitnessApp
from tests.audit.witness.histories import LOG, NOW_S, History
from tests.serving import Served, open_server

HISTORY = History()
FORK = History("fork ", shared=10)


@pytest.fixture
def app(tmp_path: Path) -> WitnessApp:
    """Make a witness that knows the log."""
    vault = make_vault(tmp_path / "witness", "witness.example/w1", FileOps())
    vault.add(LOG.verifier)
    return WitnessApp(vault, lambda: NOW_S)


@asynccontextmanager
async def serving(app: WitnessApp) -> AsyncGenerator[tuple[Served, httpx.AsyncClient]]:
    """Serve it, with a client that asks it."""
    async with open_server(app) as served, httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        yield served, client


async def add(client: httpx.AsyncClient, body: bytes) -> tuple[int, str, str]:
    """Return status, media type and body of an answer to `add-checkpoint`."""
    answer = await client.post("/add-checkpoint", content=body)
    return answer.status_code, answer.headers["content-type"], answer.text


@pytest.mark.sockets
async def test_growth_is_cosigned_and_shown(app: WitnessApp) -> None:
    """The line comes as text, and monitors find the note beneath the digest of the origin."""
    async with serving(app) as (_, client):
        status, kind, line = await add(client, HISTORY.body(0, 12))
        shown = await client.get(f"/{origin_digest(LOG.name)}/checkpoint")

    assert (200, "text/plain; charset=utf-8") == (status, kind)
    assert line.startswith("\N{EM DASH} witness.example/w1 ")
    assert f"{HISTORY.checkpoint(12).note}{line}" == shown.text


@pytest.mark.sockets
async def test_each_refusal_has_the_status_of_the_protocol(app: WitnessApp) -> None:
    """A log's client acts on these numbers alone."""
    stranger = History(key=type(LOG)("other.example", LOG.verifier.kind, b"\x05" * 32))
    forger = History(key=type(LOG)(LOG.name, LOG.verifier.kind, b"\x05" * 32))
    async with serving(app) as (_, client):
        assert 200 == (await add(client, HISTORY.body(0, 20)))[0]

        assert 404 == (await add(client, stranger.body(0, 12)))[0]
        assert 403 == (await add(client, forger.body(20, 30)))[0]
        assert (409, "text/x.tlog.size", "20\n") == await add(client, HISTORY.body(12, 30))
        assert (409, "text/x.tlog.size", "20\n") == await add(client, HISTORY.body(0, 12))
        assert 422 == (await add(client, FORK.body(20, 30)))[0]
        assert 422 == (await add(client, FORK.body(20, 20)))[0]
        assert 400 == (await add(client, b"old 1\n\nnonsense"))[0]
        assert 200 == (await add(client, HISTORY.body(20, 30)))[0]


@pytest.mark.sockets
async def test_other_paths_and_methods_tell_nothing(app: WitnessApp) -> None:
    """What is not the protocol is not there."""
    async with serving(app) as (_, client):
        unknown = f"/{origin_digest('other.example')}/checkpoint"
        found = [
            (await client.request(method, path)).status_code
            for method, path in (
                ("GET", "/healthz"),
                ("GET", "/"),
                ("GET", "/add-checkpoint"),
                ("POST", "/healthz"),
                ("GET", unknown),
                ("GET", f"/{origin_digest(LOG.name)}/checkpoint"),
                ("GET", "/../witness.key"),
                ("POST", "/sign-subtree"),
            )
        ]

    assert [200, 404, 405, 405, 404, 404, 404, 404] == found


@pytest.mark.sockets
async def test_a_body_without_end_is_cut(app: WitnessApp) -> None:
    """No request has as many bytes."""
    async with serving(app) as (_, client):
        status, _, _ = await add(client, b"x" * (MAX_REQUEST_BYTES + 1))

        assert 413 == status
        assert 200 == (await add(client, HISTORY.body(0, 12)))[0]


async def test_a_body_that_drips_is_not_waited_for(app: WitnessApp, autojump_clock: trio.testing.MockClock) -> None:
    """A place is freed after seconds, whatever arrives meanwhile."""
    sent: list[Message] = []

    async def receive() -> Message:
        await trio.sleep(1)
        return {"type": "http.request", "body": b"o", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)
        await trio.lowlevel.checkpoint()

    await app({"type": "http", "method": "POST", "path": "/add-checkpoint", "headers": []}, receive, send)

    assert 408 == sent[0]["status"]
    assert BODY_DEADLINE_S == autojump_clock.current_time()


@pytest.mark.sockets
async def test_of_two_at_once_one_wins(app: WitnessApp) -> None:
    """Both were right when they were sent; the second was decided after the first."""
    found: list[int] = []
    async with serving(app) as (_, client):
        assert 200 == (await add(client, HISTORY.body(0, 10)))[0]

        async def race(history: History, size: int) -> None:
            found.append((await add(client, history.body(10, size)))[0])

        async with trio.open_nursery() as nursery:
            for size in range(20, 30):
                nursery.start_soon(race, HISTORY, size)
                nursery.start_soon(race, FORK, size)
        shown = await client.get(f"/{origin_digest(LOG.name)}/checkpoint")

    assert [200, *[409] * 19] == sorted(found)
    size = int(shown.text.splitlines()[1])
    assert any(shown.text.startswith(history.checkpoint(size).note.text) for history in (HISTORY, FORK))


@pytest.mark.sockets
async def test_a_damaged_memory_is_no_memory_at_all(app: WitnessApp, tmp_path: Path) -> None:
    """503, and nothing of where it stands."""
    file = tmp_path / "witness" / "logs" / origin_digest(LOG.name) / "checkpoint"
    async with serving(app) as (_, client):
        await add(client, HISTORY.body(0, 12))
        await trio.Path(file).unlink()

        status, _, text = await add(client, HISTORY.body(0, 12))

    assert 503 == status
    assert "witness.key" not in text
    assert str(tmp_path) not in text
