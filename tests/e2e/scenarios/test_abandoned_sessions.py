"""Clients that never say goodbye leave nothing: no session, no task, no descriptor, no megabyte."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from tests.e2e.gates import POLL_S, GateProcess, open_gate, settings
from tests.e2e.messages import LEGACY, call
from tests.e2e.scenarios.visits import Newcomer
from tests.e2e.wire import Wire, host_of, open_wire
from tests.e2e.wire import request as raw_request
from tests.forge import open_forge

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SESSIONS = 1000
AT_ONCE = 8
ROUNDS = 3
MEBIBYTE = 1024 * 1024
OF_A_MOMENT = 16
"""Tasks, descriptors and objects of connections to the forge and to the operator that are kept for the next request."""
ANYBODY = Newcomer(name="any", version=LEGACY, user_agent="any/1")
HASTY = """
import ctypes, gc, json, os, signal
import trio
from aegis_trio.transports.settings import SessionSettings
SessionSettings.__init__.__kwdefaults__.update(idle_s=0.2, reap_every_s=0.1, keep_streams_s=0.2)
trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)
def tell(*_):
    gc.collect()
    trim(0)
    rooms = ("aegis_trio.transports", "aegis_trio.web", "aegis_trio.gateway")
    ours = sum(type(one).__module__.startswith(rooms) for one in gc.get_objects())
    told = {"tasks": trio.lowlevel.current_statistics().tasks_living, "objects": ours}
    os.write(2, f"{json.dumps({'told': told})}\\n".encode())
signal.signal(signal.SIGUSR1, tell)
"""
"""Shortens what a session may rest, and tells at SIGUSR1 what lives; 30 minutes are the product's."""


@dataclass(frozen=True)
class Burden:
    """What a process carries."""

    tasks: int
    objects: int
    """Those of the rooms that serve clients; Trio keeps up to a thousand deadlines that are past, which are none."""
    descriptors: int
    resident_bytes: int


async def _weigh(gate: GateProcess, times: int) -> Burden:
    gate.process.send_signal(signal.SIGUSR1)
    await gate.wait_said('"told"', times=times)
    [*_, last] = [json.loads(line)["told"] for line in gate.log if '"told"' in line]
    process = Path("/proc") / str(gate.process.pid)
    pages = int((process / "statm").read_text().split()[1])
    descriptors = len(list((process / "fd").iterdir()))
    return Burden(last["tasks"], last["objects"], descriptors, pages * 4096)


async def _abandon(gate: GateProcess, wire: Wire, number: int) -> None:
    """Open a session and use it in one way or another; the connection is left as it is."""
    headers = {"Host": host_of(gate.url), "Content-Type": "application/json", **gate.authorization}
    await wire.send(raw_request("POST", "/mcp", headers, json.dumps(ANYBODY.handshake()).encode()))
    opened = await wire.receive_answer()
    assert 200 == opened.status
    lines = (line.partition(b": ") for line in opened.head.split(b"\r\n"))
    [session] = [value.decode() for name, _, value in lines if name.lower() == b"mcp-session-id"]
    headers["Mcp-Session-Id"] = session
    match number % 4:
        case 0:  # a stream that nobody reads any more
            await wire.send(raw_request("GET", "/mcp", {**headers, "Accept": "text/event-stream"}))
            await wire.receive_head()
        case 1:  # a call whose answer nobody hears
            body = json.dumps(call("get_server_version")).encode()
            await wire.send(raw_request("POST", "/mcp", {**headers, "Accept": "text/event-stream"}, body))
        case 2:  # a stream of 2024 beside it
            await wire.send(raw_request("GET", "/mcp/sse", {**gate.authorization, "Host": headers["Host"]}))
            await wire.receive_until(b"event: endpoint")
        case _:
            pass


async def _abandon_many(gate: GateProcess) -> None:
    """Open so many sessions, and break every connection off."""
    numbers = iter(range(SESSIONS))

    async def visit() -> None:
        for number in numbers:
            async with open_wire(gate.url) as wire:
                await _abandon(gate, wire, number)
                await wire.reset()

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(visit)


async def _wait_empty(gate: GateProcess) -> dict[str, float]:
    """Wait until every session was reaped and every connection let go of; return the metrics then."""
    with trio.fail_after(60):
        while True:
            metrics = await gate.metrics()
            names = ("sessions_sessions_open", "sessions_calls_running", "public_listener_open_connections")
            if not any(metrics[f"aegis_{name}"] for name in names):
                return metrics
            await trio.sleep(POLL_S)


async def test_a_thousand_abandoned_sessions_leave_nothing_behind(tmp_path: Path) -> None:
    """Promise 4: a month of clients that vanish must not be a month of growth."""
    async with open_forge() as forge:
        given = settings(
            forge.url,
            forge.world.bot_token,
            tmp_path,
            CALLS_PER_MINUTE="0",
            MAX_CONCURRENT_CALLS="0",
            GITEA_MAX_CONNECTIONS="4",  # each is kept for the next call, and would be a descriptor more
        )
        async with open_gate(given, before=HASTY) as gate:
            burdens: list[Burden] = []
            metrics: dict[str, float] = {}
            for number in range(1 + ROUNDS):
                await _abandon_many(gate)
                metrics = await _wait_empty(gate)
                # Weighing collects garbage: cycles that wait for the collector are memory in use, and no loss.
                burdens.append(await _weigh(gate, number + 1))
            _, first, *_, last = burdens  # the first round fills caches and the allocator's own stores
            print(first, last)

            assert metrics["aegis_sessions_sessions_opened_total"] >= (1 + ROUNDS) * SESSIONS
            # What was not reaped had a stream of 2024, or was the longest rested of a thousand and made room.
            assert metrics["aegis_sessions_sessions_reaped_total"] > 0
            assert 0 == metrics["aegis_sessions_sessions_refused_total"]
            assert 0 == metrics["aegis_sessions_outbox_bytes"]
            streams = [value for name, value in metrics.items() if "aegis_sessions_streams_open" in name]
            assert [0] * len(streams) == streams
            assert last.tasks - first.tasks <= OF_A_MOMENT
            assert last.descriptors - first.descriptors <= OF_A_MOMENT
            assert last.objects - first.objects <= OF_A_MOMENT
            assert last.resident_bytes - first.resident_bytes < MEBIBYTE
        assert 0 == gate.process.returncode
