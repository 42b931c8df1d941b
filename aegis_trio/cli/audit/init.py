"""`aegis-trio audit init`: make the key that signs checkpoints, and sign the log that is there.

Laws:
    1. A key that is there is never overwritten; its verifier key is printed again.
    2. A log that nobody signed yet is signed here and nowhere else: it is the operator who says that it is right.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aegis_trio.audit.adopt import adopt_log
from aegis_trio.audit.lost import AuditLost, LogUnavailable
from aegis_trio.audit.notes import MalformedNote, SigningKey, parse_signing_key
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.cli.audit.sources import add_settings_argument, settings_reader
from aegis_trio.cli.exit_codes import EXIT_INPUT_OUTPUT, EXIT_OK
from aegis_trio.cli.safe_write import make_folder, write_new
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.listening import read_web
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import operation

KEY_FILE_NAME: Final = "audit-signing.key"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit init` understands to *parser*."""
    add_settings_argument(parser)
    parser.add_argument(
        "-o", "--out", type=Path, help=f"where the key goes (default: AUDIT_SIGNING_KEY_FILE, or {KEY_FILE_NAME} "
        "beside the log)"
    )  # fmt: skip
    parser.add_argument("--origin", help="name of the log (default: the host of PUBLIC_URL, /audit/ and a UUID)")


def run(arguments: argparse.Namespace) -> int:
    """Make the key and sign what is there; return 0, or 74 when the disk or the log does not allow it."""
    reader = settings_reader(arguments)
    log = reader.read(operation.AUDIT_LOG_PATH)
    path = _key_path(arguments, reader)
    given = None if path is not None else reader.read(operation.AUDIT_SIGNING_KEY)
    path = path or log.with_name(KEY_FILE_NAME)
    known = given is not None or path.exists()
    key = given or (_read_key(path) if known else _make_key(path, arguments.origin or _origin(reader)))
    if reader.faults:
        raise ConfigurationFaults(reader.faults)
    try:
        signed = adopt_log(log, key, FileOps())
    except (AuditLost, LogUnavailable) as fault:
        print(f"The verifier key of {path} is\n\n    {key.verifier}\n")
        print(f"aegis-trio: what is there was not signed: {fault}", file=sys.stderr)
        return EXIT_INPUT_OUTPUT
    print(_told(path, key, log, signed, known=known))
    return EXIT_OK


def _key_path(arguments: argparse.Namespace, reader: Reader) -> Path | None:
    if arguments.out is not None:
        return Path(arguments.out)
    named = reader.sources.find(f"{operation.AUDIT_SIGNING_KEY.name}_FILE")
    return None if named is None else Path(named.raw_value).expanduser()


def _origin(reader: Reader) -> str:
    host = urlsplit(read_web(reader).public_url).hostname
    return f"{host}/audit/{uuid.uuid4()}"


def _make_key(path: Path, origin: str) -> SigningKey:
    try:
        key = SigningKey.generate(origin)
    except MalformedNote as malformed:
        raise Usage(f"--origin {origin!r}: {malformed}.") from None
    make_folder(path.parent)
    write_new(path, f"{key.reveal()}\n".encode())
    return key


def _read_key(path: Path) -> SigningKey:
    try:
        return parse_signing_key(path.read_text(encoding="utf-8").strip())
    except ValueError as fault:
        raise Usage(f"{path} is there and holds no signing key ({fault}); name another file with --out.") from None


def _told(path: Path, key: SigningKey, log: Path, signed: int | None, *, known: bool) -> str:
    if signed is None:
        state = f"The log at {log} has checkpoints already; nothing was signed."
    elif signed:
        state = f"The {signed} records in {log} are signed now."
    else:
        state = f"There are no records in {log} yet; the gate signs from the first one on."
    return "\n".join(
        (
            f"The key is in {path} ({'it was there, and is as it was' if known else 'new, mode 0600'}).",
            state,
            "",
            "Its verifier key, which everybody may know:",
            "",
            f"    {key.verifier}",
            "",
            "Next steps:",
            f"1. Put this into .env:  AUDIT_SIGNING_KEY_FILE={path}",
            "2. Restart the gate.",
            "3. Keep the verifier key on another machine: `aegis-trio audit verify --vkey` needs it, and a copy that",
            "   stands beside the log proves nothing.",
            "4. Keep copies of the newest checkpoint there too, for --pin: what one covers cannot be rewritten.",
        )
    )
