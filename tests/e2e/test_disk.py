"""The disk is full: nothing happens that cannot be recorded, and the service comes back by itself."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from aegis_trio.audit.reader import verify_chain
from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.messages import ACCEPT, call, open_session, post_modern, use_tool
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

PLACE = {"owner": "tidewater", "repo": "harbor", "path": "README.md"}


@contextmanager
def _full_disk(gate: GateProcess, spare_bytes: int) -> Iterator[None]:
    """Let no file of the gate grow by more than *spare_bytes*: the kernel then gives a short write and an error."""
    pid = gate.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (gate.audit_path.stat().st_size + spare_bytes, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def _code_of(answer: httpx.Response) -> str:
    document = answer.json()
    error = document["error"]
    if isinstance(error, str):
        return error
    return str(error["data"]["code"] if "data" in error else error["code"])


@pytest.mark.parametrize("spare_bytes", [0, 1, 200], ids=["nothing fits", "a byte fits", "half a record fits"])
async def test_a_full_disk_refuses_every_call_and_service_returns_by_itself(tmp_path: Path, spare_bytes: int) -> None:
    """A gate that serves without a record has lost its reason to exist; one that needs a restart has lost an evening.

    The refusal is the same on every way in, the forge is asked for nothing, and no half record stands in the log.
    """
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given) as gate, gate.client() as client:
            session = await open_session(client)
            assert (await use_tool(client, "get_file_contents", **PLACE)).json()["success"] is True
            before = gate.audit_path.read_bytes()
            forge.requests.clear()

            with _full_disk(gate, spare_bytes):
                answers = [
                    await use_tool(client, "get_file_contents", **PLACE),
                    await use_tool(client, "get_file_contents", **PLACE),
                    await post_modern(client, call("get_file_contents", PLACE)),
                    await client.post("/mcp", json=call("get_file_contents", PLACE), headers=session),
                    await client.post("/mcp/sse", json=call("get_file_contents", PLACE), headers=session),
                    await client.get("/mcp/sse", headers=ACCEPT),
                ]
                assert [(503, "audit_unavailable")] * len(answers) == [
                    (answer.status_code, _code_of(answer)) for answer in answers
                ]
                assert ["5"] * len(answers) == [answer.headers.get("retry-after") for answer in answers]
                ready = await client.get("/readyz")
                assert (503, ["audit_unavailable"]) == (ready.status_code, ready.json()["reasons"])
                assert 200 == (await client.get("/healthz")).status_code
                assert [] == [record.raw_path for record in forge.requests if "/repos/" in record.raw_path]
                during = gate.audit_path.read_bytes()
                assert during.startswith(before)
                assert during.endswith(b"\n")

            await gate.wait_said('"audit_resumed"')
            assert 200 == (await client.get("/readyz")).status_code
            healed = await use_tool(client, "get_file_contents", **PLACE)
            assert healed.json()["success"] is True
            in_session = await client.post("/mcp", json=call("get_file_contents", PLACE), headers=session)
            assert in_session.json()["result"]["isError"] is False
        assert 0 == gate.process.returncode

    assert None is verify_chain(gate.audit_path).fault
    resumed = gate.audit_records("audit_resumed")
    assert ["file too large"] == [record["reason"] for record in resumed]
    assert 2 == len([record for record in gate.audit_records("tool_intent") if record["seq"] > resumed[0]["seq"]])


async def test_a_folder_that_vanished_is_a_refusal_and_its_return_is_a_recovery(tmp_path: Path) -> None:
    """An operator who moves the folder away loses no record without being told."""
    state, away = tmp_path / "state", tmp_path / "away"
    state.mkdir()
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, state)
        async with open_gate(given) as gate, gate.client() as client:
            assert (await use_tool(client, "get_me")).json()["success"] is True
            state.rename(away)
            refused = await use_tool(client, "get_me")
            assert (503, "audit_unavailable") == (refused.status_code, _code_of(refused))
            away.rename(state)
            await gate.wait_said('"audit_resumed"')
            assert (await use_tool(client, "get_me")).json()["success"] is True
    assert None is verify_chain(gate.audit_path).fault
