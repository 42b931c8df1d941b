"""A real gate and a real witness: growth is cosigned, a second history is not, and nobody's calls depend on it."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from aegis_trio.audit.checkpoint_files import CheckpointFiles, read_notes
from aegis_trio.audit.notes import SignatureKind, SigningKey, verify_note
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.cosigned import cosigned_path
from aegis_trio.audit.witness.request import origin_digest
from tests.audit.signed import KEY, SignedLog
from tests.audit.witness.histories import LOG, History
from tests.e2e.gates import END_DEADLINE_S, POLL_S, GateProcess, open_gate, run_command, settings
from tests.e2e.witnesses import WitnessProcess, make_witness, open_witness
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

WRONG = 'aegis_audit_witness_pushes_total{result="wrong",witness="witness.example/w3"}'
UNREACHABLE = 'aegis_audit_witness_pushes_total{result="unreachable",witness="witness.example/w1"}'


@pytest.fixture
async def forge() -> AsyncIterator[RunningForge]:
    """Run a forge."""
    async with open_forge() as running:
        yield running


def signed_settings(forge: RunningForge, state: Path, **more: str) -> dict[str, str]:
    """Return the settings of a gate that signs."""
    return settings(forge.url, forge.world.bot_token, state, AUDIT_SIGNING_KEY=KEY.reveal(), **more)


async def call(gate: GateProcess) -> int:
    """Call a tool."""
    body = {"tool": "get_repository_info", "arguments": {"owner": "tidewater", "repo": "harbor"}}
    async with gate.client() as client:
        return (await client.post("/mcp/tool/call", json=body)).status_code


def signed_size(state: Path) -> int:
    """Return how many records the newest checkpoint covers."""
    signed = CheckpointFiles(state / "audit.log", FileOps()).read_newest()
    return 0 if signed is None else signed.checkpoint.size


async def wait_logged(gate: GateProcess, **fields: object) -> None:
    """Wait for a line of its log that has these fields."""
    with trio.fail_after(END_DEADLINE_S):
        while not any(fields.items() <= json.loads(line).items() for line in gate.log if line.startswith("{")):
            await gate.lot.park()


async def live(given: dict[str, str], *, calls: int = 1, **waits_for: object) -> None:
    """Run a gate for some calls, wait for a line of its log, and end it, so that all of it is signed."""
    async with open_gate(given) as gate:
        for _ in range(calls):
            assert 200 == await call(gate)
        if waits_for:
            await wait_logged(gate, **waits_for)


@pytest.mark.slow
async def test_a_witness_cosigns_what_grew_and_no_second_history(forge: RunningForge, tmp_path: Path) -> None:
    """The whole life: growth over restarts, a log set back, and one that grew otherwise from an old copy."""
    state = tmp_path / "state"
    await make_witness(tmp_path / "witness", KEY.verifier)
    async with open_witness(tmp_path / "witness") as witness:
        alone = signed_settings(forge, state)
        watched = signed_settings(forge, state, AUDIT_WITNESSES=witness.setting)
        await live(alone, calls=3)
        before = signed_size(state)
        await trio.to_thread.run_sync(shutil.copytree, state, tmp_path / "old")
        await live(watched, event="witness_cosigned", size=before)
        # The checkpoint of the clean stop was brought out before the process ended.
        after = signed_size(state)
        copy = next(read_notes(cosigned_path(state / "audit.log"))).signed
        assert after == copy.checkpoint.size == len((state / "audit.log").read_bytes().splitlines()) > before
        assert 2 == len(verify_note(copy.note, [KEY.verifier, witness.verifier]))
        verified = await run_command(
            [
                "audit",
                "verify",
                "--vkey",
                str(KEY.verifier),
                "--witness-vkey",
                str(witness.verifier),
                "--max-age",
                "1h",
            ],
            alone,
        )
        assert 0 == verified.returncode, verified

        # The machine is set back to yesterday's copy: the witness remembers more.
        await trio.to_thread.run_sync(shutil.rmtree, state)
        await trio.to_thread.run_sync(shutil.copytree, tmp_path / "old", state)
        await live(watched, result="ahead")
        # It grows beyond what the witness has, with another history, signed by the log's own key.
        await live(alone, calls=20)
        assert signed_size(state) > after
        await live(watched, result="refused")

        async with httpx.AsyncClient(trust_env=False) as client:
            shown = await client.get(f"{witness.url}/{origin_digest(KEY.name)}/checkpoint")
        assert str(after) == shown.text.splitlines()[1]
        assert any('"status": 422' in line for line in witness.log)


@pytest.mark.slow
async def test_what_was_cosigned_survives_the_kill(tmp_path: Path) -> None:
    """SIGKILL in the middle of the work, again and again: no acknowledged checkpoint is ever forgotten."""
    folder = tmp_path / "witness"
    history = History(size=4000)
    await make_witness(folder, LOG.verifier)
    acknowledged = 0
    for round_ in range(5):
        async with open_witness(folder) as witness, httpx.AsyncClient(base_url=witness.url, trust_env=False) as client:
            probe = await client.post("/add-checkpoint", content=history.body(0, 1))
            known = int(probe.text) if probe.status_code == 409 else 1
            assert known >= acknowledged
            acknowledged = await _grow_until_killed(client, witness, history, known, 3 + 9 * round_)

    assert acknowledged > 5


async def _grow_until_killed(
    client: httpx.AsyncClient, witness: WitnessProcess, history: History, size: int, kill_after: int
) -> int:
    """Cosign one record after another; kill after some, while the next are under way; return what was acknowledged."""
    for number in range(400):
        if number == kill_after:
            witness.process.send_signal(signal.SIGKILL)
        try:
            answer = await client.post("/add-checkpoint", content=history.body(size, size + 1))
        except httpx.TransportError:
            return size
        assert 200 == answer.status_code, answer.text
        size += 1
    raise AssertionError("the witness outlived the kill")


async def test_two_witness_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second says why, with the code that a service manager does not retry."""
    await make_witness(tmp_path / "witness", LOG.verifier)
    async with open_witness(tmp_path / "witness") as witness:
        second = await run_command(["audit", "witness", "run", "--folder", str(witness.folder), "--port", "0"], {})

    assert 78 == second.returncode
    assert b"another witness" in second.stderr


@pytest.mark.slow
async def test_bad_witnesses_leave_calls_alone(forge: RunningForge, tmp_path: Path) -> None:
    """One that is not there, one that never answers, one that answers nonsense: calls succeed, and the numbers tell."""
    state = tmp_path / "state"
    state.mkdir()
    log = SignedLog(state / "audit.log")
    log.ticks(3)
    log.sign()
    log.close()
    keys = [SigningKey(f"witness.example/w{n}", SignatureKind.COSIGNATURE, bytes([n]) * 32) for n in (1, 2, 3)]

    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async def hostile(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nxxxx")

    async with trio.open_nursery() as nursery:
        ports = [1]
        for handler in (silent, hostile):
            listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
            ports.append(listeners[0].socket.getsockname()[1])
        named = [f"http://127.0.0.1:{port}#{key.verifier}" for port, key in zip(ports, keys, strict=True)]
        async with open_gate(signed_settings(forge, state, AUDIT_WITNESSES=",".join(named))) as gate:
            await gate.wait_said('"witness_push_failed"', times=2)
            with trio.fail_after(60):
                assert [200] * 20 == [await call(gate) for _ in range(20)]
            # Each is tried at its own time: the two failures may be of one witness.
            with trio.fail_after(END_DEADLINE_S):
                while not {WRONG, UNREACHABLE} <= (metrics := await gate.metrics()).keys():  # noqa: ASYNC110 -- another process
                    await trio.sleep(POLL_S)
            async with httpx.AsyncClient(trust_env=False) as client:
                ready = await client.get(f"{gate.admin_url}/readyz")
        nursery.cancel_scope.cancel()

    assert 200 == ready.status_code
    assert 0.0 == metrics["aegis_audit_witness_copies"]
    assert metrics[WRONG] >= 1.0
    assert metrics[UNREACHABLE] >= 1.0
