"""One command that measures the gate, and prints ratios that were measured in one run.

    just bench                                    against the embedded demo forge
    just bench --gitea URL --token-file FILE --file owner/repo/path
                                                  against a Gitea that you started on this machine
    just bench --streams 10000 --write            more idle streams; write docs/performance.md

Laws:
    1. A claim is a ratio of two things measured side by side in the same run; absolute numbers are this machine's.
    2. Only programs that this command started are loaded (a Gitea must be given by its loopback address), for a
       bounded number of requests.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import trio

sys.path.insert(0, str(Path(__file__).parent))

from measures import Plan, Row, Target, measure
from processes import open_bare, open_forge, open_gate
from reading import measure_reading

ROOT = Path(__file__).resolve().parents[2]
INTRODUCTION = """# Performance

How to repeat it: `just bench --write`; `just bench --help` shows how to measure against a real Gitea.
Claims are ratios: two things measured side by side in one run, because absolute numbers say more about a machine
than about a program.
"""
DEMO_FILE = "tidewater/harbor/README.md"


def main() -> int:
    """Run every measure; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the gate against the forge itself.")
    parser.add_argument("--gitea", help="base URL of a Gitea on loopback (default: the embedded demo forge)")
    parser.add_argument("--token-file", type=Path, help="file with a token of that Gitea")
    parser.add_argument("--file", default=None, help="owner/repo/path to read (default: one of the demo forge)")
    parser.add_argument("--calls", type=int, default=300, help="calls per measure (default: 300)")
    parser.add_argument("--streams", type=int, default=1000, help="idle streams to open (default: 1000)")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    gitea: str | None = arguments.gitea
    if gitea is not None and urlsplit(gitea).hostname not in {"127.0.0.1", "localhost", "::1"}:
        parser.error("--gitea: only a Gitea on loopback is loaded; give http://127.0.0.1:PORT")
    if (arguments.gitea is None) != (arguments.token_file is None):
        parser.error("--gitea and --token-file go together")
    rows = [*trio.run(partial(_run, arguments)), *measure_reading()]
    report = _render(rows, real=arguments.gitea is not None)
    print(report)
    if arguments.write:
        _write(report)
    return 0


async def _run(arguments: argparse.Namespace) -> list[Row]:
    key = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="aegis-trio-bench-") as folder:
        state = Path(folder)
        async with open_forge(state) as forge:
            url, token = forge
            if arguments.gitea is not None:
                url, token = arguments.gitea.rstrip("/"), arguments.token_file.read_text().strip()
            owner, repo, path = (arguments.file or DEMO_FILE).split("/", 2)
            async with open_gate(state, url, token, key) as gate, open_bare() as bare:
                target = Target(
                    forge=url, token=token, gate=gate, key=key, bare=bare, owner=owner, repo=repo, path=path
                )
                return await measure(target, Plan(calls=arguments.calls, streams=arguments.streams))


def _render(rows: list[Row], *, real: bool) -> str:
    forge = "a real Gitea on this machine" if real else "the embedded demo forge"
    lines = [
        f"## Against {forge}",
        "",
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; all in one run.",
        "",
        "| measure | gate | compared with | ratio |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row.name} | {row.gate} | {row.reference} | {row.ratio} |" for row in rows]
    return "\n".join(lines) + "\n"


def _write(section: str) -> None:
    """Put *section* into docs/performance.md, in the place of the one with its heading."""
    page = ROOT / "docs" / "performance.md"
    sections = page.read_text().split("\n## ")[1:] if page.exists() else []
    fresh = section.removeprefix("## ")
    heading = fresh.partition("\n")[0]
    kept = [part.rstrip() + "\n" for part in sections if part.partition("\n")[0] != heading]
    page.write_text(INTRODUCTION + "".join(f"\n## {part}" for part in sorted([*kept, fresh])))


if __name__ == "__main__":
    sys.exit(main())
