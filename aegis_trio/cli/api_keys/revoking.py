"""`aegis-trio keys revoke`: end a key by its row; a gate that sees the folder ends what runs with it.

The settings file stays as it is, so that this works also where an environment holds the key.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from aegis_trio.cli.api_keys.known import KnownKey, Place, find_keys, open_reader
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.keygen import add_place_arguments, keys_folder
from aegis_trio.cli.new_key import store_metadata
from aegis_trio.cli.usage import Usage
from aegis_trio.config.key_metadata import KeyMetadata
from aegis_trio.model.clock import as_timestamp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `keys revoke` understands to *parser*."""
    parser.add_argument("key", metavar="HINT", help="which key: its hint, or its id")
    add_place_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Revoke the key; return 0, also when it was revoked before.

    Raises:
        Usage: the name is of no key, of several, or of an entry of which not even the id is known.
        OSError: the row cannot be written.
    """
    reader = open_reader(arguments.env_file)
    folder = keys_folder(arguments, reader)
    key = _choose(find_keys(reader, folder), arguments.key)
    row = _row(key)
    was_revoked = row.revoked_ns is not None
    revoked_ns = arguments.clock.now_ns() if row.revoked_ns is None else row.revoked_ns
    path = store_metadata(folder, replace(row, revoked_ns=revoked_ns))
    if arguments.json:
        told = {
            "hint": row.hint,
            "kid": row.kid,
            "place": key.place.value,
            "revoked": as_timestamp(revoked_ns),
            "was_revoked": was_revoked,
            "metadata_file": str(path),
        }
        print(json.dumps(told, indent=2))
        return EXIT_OK
    when = f"was revoked already, at {as_timestamp(revoked_ns)}" if was_revoked else "is revoked now"
    print(f"{row.hint} {when}, as {path} says.")
    print("A gate that sees this folder ends its calls and streams within a second.")
    if key.place is Place.LIST:
        print("Remove it from MCP_API_KEYS too: the entry is good again where this row is not seen.")
    return EXIT_OK


def _choose(keys: list[KnownKey], name: str) -> KnownKey:
    found = [key for key in keys if name in {key.label, key.kid}]
    if len(found) == 1:
        return found[0]
    if found:
        raise Usage(f"{name} names {len(found)} keys; name one by its id, as `aegis-trio keys list --json` shows.")
    labels = ", ".join(key.label for key in keys) or "none"
    raise Usage(f"{name} names no key. The keys are: {labels}.")


def _row(key: KnownKey) -> KeyMetadata:
    if key.row is not None:
        return key.row
    entry = key.entry
    if entry is None or entry.kid is None or entry.hint is None:
        raise Usage(
            f"of {key.label} nothing is known, not even its id, so that no row can end it; remove it from MCP_API_KEYS."
        )
    return KeyMetadata(kid=entry.kid, hint=entry.hint, created_ns=None, expires_ns=None)
