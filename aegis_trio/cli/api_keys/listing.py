"""`aegis-trio keys list`: every key, where it stands, its state, until when it is good, and how far it reaches.

Law: no key and no digest is printed; an entry without a hint is called by the first eight characters of its digest.
"""

from __future__ import annotations

import argparse
import json

from aegis_trio.auth.keytext import pepper_id
from aegis_trio.auth.settings import KeyState
from aegis_trio.cli.api_keys.known import KnownKey, Place, find_keys, open_reader
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.keygen import add_place_arguments, expiry_words, keys_folder
from aegis_trio.config.key_bounds import render_bounds
from aegis_trio.config.variables import access
from aegis_trio.model.bounds import UNBOUNDED
from aegis_trio.model.clock import as_timestamp
from aegis_trio.model.json import JsonObject, JsonValue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `keys list` understands to *parser*."""
    parser.add_argument("--all", action="store_true", help="also keys of which only a row is left")
    add_place_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the keys; return 0."""
    reader = open_reader(arguments.env_file)
    keys = find_keys(reader, keys_folder(arguments, reader))
    pepper = reader.read(access.AEGIS_KEY_PEPPER)
    current = None if pepper is None else pepper_id(pepper)
    now_ns = arguments.clock.now_ns()
    shown = [key for key in keys if arguments.all or key.place is not Place.NOWHERE]
    if arguments.json:
        print(json.dumps({"keys": [_document(key, now_ns) for key in shown]}, indent=2))
    elif shown:
        for key in shown:
            print(_line(key, now_ns, current))
    else:
        print("There is no key. `aegis-trio keygen` makes one.")
    return EXIT_OK


def _state(key: KnownKey, now_ns: int) -> KeyState:
    return KeyState.ACTIVE if key.row is None else key.row.validity().state(now_ns)


def _document(key: KnownKey, now_ns: int) -> JsonObject:
    row = key.row
    return {
        "hint": key.label,
        "kid": key.kid,
        "place": key.place.value,
        "state": _state(key, now_ns).value,
        "label": "" if row is None else row.description,
        "owner": "" if row is None else row.owner,
        "created": None if row is None else _time(row.created_ns),
        "expires": None if row is None else _time(row.expires_ns),
        "revoked": None if row is None else _time(row.revoked_ns),
        "replaced_by": None if row is None else row.replaced_by,
        "bounds": {} if row is None else render_bounds(row.bounds),
        "pepper": None if row is None else row.pepper,
    }


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else as_timestamp(time_ns)


def _line(key: KnownKey, now_ns: int, current_pepper: str | None) -> str:
    words = [f"{key.label}  {key.place.value:<12}  {_state(key, now_ns).value:<7}"]
    row = key.row
    if row is None:
        return f"{words[0]}  nothing more is known of it"
    words.append("revoked" if row.revoked_ns is not None else f"expires {expiry_words(row.expires_ns)}")
    words.extend(f"{name}={_part(value)}" for name, value in render_bounds(row.bounds).items())
    if row.bounds == UNBOUNDED and not row.owner and not row.description:
        words.append("nothing more is known")
    if row.owner:
        words.append(f"owner={row.owner}")
    if row.description:
        words.append(f"({row.description})")
    if row.pepper is not None and row.pepper != current_pepper:
        words.append(f"made with the former pepper {row.pepper}")
    return "  ".join(words)


def _part(value: JsonValue) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, list) else str(value)
