"""Hostile noise: requests without a valid credential from many addresses; what they do to disk, memory and a caller.

    python tools/bench/noise.py [--requests N]    this section alone

Law: noise is paced at `SHARE` of what the gate was measured to refuse just before, so that the machine is busy and not
overrun; what is left of the difference is the gate's doing.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import trio

sys.path.insert(0, str(Path(__file__).parent))

from calls import TOOL
from messages import call, modern, modern_headers
from processes import Program, open_forge, open_idle_gate
from report import Row, Section, compared, percentile, render_section
from wire import Line, post

HEADING: Final = "Hostile noise"
REQUESTS: Final = 100_000
ADDRESSES: Final = 2_000
SHARE: Final = 0.3
WORKERS: Final = 16
CAPACITY_SHARE: Final = 20  # one in so many requests goes before, as fast as possible
CALL_EVERY_S: Final = 0.05
QUIET_CALLS: Final = 400
NOISE_EVENTS: Final = (b'"event": "access_denied"', b'"event": "security_event"', b'"status": "failure"')
_HOW: Final = (
    "{requests} requests without a valid credential (two of three with a wrong key, the others with none) from "
    "{addresses} loopback addresses, each on a connection of its own, by {workers} clients at {share:.0%} of what the "
    "same clients got refused as fast as they could just before; beside them one caller with a valid key, who calls a "
    "tool that touches nothing every {every:.0f} ms, before the noise ({quiet} calls) and during all of it. The log "
    "are the bytes of records about refused strangers; memory is the resident memory of the gate's process."
)


@dataclass
class _Noise:
    """Sends requests of strangers, one after the other from the next address."""

    url: str
    numbers: count[int] = field(default_factory=count)

    async def send(self) -> None:
        """Send one request, and make sure that it is refused."""
        number = next(self.numbers)
        parts, place = urlsplit(self.url), number * 7 % ADDRESSES
        key = "" if number % 3 == 0 else f"Authorization: Bearer {secrets.token_hex(32)}\r\n"
        request = (
            f"POST /mcp HTTP/1.1\r\nHost: {parts.netloc}\r\n{key}Content-Type: application/json\r\n"
            "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        stream = await trio.open_tcp_stream(
            "127.0.0.1", parts.port or 80, local_address=f"127.0.{1 + place // 250}.{1 + place % 250}"
        )
        async with stream:
            await stream.send_all(request.encode())
            answer = b""
            while chunk := await stream.receive_some(65536):
                answer += chunk
        status = answer[9:12]
        if status not in {b"401", b"429"}:
            raise RuntimeError(f"a stranger was answered {status!r}, not 401 or 429: {answer[:300]!r}")

    async def run(self, requests: int, per_second: float | None) -> float:
        """Send so many; return how many a second it were."""
        left, begun = iter(range(requests)), perf_counter()

        async def work() -> None:
            for number in left:
                if per_second is not None:
                    await trio.sleep(max(0.0, begun + number / per_second - perf_counter()))
                await self.send()

        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(work)
        return requests / (perf_counter() - begun)


async def measure_noise(gate: Program, log: Path, key: str, requests: int) -> Section:
    """Measure quiet, then noise.

    Args:
        gate: with the catalogue of gate.py.
        log: its audit log.
        key: a valid one.
        requests: of strangers.
    """
    line = await Line.open(gate.url)
    asked = post(gate.url, "/mcp", key, modern("tools/call", call(TOOL)), modern_headers("tools/call", TOOL))

    async def call_once(taken_s: list[float]) -> None:
        begun = perf_counter()
        await line.ask(asked)
        taken_s.append(perf_counter() - begun)
        await trio.sleep(CALL_EVERY_S)

    quiet: list[float] = []
    beside: list[float] = []
    for _ in range(min(QUIET_CALLS, requests)):
        await call_once(quiet)
    first = max(WORKERS, requests // CAPACITY_SHARE)
    capacity = await _sent(gate.url, first, None)
    rss_kb, grown_kb = gate.rss_kb(), 0

    async def go_on_calling() -> None:
        nonlocal grown_kb
        while True:
            await call_once(beside)
            grown_kb = max(grown_kb, gate.rss_kb() - rss_kb)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(go_on_calling)
        paced = await _sent(gate.url, requests, capacity * SHARE)
        nursery.cancel_scope.cancel()
    written = _bytes_about_strangers(log)
    how = _HOW.format(
        requests=requests,
        addresses=ADDRESSES,
        workers=WORKERS,
        share=SHARE,
        every=CALL_EVERY_S * 1000,
        quiet=len(quiet),
    )
    rows = [
        Row("strangers refused a second", f"{paced:.0f} /s", f"as fast as possible {capacity:.0f} /s"),
        *(
            compared(
                f"a valid key: {name}",
                percentile(beside, share) * 1000,
                percentile(quiet, share) * 1000,
                unit="ms",
                reference="quiet",
            )
            for name, share in (("median", 0.5), ("p99", 0.99))
        ),
        Row("audit log about strangers", f"{written / 1000:.0f} kB", f"{first + requests} requests"),
        Row("memory at most more than when the noise began", f"{grown_kb / 1000:.1f} MB", f"{rss_kb / 1000:.0f} MB"),
    ]
    return Section(HEADING, how, rows)


async def _sent(url: str, requests: int, per_second: float | None) -> float:
    # A process of its own: the caller who is measured must not wait for the noise in his own process.
    sender = [sys.executable, __file__, "--requests", str(requests), "--send", url, str(per_second or 0)]
    ended = await trio.run_process(sender, capture_stdout=True)
    return float(ended.stdout)


def _bytes_about_strangers(log: Path) -> int:
    lines = (line for file in log.parent.glob(f"{log.name}*") if file.is_file() for line in file.open("rb"))
    return sum(len(line) for line in lines if any(event in line for event in NOISE_EVENTS))


async def _alone(requests: int) -> None:
    key = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="aegis-trio-bench-") as folder:
        state = Path(folder)
        async with open_forge(state) as forge, open_idle_gate(state, forge.url, forge.token, key) as gate:
            print(render_section(await measure_noise(gate, state / "audit.log", key, requests)), flush=True)


def main() -> int:
    """Measure this section alone."""
    parser = argparse.ArgumentParser(prog="noise", description="Measure what hostile noise does.")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of strangers (default: %(default)s)")
    parser.add_argument("--send", nargs=2, metavar=("URL", "RATE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send is None:
        trio.run(_alone, arguments.requests)
    else:
        url, rate = arguments.send
        print(trio.run(_Noise(url).run, arguments.requests, float(rate) or None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
