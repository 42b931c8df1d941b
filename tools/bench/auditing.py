"""What proof costs: durable records per second, and what they add to a call."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final, Protocol

import structlog
import trio
from messages import call, modern, modern_headers
from processes import Program
from records import intent
from report import Row, Section, compared
from wire import Line, post

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.recovery import draft
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import SystemClock

HEADING: Final = "Audit"
_HOW: Final = (
    "Durable records: callers in one process hand in the intent of a call and wait until it is on the disk, each one "
    "record after the other, at the gate's own trail, which signs. Beside it, in turns, the bare loop of the same "
    "machine's disk: `write` of one such line ({bytes} bytes) and `fdatasync`, again and again. Calls: `tools/call` "
    "of a tool that answers at once, over HTTP/1.1, one client, at each of several gates in turns: with the log on "
    "disk, with the log in memory (tmpfs), and with a trail that drops every record at once, which no setting of the "
    "product can do. A call waits for two records, its intent and its outcome. {turns} turns, of {records} records for "
    "each caller up to sixteen and of {calls} calls; the fastest turn of each counts, of calls and of the bare loop "
    "its median."
)
CALLERS: Final = (1, 8, 64, 256)
TOOL: Final = "touch_nothing"
BARE: Final = "bare write+fdatasync"
WARM_UP: Final = 20
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- a folder of ours is made there, by tempfile
_MEMORY_NEEDS: Final = 2 * 1024**3  # bytes; a gate leaves some room on its disk


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTurns:
    """How often to measure."""

    turns: int = 60  # many short ones: a machine that others use as well has quiet moments, not quiet seconds
    records: int = 50
    """Of one caller in a turn; more callers write more, at most sixteen times as many."""
    calls: int = 20
    """At one gate in a turn."""


DEFAULT_AUDIT_TURNS: Final = AuditTurns()


class OpenGate(Protocol):
    """Starts a gate whose tools ask nothing of the forge."""

    def __call__(self, audit_log: Path, *, is_recorded: bool) -> AbstractAsyncContextManager[Program]:
        """Start it, with its log there, or with one that drops every record."""
        ...


async def measure_audit(state: Path, open_gate: OpenGate, key: str, turns: AuditTurns) -> Section:
    """Measure the trail alone, and as a part of calls."""
    # The trail tells of each checkpoint, as a gate's ordinary log does; here that would be noise.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    folder = state / "audit"
    folder.mkdir()
    line, _ = seal(ChainHead(), draft(intent(), SystemClock().now_ns()), intent().phase)
    rows = [*await _durable(folder, line, turns), *await _calls(folder, line, open_gate, key, turns)]
    return Section(
        HEADING, _HOW.format(bytes=len(line), turns=turns.turns, records=turns.records, calls=turns.calls), rows
    )


@contextmanager
def open_bare_append(path: Path, line: bytes) -> Generator[Callable[[], None]]:
    """Give what writes *line* to the end of *path* and waits for the disk, and nothing else."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append() -> None:
        os.write(file, line)
        os.fdatasync(file)

    try:
        yield append
    finally:
        os.close(file)


async def _durable(folder: Path, line: bytes, turns: AuditTurns) -> list[Row]:
    bare_s = float("inf")
    fastest_s = dict.fromkeys(CALLERS, float("inf"))
    settings = AuditSettings(path=folder / "audit.log", signing_key=SigningKey.generate("bench"))
    with open_bare_append(folder / "bare.log", line) as append:
        async with open_audit_trail(settings, clock=SystemClock()) as trail:
            for _ in range(turns.turns):
                # In a thread that does nothing else, as the trail's writer does: on a busy machine it wakes sooner.
                bare_s = min(bare_s, await trio.to_thread.run_sync(_append_bare, append, turns.records))
                for callers in CALLERS:
                    records = turns.records * min(callers, 16)
                    fastest_s[callers] = min(fastest_s[callers], await _append(trail, callers, records) / records)
    return [
        compared(f"durable records per second, {_of(callers)}", 1 / s, 1 / bare_s, unit="/s", reference=BARE, digits=0)
        for callers, s in fastest_s.items()
    ]


def _append_bare(append: Callable[[], None], records: int) -> float:
    """Return the seconds that one record takes, the median: what a disk does for others at times is not in it."""
    times: list[float] = []
    for _ in range(records):
        begun = perf_counter()
        append()
        times.append(perf_counter() - begun)
    return statistics.median(times)


def _of(callers: int) -> str:
    return "1 caller" if callers == 1 else f"{callers} callers"


async def _append(trail: AuditTrail, callers: int, records: int) -> float:
    """Return the seconds until *callers* have written *records* together."""
    entry, left = intent(), records

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await trail.append(entry)

    begun = perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(callers):
            nursery.start_soon(caller)
    return perf_counter() - begun


async def _calls(folder: Path, line: bytes, open_gate: OpenGate, key: str, turns: AuditTurns) -> list[Row]:
    async with AsyncExitStack() as stack:
        append = stack.enter_context(open_bare_append(folder / "bare.log", line))
        logs = {"none": folder / "none.log", "disk": folder / "disk.log", **stack.enter_context(_in_memory())}
        lines: dict[str, tuple[Line, bytes]] = {}
        for place, log in logs.items():
            gate = await stack.enter_async_context(open_gate(log, is_recorded=place != "none"))
            lines[place] = await Line.open(gate.url), _request(key, gate)
            for _ in range(WARM_UP):
                await lines[place][0].ask(lines[place][1])
        fastest_s = dict.fromkeys((*logs, "bare"), float("inf"))
        for _ in range(turns.turns):  # in turns, so that all see the same weather
            for place, (asker, request) in lines.items():
                times: list[float] = []
                for _ in range(turns.calls):
                    begun = perf_counter()
                    await asker.ask(request)
                    times.append(perf_counter() - begun)
                fastest_s[place] = min(fastest_s[place], statistics.median(times))
            fastest_s["bare"] = min(fastest_s["bare"], _append_bare(append, turns.calls))
        for asker, _ in lines.values():
            await asker.aclose()
    return list(_compare({place: median_s * 1e3 for place, median_s in fastest_s.items()}))


def _request(key: str, gate: Program) -> bytes:
    return post(gate.url, "/mcp", key, modern("tools/call", call(TOOL)), modern_headers("tools/call", TOOL))


def _compare(median_ms: dict[str, float]) -> Iterator[Row]:
    none_ms, bare_ms = median_ms["none"], median_ms["bare"]
    for place, name in (("disk", "a call's median, the log on disk"), ("memory", "a call's median, the log in memory")):
        if place in median_ms:
            yield compared(name, median_ms[place], none_ms, unit="ms", reference="no audit", digits=2)
    added_ms = median_ms["disk"] - none_ms
    yield compared("what the log on disk adds to a call", added_ms, bare_ms, unit="ms", reference=BARE, digits=2)


@contextmanager
def _in_memory() -> Generator[dict[str, Path]]:
    """Give a place in memory, where this machine has one with room."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _MEMORY_NEEDS:
        yield {}
        return
    with TemporaryDirectory(prefix="aegis-trio-bench-", dir=_MEMORY) as folder:
        yield {"memory": Path(folder) / "audit.log"}
