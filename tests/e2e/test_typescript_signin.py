"""The official TypeScript clients sign a person in, and step up as far as each of them knows how to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.clients.drivers import HERE, NODE
from tests.e2e.gates import END_DEADLINE_S, GateProcess, open_gate
from tests.e2e.sign_ins import BACK, Visitor, open_sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TIDE = "gitea://main/tidewater/harbor/issues/12"
SPOIL = {"do": "spoil_token"}
WHO = {"do": "call_tool", "name": "get_me"}
READ = {"do": "read_resource", "uri": TIDE}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeScript:
    """One of the clients, as it is told to speak."""

    version: int
    era: str

    def __str__(self) -> str:
        """Return a name for a test."""
        return f"v{self.version} {self.era}"


BOTH = [TypeScript(version=1, era="legacy"), TypeScript(version=2, era="legacy"), TypeScript(version=2, era="auto")]
STEPPING_UP = [client for client in BOTH if client.version == 2]


async def _run(
    client: TypeScript, gate: GateProcess, visitor: Visitor, packages: Path, steps: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Let *client* do *steps*, with *visitor* at its browser; return its report."""
    errand = {"version": client.version, "era": client.era, "url": f"{gate.url}/mcp", "redirect": BACK, "steps": steps}
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [str(NODE), str(HERE / "ts_oauth.mjs")],
                env={**kept, "AEGIS_NODE_PACKAGES": str(packages)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                capture_stderr=False,
            )
        )
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(json.dumps(errand).encode() + b"\n")
        rest, report = b"", dict[str, Any]()
        async for chunk in process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                report = json.loads(line)
                if "open" in report:
                    await process.stdin.send_all((await visitor.decide(report["open"])).encode() + b"\n")
        with trio.fail_after(END_DEADLINE_S):
            assert 0 == await process.wait()
    return report


@pytest.mark.parametrize("client", BOTH, ids=str)
async def test_a_typescript_client_signs_a_person_in(tmp_path: Path, node_packages: Path, client: TypeScript) -> None:
    """Discovery, registration, consent, token, call; a token that is refused is exchanged, and nobody is asked."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        report = await _run(
            client, gate, place.visitor("alice"), node_packages, [WHO, SPOIL, WHO, {"do": "list_tools"}]
        )
        events = [record["event"] for record in gate.audit_records()]

    first, _, again, listed = report["steps"]
    for step in (first, again):
        assert "alice" == step["result"]["structuredContent"]["login"], report
    assert "get_file_contents" in {tool["name"] for tool in listed["result"]["tools"]}
    assert (1, 1, 1, 1) == tuple(
        events.count(event) for event in ("oauth_register", "oauth_grant", "oauth_token", "oauth_refresh")
    )
    assert 1 == len(report["asked"])
    assert "read:repository" in report["asked"][0].split()


@pytest.mark.parametrize("client", STEPPING_UP, ids=str)
async def test_a_typescript_client_steps_up(tmp_path: Path, node_packages: Path, client: TypeScript) -> None:
    """What it was refused for a scope it gets after one more consent, in the session that it had."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        report = await _run(client, gate, place.visitor("alice"), node_packages, [WHO, READ, READ, WHO])
        granted = [record["scopes"] for record in gate.audit_records("oauth_grant")]
        denied = [record for record in gate.audit_records("access_denied") if "tool" in record]

    _, stepped, again, who = report["steps"]
    assert stepped["steppedUp"], report
    assert "steppedUp" not in again
    assert TIDE == stepped["result"]["contents"][0]["uri"] == again["result"]["contents"][0]["uri"]
    assert ["read:issue", "read:repository"] == who["result"]["structuredContent"]["scopes"]
    assert [["read:repository"], ["read:repository", "read:issue"]] == granted
    assert [("insufficient_scope", TIDE)] == [(record["reason"], record["tool"]) for record in denied]


async def test_version_1_steps_up_once_it_has_nothing_to_refresh(tmp_path: Path, node_packages: Path) -> None:
    """With a refresh token it refreshes instead, which can widen nothing (RFC 6749 section 6), and gives up.

    Its own limit; nothing of ours is lost by it, and the person is asked as soon as it signs in anew.
    """
    client = TypeScript(version=1, era="legacy")
    steps = [READ, WHO, {"do": "forget_refresh_token"}, READ]
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        report = await _run(client, gate, place.visitor("alice"), node_packages, steps)

    refused, who, _, stepped = report["steps"]
    assert "403" in refused["error"], report
    assert "alice" == who["result"]["structuredContent"]["login"]
    assert stepped["steppedUp"], report
    assert TIDE == stepped["result"]["contents"][0]["uri"]
