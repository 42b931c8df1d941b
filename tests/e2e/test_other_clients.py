"""Other people's clients use the gate, each over every transport and revision that it knows."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.drivers import DRIVERS, MODERN, Driver, Way
from tests.e2e.common_gate import STDIO, CommonGate, calls_in, open_common_gate
from tests.e2e.gates import END_DEADLINE_S, command, environment
from tests.e2e.interactions import CAPABILITIES, HELD, INTERACTIONS, TOLD, check_all, steps_of, without

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECORDED_AS = {"http": "streamable_http", "sse": "http_sse", "websocket": "websocket", "stdio": "stdio"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommonGate]:
    """Run one gate for all clients: they are guests of the same gate, and none may disturb the next."""
    with open_common_gate(tmp_path_factory.mktemp("gate")) as common:
        yield common


@pytest.mark.parametrize(
    ("driver", "way"), [pytest.param(driver, way, id=f"{driver} {way}") for driver in DRIVERS for way in driver.ways]
)
def test_a_client_does_all_that_the_gate_offers(
    house: CommonGate, node_packages: Path, tmp_path: Path, driver: Driver, way: Way
) -> None:
    """People bring the client that they have; whatever it speaks, it gets the same."""
    interactions = without(driver.lacks)
    trail = tmp_path / "audit.log" if way.transport == "stdio" else house.gate.audit_path
    before = len(calls_in(trail))
    errand = {
        "transport": way.transport,
        "era": way.era,
        "url": way.url(house.gate.url),
        "key": house.gate.key,
        "command": STDIO,
        "environment": house.settings_for_stdio(tmp_path),
        "home": str(tmp_path),
        "steps": steps_of(interactions),
    }
    house.hold()

    report = driver.run(errand, node_packages)

    check_all(interactions, report["steps"])
    if driver.tells_version:
        assert way.version == report["version"]
        if report["capabilities"] or way.era != MODERN:  # who was told the revision may ask for nothing more
            assert set(report["capabilities"]) == CAPABILITIES
    assert {RECORDED_AS[way.transport]} == {call["transport"] for call in calls_in(trail)[before:]}
    if "cancel" not in driver.lacks:
        house.wait_given_up(before, trail)


@pytest.mark.parametrize(("name", "transport"), [("typescript-v2", "http"), ("python", "sse"), ("python", "websocket")])
def test_a_client_with_another_key_gets_nothing(
    house: CommonGate, node_packages: Path, name: str, transport: str
) -> None:
    """The others got in because of the key, not because the door stood open."""
    driver = next(driver for driver in DRIVERS if driver.name == name)
    way = next(way for way in driver.ways if way.transport == transport)
    before = len(calls_in(house.gate.audit_path))
    errand = {
        "transport": way.transport,
        "era": way.era,
        "url": way.url(house.gate.url),
        "key": "0" * 64,
        "command": [],
        "environment": {},
        "steps": [{"do": "call_tool", "name": "get_me", "arguments": {}}],
    }

    with pytest.raises(AssertionError, match=r"401|[Uu]nauthorized"):
        driver.run(errand, node_packages)

    assert before == len(calls_in(house.gate.audit_path))


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_the_console_gives_up_a_call(house: CommonGate, era: str) -> None:
    """Ctrl-C while the forge is silent: the status that shells know, and the forge is told."""
    before = len(calls_in(house.gate.audit_path))
    house.hold()
    line = f"call get_file_contents owner=tidewater repo=harbor path=src/harbor/{HELD}"
    with subprocess.Popen(
        command("console", "--url", house.gate.url, "--era", era, "--frames", "-c", line),
        env=environment({"AEGIS_CONSOLE_KEY": house.gate.key}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as console:
        assert console.stdout is not None
        said = ""
        for shown in console.stdout:
            said += shown
            if TOLD in shown:
                console.send_signal(signal.SIGINT)
                break
        said += console.stdout.read()
        assert 130 == console.wait(END_DEADLINE_S), said

    house.wait_given_up(before, house.gate.audit_path)


def test_every_client_knows_both_eras_or_says_why() -> None:
    """A client that is only tried in one era would hide that the gate lost the other."""
    with_both = {driver.name for driver in DRIVERS if len({way.version == MODERN for way in driver.ways}) == 2}

    # typescript-v1 knows the handshake alone
    assert {"python", "typescript-v2", "fastmcp", "inspector"} == with_both


def test_every_transport_is_used_in_every_era_that_it_has() -> None:
    """The same for transports: HTTP+SSE is older than the modern era, all others have both."""
    used = {(way.transport, way.version == MODERN) for driver in DRIVERS for way in driver.ways}

    assert {(transport, era) for transport in RECORDED_AS for era in (True, False)} - {("sse", True)} == used


def test_nothing_is_lacked_by_all_or_needed_by_none() -> None:
    """What no client plays is no interaction, and a misspelled lack would leave one out unnoticed."""
    needed = {need for interaction in INTERACTIONS for need in interaction.needs}
    lacked = {lack for driver in DRIVERS for lack in driver.lacks}

    assert lacked <= needed
    assert not needed & frozenset.intersection(*(driver.lacks for driver in DRIVERS))
