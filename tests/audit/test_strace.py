"""The kernel itself fails, or kills, at every system call of the writer and the keeper; then a start is tried.

Beside test_disk_faults.py and test_rotation.py, which fail at the seam of our own calls: here nothing of ours stands
between, so that a call which goes around the seam is found too.

Source: how Tessera's POSIX driver is tested (strace at every system call, then fsck).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.pseudonyms import finish_shredding, pending_shreddings, pii_folder, settle_shredding
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.verify import verify_log
from tests.audit.forking import IDENTITY
from tests.audit.lives import Life
from tests.audit.signed import KEY
from tests.programs import require_tracing

ROOT = Path(__file__).parents[2]
CHANGING = re.compile(
    r"open(at)?|p?write(64)?|f(data)?sync|ftruncate|fallocate|rename(at2?)?|(un)?link(at)?|mkdir(at)?|utimensat|flock"
)
"""What changes a disk, or asks it; which of them there are depends on the C library."""
NAMES = re.compile(r"^(\w+)\(", re.MULTILINE)
IN_MEMORY = Path("/dev/shm")
"""What waits for a disk forty times a life takes minutes; whether a disk keeps its word is not asked here."""
LEAST_CALLS = 100
"""As many there are at least; fewer mean that the test looks at something else than the log."""


class Forks:
    """The program that forks lives."""

    def __init__(self, process: subprocess.Popen[str], strace: str) -> None:
        self._process, self._strace = process, strace

    def live(self, path: Path, *options: str) -> tuple[int, int, bool]:
        """Run one life below `strace` with *options*; return status, acknowledged records, whether it forgot."""
        pid = self._ask(str(path))
        with subprocess.Popen([self._strace, *options, "-p", pid], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            attached = tracer.stderr.readline()
            status, acknowledged, forgotten = self._ask("go").split()
            tracer.stderr.read()
        assert "attached" in attached, attached
        return int(status), int(acknowledged), forgotten == "1"

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Make a folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Start the program that forks lives."""
    strace = require_tracing()
    command = [sys.executable, "-m", "tests.audit.forking"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Forks(process, strace)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def calls(forks: Forks, place: Path) -> list[tuple[str, int]]:
    """Return every call of a life that changes something: its name, and the how-many-eth of that name it is."""
    assert (0, 6, True) == forks.live(place / "whole" / "audit.log", "-o", str(place / "trace"))
    made = Counter(name for name in NAMES.findall((place / "trace").read_text()) if CHANGING.fullmatch(name))
    found = [(name, number) for name, count in made.items() for number in range(1, count + 1)]
    assert len(found) > LEAST_CALLS
    assert {"openat", "write", "fdatasync", "fsync"} < set(made)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC", "signal=KILL"])
def test_whatever_the_kernel_does_at_any_call_the_next_start_goes_on(
    forks: Forks, calls: list[tuple[str, int]], place: Path, fault: str
) -> None:
    """Every acknowledged record is there, everything verifies, nobody who was forgotten is remembered."""
    reached: Counter[int] = Counter()
    for name, number in calls:
        path = place / f"{fault}-{name}-{number}" / "audit.log"
        inject = f"inject={name}:{fault}:when={number}"
        trace = ("-o", os.devnull, "-e", f"trace={name}", "-e", inject)

        status, acknowledged, is_forgotten = forks.live(path, *trace)

        reached[status] += 1
        assert status in ({-9} if fault == "signal=KILL" else {0, 3}), inject
        assert acknowledged <= go_on(path), inject
        assert not (is_forgotten and list(pii_folder(path).glob("2*/*.key*"))), inject
    assert reached[-9 if fault == "signal=KILL" else 3] > LEAST_CALLS // 2


def go_on(path: Path) -> int:
    """Start once more as the gate does, write, and verify; return how many records were found at the start."""
    life = Life(path, KEY)
    found = life.head.next_seq
    for shredded in pending_shreddings(path):
        finish_shredding(path, shredded, FileOps())
        settle_shredding(path, shredded, FileOps())
        assert not list(pii_folder(path).glob(f"2*/{shredded.subject}*"))
    life.ticks(1)
    life.sign()
    life.file.close()
    files = files_of_log(path)
    findings = verify_log(files, path, keys=[KEY.verifier], identities=[IDENTITY])
    assert (None, life.head.next_seq, life.head.next_seq) == (findings.fault, findings.head.next_seq, findings.covered)
    return found
