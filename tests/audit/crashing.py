"""Programs that tests start, fill and kill; each speaks lines on standard output.

`python -m tests.audit.crashing <what> <path> <label> <writes>`, where *what* is
    acknowledge   many tasks append without end, and each acknowledged record is printed as `<label> <task> <n> <seq>`
    sign          the same, signed
    split         the same, over a disk that takes eleven bytes at a time and kills after so many of them
    forks         for each line of standard input forks a process that does as `sign`, with small files, and says which;
                  when that one has ended, it says so
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
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.signed import KEY

TASKS = 24
LIMIT_BYTES = 20_000
SMALL_BYTES = 50_000


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


async def acknowledge(settings: AuditSettings, label: str, ops: FileOps) -> None:
    """Append from many tasks until killed."""

    async def append(trail: AuditTrail, task: int) -> None:
        number = 0
        while True:
            seq = await trail.append(service_event("tick", label=label, task=task, number=number, text="t" * task * 9))
            say(f"{label} {task} {number} {seq}")
            number += 1

    async with (
        open_audit_trail(settings, clock=SystemClock(), ops=ops) as trail,
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


def fork_each(path: Path) -> None:
    """Fork a process for each label."""
    settings = AuditSettings(path=path, signing_key=KEY, segment_bytes=SMALL_BYTES)
    while label := sys.stdin.readline().strip():
        child = os.fork()
        if child == 0:
            # The ordinary log writes lines in parts, and would leave half of one before what is said next.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- until the process ends
            try:
                trio.run(acknowledge, settings, label, FileOps())
            finally:
                os._exit(1)
        say(f"process {child}")
        _, status = os.waitpid(child, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


def main() -> None:
    """Run what the command line names."""
    what, path, label, writes = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    if what == "hold":
        trio.run(hold, path)
    elif what == "forks":
        fork_each(path)
    elif what == "full":
        trio.run(full, path)
    else:
        ops = SplitOps(writes) if what == "split" else FileOps()
        trio.run(acknowledge, AuditSettings(path=path, signing_key=KEY if what == "sign" else None), label, ops)


if __name__ == "__main__":
    main()
