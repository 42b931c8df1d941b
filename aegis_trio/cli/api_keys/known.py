"""Every key that is known: entries of MCP_API_KEYS, rows of the store, and rows of keys that stand nowhere any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults
from aegis_trio.config.key_entries import KeyEntry, parse_key_entries
from aegis_trio.config.key_metadata import KeyMetadata, read_key_metadata
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import Sources
from aegis_trio.config.variables import access


class Place(StrEnum):
    """Where a key stands."""

    LIST = "MCP_API_KEYS"
    STORE = "store"
    NOWHERE = "nowhere"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """One key; at least one of its entry and its row is there."""

    place: Place
    entry: KeyEntry | None
    row: KeyMetadata | None

    @property
    def label(self) -> str:
        """What the operator calls it: its hint, or the beginning of its digest."""
        if self.entry is not None:
            return self.entry.label
        return "" if self.row is None else self.row.hint

    @property
    def kid(self) -> str | None:
        """Its id, where that is known."""
        if self.entry is not None and self.entry.kid is not None:
            return self.entry.kid
        return None if self.row is None else self.row.kid


def open_reader(env_file: Path) -> Reader:
    """Return what reads the settings of *env_file* and of this environment."""
    return Reader(Sources(os.environ, env_file))


def find_keys(reader: Reader, folder: Path) -> list[KnownKey]:
    """Return the keys of MCP_API_KEYS, then those of the store, then those of which only a row is left.

    Raises:
        ConfigurationFaults: the settings, an entry or a row cannot be read.
    """
    rows, misfits = read_key_metadata(folder)
    if misfits:
        raise _refused("KEYS_DIR", [f"{folder}: {misfit.rule}" for misfit in misfits], "Restore it from a backup.")
    raw_keys = reader.read(access.MCP_API_KEYS)
    if reader.sources.faults:
        raise ConfigurationFaults(reader.sources.faults)
    entries, faults = parse_key_entries("" if raw_keys is None else raw_keys.reveal())
    if faults:
        raise _refused("MCP_API_KEYS", [fault.rule for fault in faults], "Mend it, or make a key with `keygen`.")
    found = [KnownKey(place=Place.LIST, entry=entry, row=_row_of(entry, rows)) for entry in entries]
    told = {key.row.kid for key in found if key.row is not None}
    left = [row for row in rows if row.kid not in told]
    found.extend(KnownKey(place=Place.STORE, entry=None, row=row) for row in left if row.digest is not None)
    found.extend(KnownKey(place=Place.NOWHERE, entry=None, row=row) for row in left if row.digest is None)
    return found


def _row_of(entry: KeyEntry, rows: list[KeyMetadata]) -> KeyMetadata | None:
    for row in rows:
        if entry.kid == row.kid or (entry.kid is None and entry.hint == row.hint):
            return row
    return None


def _refused(variable: str, rules: list[str], remedy: str) -> ConfigurationFaults:
    return ConfigurationFaults([ConfigurationFault(variable=variable, rule=rule, remedy=remedy) for rule in rules])
