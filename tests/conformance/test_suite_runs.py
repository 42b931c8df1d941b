"""The conformance suite runs against real servers, and a server that is not there has no figures."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from conformance.jobs import main, run_job
from conformance.needs import NEEDS
from conformance.servers import Program, Server, Untestable, ask, find_json, open_server
from conformance.suite import PACKAGE, REVISIONS, read_scenarios

pytestmark = pytest.mark.e2e

# A server that answers as a gate does, and is gone once it was asked as often as its first argument says.
SHORT_LIVED = """
import http.server, json, os, sys
left = int(sys.argv[1])
open_door = sys.argv[2] == "open"
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        global left
        if left == 0: os._exit(3)
        left -= 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = open_door or self.headers.get("Authorization") == "Bearer sesame"
        result = {"protocolVersion": "2025-11-25", "tools": [{"name": "one"}], "prompts": [], "resources": [],
                  "resourceTemplates": []}
        text = json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp", "key": "sesame"}), flush=True)
server.serve_forever()
"""
PROBE = 6  # requests of one `ask`: refused, initialize, four lists


def short_lived(requests: int, door: str = "guarded") -> Program:
    """Make a server that answers *requests* and then is gone."""
    command = (sys.executable, "-c", SHORT_LIVED, str(requests), door)
    return Program(name="stub", command=command, settings={}, find=find_json)


@pytest.fixture
def closed_address() -> Iterator[str]:
    """Give an address where nobody listens, and nobody else will: the port is taken, not opened."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/mcp"


def successes(folder: Path) -> int:
    """Count the checks that the suite calls successful."""
    files = list(folder.rglob("checks.json"))
    return sum(check["status"] == "SUCCESS" for file in files for check in json.loads(file.read_text()))


@pytest.mark.slow
def test_the_product_passes_exactly_what_its_list_says(
    tmp_path: Path, node_packages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What clients may rely on without fixtures: nothing of it is lost unnoticed."""
    status = main(["product", "--results", str(tmp_path)])

    output, complaints = capfd.readouterr()
    assert 0 == status, complaints
    assert [f"product {revision.name}" for revision in REVISIONS] == [
        line.rpartition(" ")[0] for line in output.splitlines()
    ]


@pytest.mark.slow
def test_everything_that_is_required_passes_with_fixtures(
    tmp_path: Path, node_packages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Full marks in every revision that the gate claims to speak."""
    status = main(["fixtures", "--results", str(tmp_path)])

    output, complaints = capfd.readouterr()
    assert ["2026-07-28 37/37", "2025-11-25 30/30", "2025-06-18 27/27", "2025-03-26 1/1"] == output.splitlines(), (
        complaints
    )
    assert 0 == status


async def test_a_server_that_is_stopped_has_no_figures(
    tmp_path: Path, node_packages: Path, capsys: pytest.CaptureFixture[str], closed_address: str
) -> None:
    """Most checks of the suite are satisfied by a refused connection."""
    gone = Server(url=closed_address, key="sesame")

    with pytest.raises(Untestable, match="does not answer"):
        await run_job("fixtures", nullcontext(gone), tmp_path)

    assert "" == capsys.readouterr().out


def test_the_recipe_fails_against_a_stopped_server(tmp_path: Path, node_packages: Path, closed_address: str) -> None:
    """The same as one types it: a status that CI understands, and a sentence."""
    done = subprocess.run(
        [sys.executable, "tools/conform.py", "--url", closed_address, "--results", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"AEGIS_CONFORMANCE_KEY": "sesame"},
        timeout=120,
    )

    assert (69, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert "does not answer" in done.stderr


@pytest.mark.slow
async def test_a_server_that_stops_under_test_has_no_figures(
    tmp_path: Path, node_packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The suite goes on to its end without it, and finds much in order."""
    with pytest.RaisesGroup(pytest.RaisesExc(Untestable, match="does not answer"), flatten_subgroups=True):
        await run_job("fixtures", open_server(short_lived(PROBE)), tmp_path)

    assert "" == capsys.readouterr().out
    assert 0 < successes(tmp_path)


async def test_a_server_that_lets_everybody_in_is_not_tested() -> None:
    """Its figures would say nothing about the gate's front door."""
    with pytest.RaisesGroup(pytest.RaisesExc(Untestable, match="to a request without a key"), flatten_subgroups=True):
        async with open_server(short_lived(PROBE, "open")) as server:
            await ask(server)


async def test_a_program_that_does_not_start_is_not_tested(capfd: pytest.CaptureFixture[str]) -> None:
    """What it said itself is seen above the sentence."""
    program = Program(
        name="stub", command=(sys.executable, "-c", "raise SystemExit('no')"), settings={}, find=find_json
    )

    with pytest.RaisesGroup(pytest.RaisesExc(Untestable, match="did not say where it serves"), flatten_subgroups=True):
        async with open_server(program):
            pass

    assert "no\n" == capfd.readouterr().err


def test_the_suite_requires_as_much_as_it_did(node_packages: Path) -> None:
    """A version that requires less would make full marks easier, and one that requires more is to be read."""
    scenarios = {revision.name: read_scenarios(revision) for revision in REVISIONS}

    assert {"2026-07-28": 37, "2025-11-25": 30, "2025-06-18": 27, "2025-03-26": 1} == {
        name: len(found.required) for name, found in scenarios.items()
    }
    assert {"json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation"} == {
        name for name in scenarios["2026-07-28"].unscored if not name.startswith("tasks-")
    }


def test_every_need_is_one_of_the_suite(node_packages: Path) -> None:
    """A misspelled name would leave a scenario that passes anyway without the check that makes it count."""
    text = (PACKAGE / "dist" / "index.js").read_text(encoding="utf-8")
    known = {
        scenario
        for revision in REVISIONS
        for found in [read_scenarios(revision)]
        for scenario in (*found.required, *found.unscored)
    }

    assert set(NEEDS) <= known
    assert [] == [
        name for need in NEEDS.values() for name in (*need.tools, *need.prompts, *need.resources) if name not in text
    ]
