"""One gate before one forge, for many clients one after the other, and for tests that do not run under Trio.

Both live in a thread with a Trio run of its own, so that a whole module shares them (`open_common_gate`). Into the
gate's process, and into that of a client's own gate over stdio, goes `LIVELY`: reading a file tells how far it is, and
watched resources are looked at all the time. The forge has a tide: after each look at `TIDE` somebody comments, so that
the next look finds a change.
"""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from aegis_trio.demo_forge.changes import add_comment
from aegis_trio.demo_forge.faults import Fault
from aegis_trio.demo_forge.request_log import RequestRecord
from tests.e2e.gates import END_DEADLINE_S, POLL_S, START_DEADLINE_S, GateProcess, environment, open_gate, settings
from tests.e2e.interactions import HELD, TOLD
from tests.forge import RunningForge, open_forge

TIDE_COMMENTS = "/repos/tidewater/harbor/issues/12/comments"  # the last of what a look at the issue asks for
LIVELY = f"""
import dataclasses
from aegis_trio.gateway import watch
from aegis_trio.toolsets import catalogue
watch.WATCH_EVERY_S = 0.2
def telling(spec):
    def prepare(raw_arguments):
        prepared = spec.prepare(raw_arguments)
        async def run(context):
            await context.peer.report(1, 2, {TOLD!r})
            return await prepared.run(context)
        return dataclasses.replace(prepared, run=run)
    return dataclasses.replace(spec, prepare=prepare)
tools = tuple(telling(spec) if spec.name == "get_file_contents" else spec for spec in catalogue.CATALOGUE.tools)
catalogue.CATALOGUE = dataclasses.replace(catalogue.CATALOGUE, tools=tools)
"""
STDIO = [
    sys.executable,
    "-c",
    f"{LIVELY}\nimport sys\nfrom aegis_trio.__main__ import main\nsys.argv[1:] = ['stdio']\nsys.exit(main())",
]


@dataclass(kw_only=True)
class CommonGate:
    """The gate and the forge, as seen from another thread."""

    gate: GateProcess
    forge: RunningForge
    token: trio.lowlevel.TrioToken

    def hold(self) -> None:
        """Let the forge keep silent about the next request for the held file."""
        self.forge.faults.clear()
        self.forge.faults.order(Fault(hold=trio.Event()), path=HELD)

    def wait_given_up(self, calls_before: int, trail: Path) -> None:
        """Wait until *trail* says that one more call, of the held file, was cancelled, and the forge was told.

        Args:
            calls_before: how many records of calls stood in *trail* before.
            trail: the audit log of the gate that the client used.
        """
        trio.from_thread.run(self._wait_given_up, calls_before, trail, trio_token=self.token)

    async def _wait_given_up(self, calls_before: int, trail: Path) -> None:
        held = [record for record in self.forge.requests if HELD in record.raw_path]
        with trio.fail_after(END_DEADLINE_S):
            for record in held:
                await record.done.wait()
            while not (ends := _ends_of_held(trail, calls_before)):  # noqa: ASYNC110 -- another process: it sends no event
                await trio.sleep(POLL_S)
        assert all(record.client_left for record in held)
        assert ["cancelled"] == ends

    def settings_for_stdio(self, home: Path) -> dict[str, str]:
        """Return the environment of a gate that a client starts itself, with the same forge and a trail in *home*."""
        return environment(
            {
                "GITEA_URL": self.forge.url,
                "GITEA_TOKEN": self.forge.world.bot_token,
                "HOME": str(home),
                "AUDIT_LOG_PATH": str(home / "audit.log"),
            }
        )


def _ends_of_held(trail: Path, calls_before: int) -> list[str]:
    new = calls_in(trail)[calls_before:]
    return [call["status"] for call in new if str(call["arguments"].get("path", "")).endswith(HELD)]


def calls_in(trail: Path) -> list[dict[str, Any]]:
    """Return the records of calls in an audit log, which need not be there yet."""
    if not trail.exists():
        return []
    whole, _, _ = trail.read_text().rpartition("\n")
    records = (json.loads(line) for line in whole.splitlines())
    return [record for record in records if "tool_invocation" == record["event"]]


@contextmanager
def open_common_gate(state: Path) -> Iterator[CommonGate]:
    """Run forge and gate until the block ends.

    Args:
        state: a folder for what the gate writes.

    Raises:
        AssertionError: the gate did not start, or a handler of the forge crashed.
    """
    opened: queue.SimpleQueue[CommonGate | None] = queue.SimpleQueue()
    done = trio.Event()

    async def run() -> None:
        more = {"CALLS_PER_MINUTE": "0", "WEBSOCKET_DEBUG": "true", "TMPDIR": str(state)}
        async with open_forge() as forge, trio.open_nursery() as nursery:
            given = settings(forge.url, forge.world.bot_token, state, **more)
            async with open_gate(given, before=LIVELY) as gate:
                nursery.start_soon(_turn_the_tide, forge)
                opened.put(CommonGate(gate=gate, forge=forge, token=trio.lowlevel.current_trio_token()))
                await done.wait()
            nursery.cancel_scope.cancel()

    with ThreadPoolExecutor(1, thread_name_prefix="gate") as pool:
        running = pool.submit(trio.run, run)
        running.add_done_callback(lambda _: opened.put(None))
        common = opened.get(timeout=2 * START_DEADLINE_S)
        if common is None:
            running.result()
            raise AssertionError("the gate ended before it was used")
        try:
            yield common
        finally:
            with suppress(trio.RunFinishedError):
                common.token.run_sync_soon(done.set)
        running.result(2 * END_DEADLINE_S)


async def _turn_the_tide(forge: RunningForge) -> None:
    answered: list[RequestRecord] = []
    while True:
        record = await forge.requests.wait_for(
            lambda record: record not in answered and record.raw_path.endswith(TIDE_COMMENTS)
        )
        answered.append(record)
        await record.done.wait()
        world = forge.world
        add_comment(world, world.repositories[1], 12, author=world.accounts[2], body=f"Look {len(answered)}.")
