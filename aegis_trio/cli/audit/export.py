"""`aegis-trio audit export`: records for a SIEM, each at least once.

Laws:
    1. The cursor moves after delivery, and a record may come twice: its id is the same then.
    2. What cannot be told truly is an error, not a gap: missing records, another log, a line that is no record.

Exit codes: 0 all delivered, 1 a line is no record, 3 the cursor's record or later ones are not here, 74 not delivered.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aegis_trio.audit.age import Identity
from aegis_trio.audit.export.cursor import Cursor, CursorLost, cursor_at, find_cursor, read_cursor, write_cursor
from aegis_trio.audit.export.delivery import Delivery, SocketDelivery, StreamDelivery, open_client_tls
from aegis_trio.audit.export.ecs import render_ecs
from aegis_trio.audit.export.exported import Exported, parse_exported
from aegis_trio.audit.export.ocsf import render_ocsf
from aegis_trio.audit.export.syslog import frame, render_syslog
from aegis_trio.audit.following import FollowedLine, LogFollower, MissingRecords, Place
from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.cli.audit.choosing import (
    AT_ONCE,
    LOOK_EVERY_S,
    add_filter_arguments,
    followed_log,
    passed_over,
    record_filter,
    start_after,
)
from aegis_trio.cli.audit.sources import (
    EXIT_TAMPERED,
    EXIT_UNREADABLE,
    add_identity_argument,
    add_log_argument,
    read_identities,
)
from aegis_trio.cli.console.visible import json_line
from aegis_trio.cli.exit_codes import EXIT_INPUT_OUTPUT, EXIT_OK
from aegis_trio.cli.usage import Usage

FIRST_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 60.0
_PORTS: Final = {"tcp": 601, "tls": 6514}  # Source: RFC 3195 and RFC 5425, as registered

Render = Callable[[Exported], bytes]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit export` understands to *parser*."""
    add_log_argument(parser)
    add_identity_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument("--format", required=True, choices=("syslog", "ocsf", "ecs"), help="form of the records")
    parser.add_argument("--to", metavar="URL", help="tcp://HOST:PORT or tls://HOST:PORT (default: standard output)")
    parser.add_argument("--ca", metavar="FILE", help="with tls: whom to trust, in PEM (default: the machine's own)")
    parser.add_argument("--cert", metavar="FILE", help="with tls: certificate to show, in PEM")
    parser.add_argument("--key", metavar="FILE", help="with tls: its key, in PEM")
    parser.add_argument("--hostname", default=socket.gethostname(), help="of the gate, in syslog (default: this one's)")
    parser.add_argument("--cursor", metavar="FILE", type=Path, help="remember there how far was delivered")
    parser.add_argument(
        "--accept-gap", action="store_true", help="go on where records are missing or damaged, and say so"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is written")


def run(arguments: argparse.Namespace) -> int:
    """Export; return the exit code."""
    log = followed_log(arguments)
    render = _renderer(arguments)
    delivery = _delivery(arguments)
    wanted = record_filter(arguments)
    identities = read_identities(arguments.identity)
    try:
        place = _start(arguments, log, identities)
        follower = LogFollower(log, place, identities=identities)
        while True:
            try:
                lines = follower.read(AT_ONCE)
            except MissingRecords as gap:
                if not arguments.accept_gap:
                    raise CursorLost(f"{gap}; --accept-gap goes on without what is missing") from gap
                print(f"aegis-trio: {gap}; going on.", file=sys.stderr)
                follower = LogFollower(log, start_after(log, gap), identities=identities)
                continue
            if lines:
                data = b"".join(
                    render(one)
                    for one in _exported(lines, accept_damage=arguments.accept_gap)
                    if wanted.admits(one.record, one.line.decode("ascii"))
                )
                _deliver(delivery, data, retries=arguments.follow)
                if arguments.cursor is not None and follower.place is not None:
                    write_cursor(arguments.cursor, cursor_at(follower.place, lines[-1].raw), FileOps())
            elif not arguments.follow:
                return EXIT_OK
            else:
                time.sleep(LOOK_EVERY_S)
    except _NoRecord as damaged:
        return _tell(f"{damaged}; run `aegis-trio audit verify`. --accept-gap goes on without it", EXIT_TAMPERED)
    except CursorLost as lost:
        return _tell(str(lost), EXIT_UNREADABLE)
    except LogUnavailable as fault:
        return _tell(f"the cursor stays where it was: {fault.reason}", EXIT_INPUT_OUTPUT)
    finally:
        delivery.close()


class _NoRecord(Exception):
    """A line is no record."""


def _exported(lines: list[FollowedLine], *, accept_damage: bool) -> list[Exported]:
    found: list[Exported] = []
    before = "at the beginning"
    for line in lines:
        one = parse_exported(line.raw)
        if one is not None:
            before = f"after record {one.seq}"
            found.append(one)
        elif accept_damage:
            print(f"aegis-trio: a line {before} is no record; going on.", file=sys.stderr)
        else:
            raise _NoRecord(f"a line {before} is no record")
    return found


def _start(arguments: argparse.Namespace, log: Path, identities: Sequence[Identity]) -> Place | None:
    cursor: Cursor | None = None if arguments.cursor is None else read_cursor(arguments.cursor)
    if cursor is None:
        return None if identities else passed_over(arguments, log)[0]
    try:
        return find_cursor(log, cursor, identities)
    except CursorLost as lost:
        if not arguments.accept_gap:
            raise
        print(f"aegis-trio: {lost}; going on.", file=sys.stderr)
        return _oldest_after(log, cursor, identities)


def _oldest_after(log: Path, cursor: Cursor, identities: Sequence[Identity]) -> Place | None:
    """Return the place of the oldest record that was not delivered, by its number; None is the oldest of all."""
    try:
        follower = LogFollower(log, cursor.place, identities=identities)
        follower.read(1)
    except MissingRecords as gap:
        return None if gap.resumes_at is None else start_after(log, gap)
    return None


def _deliver(delivery: Delivery, data: bytes, *, retries: bool) -> None:
    """Deliver; where it is followed, again until it is.

    Raises:
        OSError: it was not delivered, and is not tried again.
    """
    pause_s = FIRST_PAUSE_S
    while data:
        try:
            delivery.deliver(data)
        except BrokenPipeError:
            if isinstance(delivery, StreamDelivery) or not retries:
                raise
        except OSError as fault:
            if not retries:
                raise
            print(f"aegis-trio: not delivered ({fault}); again in {pause_s:.0f} s.", file=sys.stderr)
        else:
            return
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def _renderer(arguments: argparse.Namespace) -> Render:
    framed = arguments.to is not None
    match arguments.format:
        case "syslog":
            return partial(_render_syslog, hostname=arguments.hostname, framed=framed)
        case "ocsf":
            return lambda one: f"{json_line(render_ocsf(one))}\n".encode("ascii")
        case _:
            return lambda one: f"{json_line(render_ecs(one))}\n".encode("ascii")


def _render_syslog(one: Exported, *, hostname: str, framed: bool) -> bytes:
    message = render_syslog(one, hostname)
    return frame(message) if framed else message + b"\n"


def _delivery(arguments: argparse.Namespace) -> Delivery:
    if arguments.to is None:
        return StreamDelivery(sys.stdout.buffer)
    raw_url: str = arguments.to
    try:
        parts = urlsplit(raw_url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme not in _PORTS or host is None or port is None or parts.path.strip("/") or parts.username:
        raise Usage(f"--to {raw_url!r} is not of the form tcp://HOST:PORT or tls://HOST:PORT.")
    if parts.scheme == "tcp":
        if arguments.ca or arguments.cert or arguments.key:
            raise Usage("--ca, --cert and --key belong to tls://.")
        return SocketDelivery(host, port, None)
    if (arguments.cert is None) != (arguments.key is None):
        raise Usage("--cert and --key belong together.")
    return SocketDelivery(host, port, open_client_tls(arguments.ca, arguments.cert, arguments.key))


def _tell(sentence: str, code: int) -> int:
    print(f"aegis-trio: {sentence}.", file=sys.stderr)
    return code
