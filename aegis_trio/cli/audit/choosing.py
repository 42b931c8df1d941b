"""What `show`, `stats` and `export` share: which records are meant, and going through them."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from aegis_trio.audit.age import Identity
from aegis_trio.audit.following import (
    FollowedLine,
    LogFollower,
    MissingRecords,
    Place,
    end_of,
    seq_of,
    start_at,
)
from aegis_trio.audit.log_files import read_lines
from aegis_trio.audit.search import FIELDS, RecordFilter
from aegis_trio.cli.audit.sources import log_files, log_path, parse_moment, read_identities
from aegis_trio.cli.usage import Usage

LOOK_EVERY_S: Final = 0.5
AT_ONCE: Final = 500
"""Records that are in memory at the same time."""

_MEANINGS: Final = {
    "event": "kind of record, such as access_denied",
    "tool": "name of a tool",
    "principal": "whom the gate saw, such as key:1f0c9a2b3d4e",
    "key_hint": "first 8 and last 4 characters of a key, a1b2c3d4...e1f2",
    "owner": "owner of a repository",
    "repo": "name of a repository",
    "result": "success or error",
    "correlation_id": "one call",
}


def add_filter_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses records to *parser*."""
    parser.add_argument("--since", metavar="TIME", help="from this moment on: 2026-02-13, 2026-02-13T10:00:00Z or 7d")
    parser.add_argument("--until", metavar="TIME", help="before this moment")
    for name in FIELDS:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar="TEXT",
            action="append",
            default=[],
            help=f"{_MEANINGS[name]}; several times for any of several",
        )
    parser.add_argument("--grep", metavar="REGEX", help="a regular expression that the line must hold")


def record_filter(arguments: argparse.Namespace) -> RecordFilter:
    """Return which records are meant.

    Raises:
        Usage: a moment or the expression cannot be read.
    """
    now_ns: int = arguments.clock.now_ns()
    try:
        pattern = None if arguments.grep is None else re.compile(arguments.grep)
    except re.error as fault:
        raise Usage(f"--grep {arguments.grep!r} is no regular expression: {fault}.") from None
    chosen = {name: frozenset(getattr(arguments, name)) for name in FIELDS}
    return RecordFilter(
        wanted={name: values for name, values in chosen.items() if values},
        since="" if arguments.since is None else parse_moment(arguments.since, now_ns),
        until="" if arguments.until is None else parse_moment(arguments.until, now_ns),
        pattern=pattern,
    )


def read_whole(arguments: argparse.Namespace) -> Iterator[FollowedLine]:
    """Yield every line of the files that were named, in order; a torn end is left out.

    Raises:
        Usage: there is no log.
        OSError: a file cannot be read.
    """
    files, log = log_files(arguments)
    identities = read_identities(arguments.identity)
    if len(arguments.paths) < 2 and not identities:
        passed = set(passed_over(arguments, log)[1])
        files = [file for file in files if file not in passed]
    for file in files:
        for line in read_lines(file, identities=identities):
            if line.raw.endswith(b"\n"):
                yield FollowedLine(line.raw[:-1], seq_of(line.raw[:-1]))


def passed_over(arguments: argparse.Namespace, log: Path) -> tuple[Place | None, list[Path]]:
    """Return where to begin without an identity, and which encrypted files that passes over; they are told.

    Raises:
        OSError: a file cannot be read.
    """
    since = record_filter(arguments).since
    place, passed = start_at(log, since)
    if passed:
        names = ", ".join(file.name for file in passed)
        print(f"aegis-trio: encrypted, ended before --since, not looked into: {names}.", file=sys.stderr)
    return place, passed


def follow(log: Path, place: Place | None, *, identities: Sequence[Identity] = ()) -> Iterator[FollowedLine]:
    """Yield lines from *place* on, and what is written from then on, for ever; a gap is told on standard error.

    Raises:
        OSError: a file cannot be read.
    """
    follower = LogFollower(log, place, identities=identities)
    while True:
        try:
            lines = follower.read(AT_ONCE)
        except MissingRecords as gap:
            print(f"aegis-trio: {gap}.", file=sys.stderr)
            follower = LogFollower(log, start_after(log, gap), identities=identities)
            continue
        yield from lines
        if not lines:
            sys.stdout.flush()
            time.sleep(LOOK_EVERY_S)


def start_after(log: Path, gap: MissingRecords) -> Place | None:
    """Return where to go on after records that are missing: the next that is there, else the end."""
    if gap.resumes_at is None:
        return end_of(log)
    return Place(first_seq=gap.resumes_at, offset=0, next_seq=gap.resumes_at)


def followed_log(arguments: argparse.Namespace) -> Path:
    """Return the one log that can be followed.

    Raises:
        Usage: several files were named, or no folder holds it.
    """
    if len(arguments.paths) > 1:
        raise Usage("one log is followed at a time: name the active file alone.")
    path = Path(arguments.paths[0]) if arguments.paths else log_path(arguments)
    if not path.parent.is_dir():
        raise Usage(f"there is no log at {path}; name it, or set AUDIT_LOG_PATH.")
    return path
