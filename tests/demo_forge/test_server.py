"""The forge starts when it listens, and one crash in it stays where it was."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio

from aegis_trio.demo_forge import forge as forge_module
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.server import MAX_KEPT_CRASHES, serve_forge
from aegis_trio.demo_forge.world import World
from tests.demo_forge.raw_client import RawRequest, open_raw_client
from tests.forge import open_forge


@pytest.mark.sockets
async def test_the_address_is_told_when_it_can_be_asked() -> None:
    """Whoever starts the forge asks it at once."""
    world = World()
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve_forge, world)
        async with open_raw_client(url) as client:
            answer = await client.ask(RawRequest(method="GET", target="/api/healthz"))
        nursery.cancel_scope.cancel()

    assert 200 == answer.status
    assert f"{url}/" == world.root_url


@pytest.mark.sockets
async def test_a_root_address_that_was_set_stays() -> None:
    """Gitea's links come from its configuration, whatever address it is asked at."""
    world = World(root_url="https://forge.example/sub/")
    async with open_forge(world):
        pass

    assert "https://forge.example/sub/" == world.root_url


@pytest.mark.sockets
async def test_a_taken_port_is_an_error_of_the_start() -> None:
    """`demo` must say that the port is taken, not run without a forge."""
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve_forge, World())
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await serve_forge(World(), port=port)
        nursery.cancel_scope.cancel()


@pytest.mark.sockets
async def test_a_crash_is_kept_and_ends_its_own_connection_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the fake must be seen, and must not turn into a strange failure elsewhere."""
    world = World()

    def crash(_forge: object, _request: Request) -> None:
        raise ZeroDivisionError("a defect")

    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve_forge, world)
        with monkeypatch.context() as broken:
            broken.setattr(forge_module.Forge, "answer", crash)
            for _ in range(MAX_KEPT_CRASHES + 1):
                async with open_raw_client(url) as client:
                    with pytest.raises(ConnectionError, match="no whole answer"):
                        await client.ask(RawRequest(method="GET", target="/api/v1/version"))
        async with open_raw_client(url) as client:
            answer = await client.ask(RawRequest(method="GET", target="/api/v1/version"))
        nursery.cancel_scope.cancel()

    assert 200 == answer.status
    assert MAX_KEPT_CRASHES == len(world.crashes)
    assert "ZeroDivisionError: a defect" in world.crashes[-1]


@pytest.mark.sockets
async def test_the_fixture_fails_a_test_that_crashed_the_forge() -> None:
    """Otherwise a gate that reports `forge unreachable` would pass for right."""
    with pytest.raises(AssertionError):
        async with open_forge() as forge:
            forge.world.crashes.append("Traceback …")


def test_without_dulwich_one_sentence_says_what_to_install() -> None:
    """The extra is optional; a traceback from inside would tell nobody what to do."""
    code = (
        "import sys, importlib.util as u; found = u.find_spec; "
        "u.find_spec = lambda name, *rest: None if name == 'dulwich' else found(name, *rest)\n"
        "try:\n import aegis_trio.demo_forge\nexcept ModuleNotFoundError as error:\n print(error.name, '|', error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.startswith("dulwich | ")
    assert "pip install 'aegis-trio[demo]'" in said
    assert 1 == said.count("\n")
