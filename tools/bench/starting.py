"""What it takes to begin: commands that run and end, and gates until they serve."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

import trio
from processes import Program
from report import Row, Section, compared

HEADING: Final = "Starting"
_HOW: Final = (
    "Commands are run to their end {runs} times, beside an interpreter that does nothing, in turns: the processor time "
    "of the whole process, the fastest run of each. Gates are processes of `aegis-trio serve`, where API keys alone "
    "let callers in and where people sign in too: their processor time until they serve, and their resident memory "
    "then, the median of {starts} starts, beside the bare server."
)
NOTHING: Final = ("-c", "pass")
COMMANDS: Final = {
    "`aegis-trio version`": ("-m", "aegis_trio", "version"),
    "`aegis-trio keygen --help`": ("-m", "aegis_trio", "keygen", "--help"),
    "`aegis-trio key-age --help`": ("-m", "aegis_trio", "key-age", "--help"),
}
ALONE: Final = "an interpreter"
BARE: Final = "bare server"
OpenProgram = Callable[[], AbstractAsyncContextManager[Program]]


async def measure_starting(
    open_bare: OpenProgram, open_gates: Mapping[str, OpenProgram], runs: int, starts: int
) -> Section:
    """Measure commands, and gates by what they are called."""
    rows = await trio.to_thread.run_sync(_commands, runs)
    bare_cpu_s, bare_mb = await _started(open_bare, starts)
    for name, open_gate in open_gates.items():
        cpu_s, mb = await _started(open_gate, starts)
        rows += [
            compared(f"{name}: processor time", cpu_s, bare_cpu_s, unit="s", reference=BARE, digits=2),
            compared(f"{name}: memory", mb, bare_mb, unit="MB", reference=BARE),
        ]
    return Section(HEADING, _HOW.format(runs=runs, starts=starts), rows)


def _commands(runs: int) -> list[Row]:
    fastest_ms = dict.fromkeys((NOTHING, *COMMANDS.values()), float("inf"))
    for _ in range(runs):
        for arguments in fastest_ms:
            fastest_ms[arguments] = min(fastest_ms[arguments], _cpu_ms(arguments))
    return [
        compared(name, fastest_ms[arguments], fastest_ms[NOTHING], unit="ms", reference=ALONE, digits=0)
        for name, arguments in COMMANDS.items()
    ]


def _cpu_ms(arguments: tuple[str, ...]) -> float:
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # it was waited for here, to know what it used
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {process.returncode}")
    return (used.ru_utime + used.ru_stime) * 1e3


async def _started(open_program: OpenProgram, starts: int) -> tuple[float, float]:
    seen: list[tuple[float, float]] = []
    for _ in range(starts):
        async with open_program() as program:
            seen.append((program.cpu_s(), program.rss_kb() / 1024))
    cpus, memories = zip(*seen, strict=True)
    return statistics.median(cpus), statistics.median(memories)
