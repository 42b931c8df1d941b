"""Programs that tests start, fill and kill; each speaks lines on standard output.

`python -m tests.audit.crashing <what> <path> <label> <writes>`, where *what* is
    acknowledge   many tasks append without end, and each acknowledged record is printed as `<label> <task> <n> <seq>`
    sign          the same, signed
    split         the same, over a disk that takes eleven bytes at a time and kills after so many of them
    hold          opens the log, prints `ready`, and holds it
    full          appends beneath RLIMIT_FSIZE, raises the limit, and prints what it saw as JSON
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

import trio

from aegis_trio.audit.entry import service_event
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.signed import KEY

TASKS = 24
LIMIT_BYTES = 20_000


class SplitOps(FileOps):
    def __init__(self, writes: int) -> None:
        self.writes_left = writes

    def write(self, fd: int, data: memoryview) -> int:
        if self.writes_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.writes_left -= 1
        return FileOps.write(self, fd, data[:11])


def say(text: str) -> None:
    """Print without a buffer that a kill would take along."""
    os.write(1, f"{text}\n".encode())


async def acknowledge(path: Path, label: str, ops: FileOps, key: SigningKey | None) -> None:
    """Append from many tasks until killed."""

    async def append(trail: AuditTrail, task: int) -> None:
        number = 0
        while True:
            seq = await trail.append(service_event("tick", label=label, task=task, number=number, text="t" * task * 9))
            say(f"{label} {task} {number} {seq}")
            number += 1

    async with (
        open_audit_trail(AuditSettings(path=path, signing_key=key), clock=SystemClock(), ops=ops) as trail,
        trio.open_nursery() as nursery,
    ):
        for task in range(TASKS):
            nursery.start_soon(append, trail, task)


async def hold(path: Path) -> None:
    """Hold the log until killed."""
    async with open_audit_trail(AuditSettings(path=path), clock=SystemClock()):
        say("ready")
        await trio.sleep_forever()


async def full(path: Path) -> None:
    """Run into the limit, lift it, and go on."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    seen: dict[str, object] = {}
    async with open_audit_trail(AuditSettings(path=path), clock=SystemClock()) as trail:
        # Python ignores SIGXFSZ, so that the write above the limit fails with EFBIG after a short one.
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, hard))
        acknowledged = 0
        try:
            while True:
                await trail.append(service_event("tick", number=acknowledged))
                acknowledged += 1
        except AuditUnavailable:
            seen.update(acknowledged=acknowledged, reason=trail.blocked_reason(), content=path.read_text())  # noqa: ASYNC240 -- nobody else runs here
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        while trail.blocked_reason() is not None:  # noqa: ASYNC110 -- the trail heals by itself and rings no bell
            await trio.sleep(0.02)
        seen["after"] = await trail.append(service_event("tick", number=-1))
    say(json.dumps(seen))


def main() -> None:
    """Run what the command line names."""
    what, path, label, writes = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    if what == "hold":
        trio.run(hold, path)
    elif what == "full":
        trio.run(full, path)
    else:
        ops = SplitOps(writes) if what == "split" else FileOps()
        trio.run(acknowledge, path, label, ops, KEY if what == "sign" else None)


if __name__ == "__main__":
    main()
