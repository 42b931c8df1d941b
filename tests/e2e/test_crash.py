"""The power is pulled in the middle of the work: what a client was told stands in the log, and the log is whole."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from aegis_trio.audit.reader import verify_chain
from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.messages import use_tool
from tests.e2e.wire import Ended, host_of, open_wire, request
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

WORKERS = 200
ANSWERS_BEFORE_THE_KILL = (1, 150, 400)
"""How many answers came in each round: while the first calls run, in full swing, and later."""


@dataclass
class Answers:
    """What the clients were told, and how many of them still ask."""

    outcomes: dict[str, bool] = field(default_factory=dict)
    """By correlation id: whether the call succeeded."""
    lot: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    async def wait_for(self, count: int) -> None:
        """Wait until *count* answers came."""
        while len(self.outcomes) < count:
            await self.lot.park()


async def _ask_on_and_on(gate: GateProcess, name: str, answers: Answers) -> None:
    """Call, read the answer, call again, until the gate is gone; each path is asked for once in a lifetime."""
    headers = {"Host": host_of(gate.url), "Content-Type": "application/json", **gate.authorization}
    number = 0
    try:
        async with open_wire(gate.url) as wire:
            while True:
                number += 1
                place = {"owner": "tidewater", "repo": "harbor", "path": f"{name}-{number}.txt"}
                if number % 3 == 0:
                    place["path"] = "README.md"
                body = json.dumps({"tool": "get_file_contents", "arguments": place}).encode()
                await wire.send(request("POST", "/mcp/tool/call", headers, body))
                answer = json.loads((await wire.receive_answer()).body)
                answers.outcomes[answer["correlation_id"]] = answer["success"]
                answers.lot.unpark_all()
    except (Ended, OSError):
        return


@asynccontextmanager
async def _open_gate(forge: RunningForge, state: Path) -> AsyncIterator[GateProcess]:
    given = settings(forge.url, forge.world.bot_token, state, MAX_CONCURRENT_CALLS="0", CALLS_PER_MINUTE="0")
    async with open_gate(given) as gate:
        yield gate


def _torn_tails(state: Path) -> list[bytes]:
    return [path.read_bytes() for path in state.glob("audit.log.torn-*")]


async def test_a_killed_gate_loses_nothing_that_a_client_was_told(tmp_path: Path) -> None:
    """An assistant that has read a file has read it on the record, whatever happens to the gate a moment later."""
    told: dict[str, bool] = {}
    labels: set[str] = set()
    async with open_forge() as forge:
        for count in ANSWERS_BEFORE_THE_KILL:
            answers, label = Answers(), f"round-{secrets.token_hex(4)}"
            labels.add(label)
            async with _open_gate(forge, tmp_path) as gate, trio.open_nursery() as nursery:
                for worker in range(WORKERS):
                    nursery.start_soon(_ask_on_and_on, gate, f"{label}-{worker}", answers)
                with trio.fail_after(60):
                    await answers.wait_for(count)
                gate.process.kill()
                assert -signal.SIGKILL == await gate.wait_end()
            told |= answers.outcomes
        async with _open_gate(forge, tmp_path) as gate:
            assert len(_torn_tails(tmp_path)) == len(gate.audit_records("audit_recovered"))
        asked = {
            record.raw_path.rpartition("/")[2]
            for record in forge.requests
            if any(label in record.raw_path for label in labels)
        }

    assert None is verify_chain(gate.audit_path).fault
    intents = {record["correlation_id"]: record for record in gate.audit_records("tool_intent")}
    outcomes = {record["correlation_id"]: record["result"] for record in gate.audit_records("tool_invocation")}
    assert len(told) >= sum(ANSWERS_BEFORE_THE_KILL)
    assert {True, False} == set(told.values())
    assert set() == told.keys() - intents.keys()
    assert {call: "success" if succeeded else "error" for call, succeeded in told.items()} == {
        call: outcomes.get(call) for call in told
    }
    # What reached the forge was intended on the record first, also by calls whose answer nobody heard.
    assert set() == asked - {record.get("path") for record in intents.values()}
    # The kill struck while calls ran: there are intents whose outcome was never written.
    assert intents.keys() - outcomes.keys()


async def test_a_torn_tail_is_repaired_and_the_repair_is_on_the_record(tmp_path: Path) -> None:
    """A write that the power cut in half was acknowledged to nobody; it is set aside, and said so."""
    async with open_forge() as forge:
        async with _open_gate(forge, tmp_path) as gate, gate.client() as client:
            assert (await use_tool(client, "get_me")).json()["success"] is True
            gate.process.kill()
            await gate.wait_end()
        whole = gate.audit_path.read_bytes()
        torn = whole.splitlines()[-1][:77]
        with gate.audit_path.open("ab") as log:
            log.write(torn)
        async with _open_gate(forge, tmp_path) as gate, gate.client() as client:
            assert 200 == (await client.get("/readyz")).status_code

    assert [77] == [record["bytes"] for record in gate.audit_records("audit_recovered")]
    assert [torn] == _torn_tails(tmp_path)
    assert gate.audit_path.read_bytes().startswith(whole)
    assert None is verify_chain(gate.audit_path).fault
