"""What the subcommands of `audit` share: which files, which keys, and what their words mean."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aegis_trio.audit.age import Identity, parse_identities
from aegis_trio.audit.log_files import files_of_log, in_order
from aegis_trio.audit.notes import MalformedNote, SigningKey, VerifierKey, parse_verifier_key
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import DEFAULT_ENV_FILE, Sources
from aegis_trio.config.variables import operation
from aegis_trio.model.clock import NS_PER_S, as_timestamp

EXIT_TAMPERED: Final = 1
EXIT_UNSIGNED: Final = 2
EXIT_UNREADABLE: Final = 3
EXIT_STALE: Final = 4

_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_KEY_FILE_BYTES: Final = 64 * 1024


def add_settings_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--env-file` to *parser*."""
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")


def add_log_argument(parser: argparse.ArgumentParser) -> None:
    """Add the files of the log to *parser*."""
    add_settings_argument(parser)
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        type=Path,
        help="the log, or all files that it consists of (default: AUDIT_LOG_PATH and its sealed segments)",
    )


def add_key_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--vkey` to *parser*."""
    parser.add_argument(
        "--vkey",
        metavar="TEXT|FILE",
        action="append",
        default=[],
        help="verifier key of the log or of a witness, or a file with one a line; several times for several",
    )


def add_identity_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--identity` to *parser*."""
    parser.add_argument(
        "--identity",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="age identities that read encrypted segments; several times for several files",
    )


def read_identities(paths: Sequence[Path]) -> list[Identity]:
    """Return the identities that `--identity` gives.

    Raises:
        Usage: a file holds none.
        OSError: one cannot be read.
    """
    found: list[Identity] = []
    for path in paths:
        with path.open("rb") as stream:
            raw_file = stream.read(_MAX_KEY_FILE_BYTES)
        try:
            found += parse_identities(raw_file.decode())
        except ValueError as fault:
            raise Usage(f"--identity {path}: {fault}.") from None
    return found


def settings_reader(arguments: argparse.Namespace) -> Reader:
    """Return the reader of settings.

    Raises:
        ConfigurationFaults: the settings file cannot be read.
    """
    reader = Reader(Sources(os.environ, arguments.env_file))
    if reader.sources.faults:
        raise ConfigurationFaults(reader.sources.faults)
    return reader


def log_path(arguments: argparse.Namespace) -> Path:
    """Return where the log stands by the settings.

    Raises:
        ConfigurationFaults: the settings cannot be read, or name no file.
    """
    reader = settings_reader(arguments)
    path = reader.read(operation.AUDIT_LOG_PATH)
    if reader.faults:
        raise ConfigurationFaults(reader.faults)
    return path


def signing_settings(arguments: argparse.Namespace) -> tuple[Path, SigningKey | None]:
    """Return where the log stands, and the key that signs for it.

    Raises:
        ConfigurationFaults: the settings or the key cannot be read.
    """
    reader = settings_reader(arguments)
    path, key = reader.read(operation.AUDIT_LOG_PATH), reader.read(operation.AUDIT_SIGNING_KEY)
    faults = (*reader.sources.faults, *reader.faults)
    if faults:
        raise ConfigurationFaults(faults)
    return path, key


def log_files(arguments: argparse.Namespace) -> tuple[list[Path], Path]:
    """Return the files of the log in order, and the one that checkpoints stand beside.

    Raises:
        Usage: there are none.
        OSError: one cannot be read.
    """
    paths: list[Path] = arguments.paths
    if len(paths) > 1:
        return in_order(paths), in_order(paths)[-1]
    path = paths[0] if paths else log_path(arguments)
    files = files_of_log(path) if path.parent.is_dir() else []
    if not files:
        raise Usage(f"there is no log at {path}; name it, or set AUDIT_LOG_PATH.")
    return files, path


def verifier_keys(raw_keys: Sequence[str]) -> list[VerifierKey]:
    """Return the keys that `--vkey` gives.

    Raises:
        Usage: one is neither a key nor a file of keys.
    """
    return [key for raw_key in raw_keys for key in _keys(raw_key)]


def parse_duration(raw_duration: str) -> int:
    """Return the seconds of a duration such as `15m`.

    Raises:
        Usage: it is none.
    """
    match = _DURATION.fullmatch(raw_duration)
    if match is None:
        raise Usage(f"{raw_duration!r} is no duration; write a number with s, m, h or d, such as 15m.")
    return int(match[1]) * _SECONDS[match[2]]


def parse_moment(raw_moment: str, now_ns: int) -> str:
    """Return a moment as records have it, of `2026-02-13`, `2026-02-13T10:00:00Z` or `7d` (ago).

    Raises:
        Usage: it is none.
    """
    if _DURATION.fullmatch(raw_moment):
        return as_timestamp(now_ns - parse_duration(raw_moment) * NS_PER_S)
    try:
        moment = datetime.fromisoformat(raw_moment)
    except ValueError:
        raise Usage(f"{raw_moment!r} is no moment; write 2026-02-13, 2026-02-13T10:00:00Z or 7d.") from None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return as_timestamp(round(moment.timestamp() * NS_PER_S))


def _keys(raw_key: str) -> list[VerifierKey]:
    try:
        return [parse_verifier_key(raw_key)]
    except MalformedNote as malformed:
        file = Path(raw_key)
        if "+" in raw_key and not file.exists():
            raise Usage(f"--vkey {raw_key}: {malformed}.") from None
    try:
        with file.open(encoding="utf-8") as stream:
            lines = [line.strip() for line in stream.read(_MAX_KEY_FILE_BYTES).splitlines()]
        keys = [parse_verifier_key(line) for line in lines if line and not line.startswith("#")]
    except (OSError, ValueError) as fault:
        raise Usage(f"--vkey {raw_key} is neither a verifier key nor a file of them: {fault}.") from None
    if not keys:
        raise Usage(f"--vkey {raw_key} holds no key.")
    return keys
