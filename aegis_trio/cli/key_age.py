"""`aegis-trio key-age`: one line for each key, and an exit code for cron: 0 fine, 1 expiring, 2 expired.

Law: a key that is configured and of which nothing is known is reported, and is no reason for an alarm.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, final

from aegis_trio.auth.settings import KeyState
from aegis_trio.cli.exit_codes import EXIT_EXPIRED, EXIT_EXPIRING, EXIT_OK
from aegis_trio.cli.keygen import add_place_arguments, keys_folder
from aegis_trio.cli.new_key import DAY_NS, RECOMMENDED_DAYS
from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults
from aegis_trio.config.key_entries import KeyEntry, parse_key_entries
from aegis_trio.config.key_metadata import KeyMetadata, read_key_metadata
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import Sources
from aegis_trio.config.variables import access
from aegis_trio.model.json import JsonObject

ALARM_DAYS: Final = 7
NOTE_DAYS: Final = 14


class KeyStatus(StrEnum):
    """How a key stands."""

    OK = "ok"
    NOTE = "note"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


_EXIT: Final = {KeyStatus.EXPIRING: EXIT_EXPIRING, KeyStatus.EXPIRED: EXIT_EXPIRED}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAge:
    """One key and how it stands."""

    hint: str
    status: KeyStatus
    age_days: int | None
    left_days: int | None
    """Whole days until it expires, negative afterwards; None when it never does, or nothing is known."""
    description: str
    replaced: bool = False
    """Whether another key has taken its place and it only has its time of grace left."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `key-age` understands to *parser*."""
    add_place_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print how each key stands; return the code of the worst."""
    reader = Reader(Sources(os.environ, arguments.env_file))
    folder = keys_folder(arguments, reader)
    ages = _ages(reader, folder, arguments.clock.now_ns())
    code = max((_EXIT.get(age.status, EXIT_OK) for age in ages), default=EXIT_OK)
    if arguments.json:
        print(json.dumps({"exit": code, "keys": [_document(age) for age in ages]}, indent=2))
    else:
        for age in ages:
            print(_line(age))
    return code


def judge_key(metadata: KeyMetadata, now_ns: int) -> KeyAge:
    """Return how the key of *metadata* stands at *now_ns*."""
    age_days = None if metadata.created_ns is None else (now_ns - metadata.created_ns) // DAY_NS
    left_days = None if metadata.expires_ns is None else (metadata.expires_ns - now_ns) // DAY_NS
    if metadata.revoked_ns is not None:
        status = KeyStatus.REVOKED
    elif metadata.expires_ns is None:
        status = KeyStatus.NOTE if age_days is not None and age_days >= RECOMMENDED_DAYS else KeyStatus.OK
    elif metadata.expires_ns <= now_ns:
        status = KeyStatus.EXPIRED
    elif metadata.expires_ns - now_ns <= ALARM_DAYS * DAY_NS:
        # A key in its time of grace is meant to end soon: nobody is to be woken for it.
        status = KeyStatus.EXPIRING if metadata.replaced_by is None else KeyStatus.NOTE
    elif metadata.expires_ns - now_ns <= NOTE_DAYS * DAY_NS:
        status = KeyStatus.NOTE
    else:
        status = KeyStatus.OK
    return KeyAge(
        hint=metadata.hint,
        status=status,
        age_days=age_days,
        left_days=left_days,
        description=metadata.description,
        replaced=metadata.replaced_by is not None,
    )


def _ages(reader: Reader, folder: Path, now_ns: int) -> list[KeyAge]:
    """Return the keys that are configured; every key that is known of where no configuration is at hand."""
    known, misfits = read_key_metadata(folder)
    if misfits:
        raise _refused("KEYS_DIR", [f"{folder}: {misfit.rule}" for misfit in misfits], "Restore it from a backup.")
    raw_keys = reader.read(access.MCP_API_KEYS)
    if reader.sources.faults:
        raise ConfigurationFaults(reader.sources.faults)
    good = [metadata for metadata in known if not _has_ended(metadata, now_ns)]
    stored = [metadata for metadata in good if metadata.digest is not None]
    if raw_keys is None:
        if not known:
            # Invariant: a cron job that looks into the wrong folder must not report that all is well.
            raise _refused("KEYS_DIR", [f"{folder} knows no key, and MCP_API_KEYS is not set"], "Name the right ones.")
        return [judge_key(metadata, now_ns) for metadata in good]
    entries, faults = parse_key_entries(raw_keys.reveal())
    if faults:
        raise _refused("MCP_API_KEYS", [fault.rule for fault in faults], "Mend it, or make a key with `keygen`.")
    listed = [_judge_entry(entry, known, now_ns) for entry in entries]
    named = {entry.kid for entry in entries}
    return [*listed, *(judge_key(metadata, now_ns) for metadata in stored if metadata.kid not in named)]


def _has_ended(metadata: KeyMetadata, now_ns: int) -> bool:
    """Return whether the key was ended on purpose, so that nobody has to be told of its age."""
    over = metadata.validity().state(now_ns) is KeyState.REVOKED
    return metadata.revoked_ns is not None or (over and metadata.digest is not None)


def _judge_entry(entry: KeyEntry, known: list[KeyMetadata], now_ns: int) -> KeyAge:
    for metadata in known:
        if entry.kid == metadata.kid or (entry.kid is None and entry.hint == metadata.hint):
            return judge_key(metadata, now_ns)
    return KeyAge(hint=entry.label, status=KeyStatus.UNKNOWN, age_days=None, left_days=None, description="")


def _line(age: KeyAge) -> str:
    description = f" ({age.description})" if age.description else ""
    return f"{age.hint}  {age.status.value:<8}  {_words(age)}{description}"


def _words(age: KeyAge) -> str:
    if age.status is KeyStatus.UNKNOWN:
        return "nothing is known of its age; `aegis-trio rotate` makes a key with metadata"
    if age.status is KeyStatus.REVOKED:
        return "is revoked; remove it from MCP_API_KEYS"
    if age.status is KeyStatus.EXPIRED:
        return "has expired; " + ("remove it from MCP_API_KEYS" if age.replaced else "run `aegis-trio rotate`")
    if age.left_days is None:
        old = f"is {age.age_days} days old and never expires; {RECOMMENDED_DAYS} days are recommended"
        return old if age.status is KeyStatus.NOTE else "never expires"
    left = f"expires in {age.left_days} day(s)" if age.left_days else "expires in less than a day"
    if age.replaced:
        return f"{left}; another key has taken its place"
    return f"{left}; run `aegis-trio rotate`" if age.status is KeyStatus.EXPIRING else left


def _document(age: KeyAge) -> JsonObject:
    return {
        "hint": age.hint,
        "status": age.status.value,
        "age_days": age.age_days,
        "days_left": age.left_days,
        "description": age.description,
    }


def _refused(variable: str, rules: list[str], remedy: str) -> ConfigurationFaults:
    return ConfigurationFaults([ConfigurationFault(variable=variable, rule=rule, remedy=remedy) for rule in rules])
