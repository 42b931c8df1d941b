"""`aegis-trio audit verify` over logs of two lengths: how fast it reads, and that its memory does not grow."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from records import endless_log
from report import Row, Section, compared

from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.signer import EVERY_RECORDS, CheckpointSigner
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import CompactRange

HEADING: Final = "Verifying a log"
_HOW: Final = (
    "Logs of {short} and of {long} records of calls ({bytes} bytes each), made by the gate's own encoder, with a "
    "signed checkpoint after every {every}. The command `aegis-trio audit verify --vkey …` reads them: the processor "
    "time of the whole process, its start included, and the most resident memory that it ever had. Beside it programs "
    "of a few lines that read the same bytes: one takes the SHA-256 of the whole file, one that of each line."
)
SHORT: Final = 100_000
LONG: Final = 10_000_000
_SPARE: Final = 2  # room that must be free, as a multiple of the log
_MB: Final = 1024 * 1024
# `aegis-trio`, which says at its end how much memory it had. What wait4 tells holds its parent's as well.
_COMMAND: Final = (
    "import atexit, runpy, sys\n"
    "atexit.register(lambda: sys.stderr.write(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]))\n"
    "runpy.run_module('aegis_trio', run_name='__main__', alter_sys=True)"
)
# What no verifier can do without: the bytes, and their hash.
_WHOLE: Final = (
    "import hashlib, sys; file = open(sys.argv[1], 'rb'); digest = hashlib.sha256()\n"
    "while data := file.read(1048576): digest.update(data)"
)
_EACH: Final = "import hashlib, sys\nfor line in open(sys.argv[1], 'rb'): hashlib.sha256(line).digest()"


@dataclass(frozen=True, slots=True)
class _Used:
    """What a process took."""

    cpu_s: float
    peak_mb: float


def measure_verifying(state: Path, long: int) -> Section:
    """Measure logs of *long* records, and of a hundredth of it or `SHORT`, whichever is less.

    Raises:
        RuntimeError: there is no room for the log, or the command does not find it good.
    """
    short = max(1, min(SHORT, long // 100))
    folder = state / "verifying"
    used = {count: _measure(folder, count) for count in (short, long)}
    size = used[long].size_bytes
    rows = [row for count, found in used.items() for row in found.rows(count)]
    memory = "most memory, {count} records"
    rows.append(
        compared(
            memory.format(count=f"{long:,}"),
            used[long].full.peak_mb,
            used[short].full.peak_mb,
            unit="MB",
            reference=f"{short:,} records",
        )
    )
    how = _HOW.format(short=f"{short:,}", long=f"{long:,}", bytes=round(size / long), every=f"{EVERY_RECORDS:,}")
    return Section(HEADING, how, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    size_bytes: int
    full: _Used
    recent: _Used
    whole: _Used
    each: _Used

    def rows(self, count: int) -> list[Row]:
        """Return the speed of *count* records."""
        name = f"records per second, {count:,}"
        every, alone = count / self.full.cpu_s, "SHA-256 of the file"
        return [
            _rate(name, every, count / self.whole.cpu_s, alone),
            _rate(name, every, count / self.each.cpu_s, "SHA-256 of each line"),
            _rate(f"{name}, hashed and chained only (`--since`)", count / self.recent.cpu_s, every, "looked into"),
        ]


def _rate(name: str, ours: float, theirs: float, reference: str) -> Row:
    return compared(name, ours, theirs, unit="/s", reference=reference, digits=0)


def _measure(folder: Path, count: int) -> _Found:
    folder.mkdir()
    try:
        log, vkey = folder / "audit.log", folder / "vkey"
        _make_log(log, vkey, count)
        verify = ("-c", _COMMAND, "audit", "verify", str(log), "--vkey", str(vkey), "--json")
        return _Found(
            size_bytes=log.stat().st_size,
            full=_run(verify, count),
            recent=_run((*verify, "--since", "2099-01-01"), count),
            whole=_run(("-c", _WHOLE, str(log))),
            each=_run(("-c", _EACH, str(log))),
        )
    finally:
        shutil.rmtree(folder)


def _make_log(log: Path, vkey: Path, count: int) -> None:
    lines = endless_log()
    first, _ = next(endless_log())
    needed, free = _SPARE * count * len(first), shutil.disk_usage(log.parent).free
    if free < needed:
        raise RuntimeError(f"{log.parent}: {free // _MB} MB are free, and {needed // _MB} MB must be; set TMPDIR")
    key = SigningKey.generate("bench")
    vkey.write_text(f"{key.verifier}\n")
    signer = CheckpointSigner(key, CheckpointFiles(log, FileOps()), CompactRange(), b"", 0)
    with log.open("xb") as file:
        while batch := list(islice(lines, min(EVERY_RECORDS, count - signer.tree.size))):
            file.writelines(line for line, _ in batch)
            signer.add([leaf for _, leaf in batch], 0.0)
            signer.write(file.tell())


def _run(arguments: tuple[str, ...], records: int | None = None) -> _Used:
    """Run a Python program to its end; a command must have looked at *records*.

    Raises:
        RuntimeError: it did not end well, or looked at another number.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode != 0:
        raise RuntimeError(f"{arguments}: exit code {ran.returncode}: {ran.stderr[-300:]} {ran.stdout[:300]}")
    if records is not None and json.loads(ran.stdout)["records"] != records:
        raise RuntimeError(f"{arguments}: did not look at {records} records: {ran.stdout[:300]}")
    cpu_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return _Used(cpu_s=cpu_s, peak_mb=0.0 if records is None else int(ran.stderr) / 1024)
