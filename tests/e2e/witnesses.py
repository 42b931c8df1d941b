"""A witness as its operator runs it: a process of its own, ended by its id.

async with open_witness(folder) as witness:
    ...  # ask witness.url, read witness.log, kill witness.process
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from aegis_trio.audit.notes import VerifierKey
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.vault import open_vault
from tests.e2e.gates import END_DEADLINE_S, START_DEADLINE_S, command, environment, run_command

_WITNESSING = re.compile(r'"url": "([^"]+)"')


@dataclass
class WitnessProcess:
    """A witness that serves."""

    process: trio.Process
    folder: Path
    url: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def verifier(self) -> VerifierKey:
        """Its key."""
        return open_vault(self.folder, FileOps()).verifier

    @property
    def setting(self) -> str:
        """What the gate is told."""
        return f"{self.url}#{self.verifier}"


async def make_witness(folder: Path, *keys: VerifierKey) -> None:
    """Type what the operator types."""
    made = await run_command(["audit", "witness", "init", "--folder", str(folder), "--name", "witness.example/w1"], {})
    added = await run_command(["audit", "witness", "add", "--folder", str(folder), *map(str, keys)], {})
    assert (0, 0) == (made.returncode, added.returncode), (made, added)


@asynccontextmanager
async def open_witness(folder: Path) -> AsyncIterator[WitnessProcess]:
    """Run `audit witness run` until the block ends.

    Raises:
        AssertionError: it did not start; the message is what it said.
    """
    words = command("audit", "witness", "run", "--folder", str(folder), "--port", "0", "--log-format", "json")
    start = partial(
        trio.run_process,
        words,
        env=environment({}) | {"HOME": os.environ.get("HOME", "/")},
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        capture_stderr=False,
        check=False,
    )
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(start)
        witness = WitnessProcess(process, folder)
        serving = trio.Event()
        nursery.start_soon(_listen, witness, serving)
        with trio.move_on_after(START_DEADLINE_S):
            await serving.wait()
        assert witness.url, f"the witness did not start: {witness.log}"
        try:
            yield witness
        finally:
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    process.terminate()
                with trio.move_on_after(END_DEADLINE_S):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
        nursery.cancel_scope.cancel()


async def _listen(witness: WitnessProcess, serving: trio.Event) -> None:
    assert witness.process.stderr is not None
    rest = b""
    try:
        async for chunk in witness.process.stderr:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace")
                witness.log.append(text)
                if '"witnessing"' in text:
                    match = _WITNESSING.search(text)
                    witness.url = "" if match is None else match[1]
                    serving.set()
    finally:
        witness.log.append(rest.decode(errors="replace"))
        serving.set()
