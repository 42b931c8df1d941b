"""The suite's scenarios for authorization servers run against a whole gate with OAUTH_MODE, in front of a forge."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from conformance.issuers import Issuer, run_issuer
from conformance.scores import Verdict
from conformance.suite import PACKAGE, REVISIONS, Revision, list_scenarios
from tests.e2e.gates import open_gate
from tests.e2e.sign_ins import Assistant, open_sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SCENARIOS = ("authorization-server-metadata-endpoint", "authorization-code-grant")


def free_port() -> int:
    """Return a port at which the suite can wait."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.name)
async def test_the_gate_passes_as_an_authorization_server(
    tmp_path: Path, node_packages: Path, revision: Revision
) -> None:
    """Full marks, warnings counted as failures: discovery, and a person who signs in with the suite as the client."""
    results = tmp_path / "results"
    results.mkdir()
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        assistant = await Assistant.register(gate.url)

        async def browse(address: str) -> None:
            back = await place.visitor("alice").decide(address)
            async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
                assert 200 == (await browser.get(back)).status_code

        issuer = Issuer(url=gate.url, client_id=assistant.client_id, resource=f"{gate.url}/mcp")
        outcomes = await run_issuer(issuer, revision, results, browse, port=free_port())
        steps = [record["event"] for record in gate.audit_records() if record["event"].startswith("oauth_")]

    said = (results / "output.txt").read_text()
    assert [(scenario, Verdict.PASSED, ()) for scenario in SCENARIOS] == [
        (outcome.scenario, outcome.verdict, outcome.reasons) for outcome in outcomes
    ], said
    # The suite saw no answers of somebody else.
    assert {"oauth_grant", "oauth_token"} <= set(steps)


async def test_an_issuer_that_is_not_there_has_no_marks(tmp_path: Path, node_packages: Path) -> None:
    """What passes against nobody says nothing."""
    url = f"http://127.0.0.1:{free_port()}"

    async def browse(address: str) -> None:
        raise AssertionError(f"there is nothing to open at {address}")

    issuer = Issuer(url=url, client_id="nobody", resource=f"{url}/mcp")
    outcomes = await run_issuer(issuer, REVISIONS[0], tmp_path, browse, port=free_port())
    assert {Verdict.FAILED} == {outcome.verdict for outcome in outcomes}


def test_the_suite_has_nothing_else_for_us(node_packages: Path) -> None:
    """Everything under `auth/` judges clients; a version that brings more for servers is to be read."""
    clients, servers = list_scenarios("--client"), list_scenarios("--server")

    assert SCENARIOS == list_scenarios("--authorization")
    assert len([name for name in clients if name.startswith("auth/")]) >= 30
    assert [] == [name for name in servers if "auth" in name]
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert "It deliberately covers no authorization-server\nscenarios" in text
