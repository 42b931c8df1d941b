"""Other people's clients use the gate, each over every transport and revision that it knows.

Not here: the official Python client, which runs in this process (test_clients.py).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.servers import Server, find_demo
from tests.clients.drivers import DRIVERS, MODERN, Driver, Way
from tests.e2e.gates import END_DEADLINE_S, command, environment
from tests.e2e.interactions import CAPABILITIES, INTERACTIONS, check_all, steps_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one demo for all clients: they are guests of the same gate, and none may disturb the next."""
    settings = environment({"CALLS_PER_MINUTE": "0", "TMPDIR": str(tmp_path_factory.mktemp("demo"))})
    with subprocess.Popen(
        command("demo", "--port", "0"), env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        server = None
        for line in process.stdout:
            said += line
            server = find_demo(said)
            if server is not None:
                break
        assert server is not None, said
        try:
            yield server
        finally:
            process.terminate()
            process.wait(END_DEADLINE_S)


@pytest.mark.parametrize(
    ("driver", "way"), [pytest.param(driver, way, id=f"{driver} {way}") for driver in DRIVERS for way in driver.ways]
)
def test_a_client_does_all_that_the_gate_offers(
    demo: Server, node_packages: Path, tmp_path: Path, driver: Driver, way: Way
) -> None:
    """People bring the client that they have; whatever it speaks, it gets the same."""
    errand = {
        "transport": way.transport,
        "era": way.era,
        "url": demo.url.removesuffix("/mcp") + way.path,
        "key": demo.key,
        "command": [],
        "home": str(tmp_path),
        "steps": steps_of(INTERACTIONS),
    }

    report = driver.run(errand, node_packages)

    check_all(INTERACTIONS, report["steps"])
    if driver.tells_version:
        assert way.version == report["version"]
    if report["capabilities"] and way.version == MODERN:
        assert set(report["capabilities"]) == CAPABILITIES


def test_a_client_with_another_key_gets_nothing(demo: Server, node_packages: Path) -> None:
    """The others got in because of the key, not because the door stood open."""
    errand = {
        "transport": "http",
        "era": "legacy",
        "url": demo.url,
        "key": "0" * 64,
        "command": [],
        "steps": [{"do": "list_tools"}],
    }

    with pytest.raises(AssertionError, match=r"401|[Uu]nauthorized"):
        DRIVERS[0].run(errand, node_packages)


def test_every_client_knows_both_eras_or_says_why() -> None:
    """A client that is only tried in one era would hide that the gate lost the other."""
    with_both = {driver.name for driver in DRIVERS if len({way.version == MODERN for way in driver.ways}) == 2}

    assert {"typescript-v2", "fastmcp", "inspector"} == with_both  # typescript-v1 knows the handshake alone
