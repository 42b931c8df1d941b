"""`aegis-trio keys import`: take a key over that somebody else made, into the store.

Laws:
    1. The key comes from a file or from standard input, never from the command line, which others can read.
    2. What is refused is refused with the reason, and not repeated: it may be a password.

Source: ASVS 5.0 6.5.2 (112 bits).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Final

from aegis_trio.auth.key_strength import MIN_BITS, estimate_bits
from aegis_trio.auth.keytext import MAX_KEY_CHARS, MIN_KEY_CHARS, KeyForm, KeyText, parse_key
from aegis_trio.cli.api_keys.known import find_keys, open_reader
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.key_terms import add_terms_arguments, terms_from
from aegis_trio.cli.keygen import (
    add_expiry_argument,
    add_place_arguments,
    days_from,
    description_from,
    expiry_words,
    key_document,
    keys_folder,
    store_pepper,
)
from aegis_trio.cli.new_key import new_key, store_metadata
from aegis_trio.cli.usage import Usage
from aegis_trio.model.secret import Secret

_READ_BYTES: Final = 64 * 1024
_STANDARD_INPUT: Final = Path("-")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]*", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `keys import` understands to *parser*."""
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="file that holds the key and nothing else; - is standard input"
    )
    parser.add_argument("--description", "--label", help="who or what uses the key")
    add_expiry_argument(parser)
    add_place_arguments(parser)
    add_terms_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Keep the key's digest in the store; return 0.

    Raises:
        Usage: it is no key, a weak one, or known already; or there is no pepper.
    """
    reader = open_reader(arguments.env_file)
    folder = keys_folder(arguments, reader)
    pepper = store_pepper(reader)
    raw_key = _read(arguments.file)
    text = _parse(raw_key)
    if any(text.kid == key.kid for key in find_keys(reader, folder)):
        raise Usage(f"{text.hint} is known already, as `aegis-trio keys list --all` shows.")
    # Nobody can be asked where the key itself comes from standard input.
    if arguments.file == _STANDARD_INPUT and arguments.description is None:
        arguments.description = ""
    description = description_from(arguments, "What is the key for?", default=None)
    days = days_from(arguments)
    made = new_key(Secret(raw_key), days, arguments.clock, terms_from(arguments, description))
    path = store_metadata(folder, made.stored(pepper))
    if arguments.json:
        told = {name: value for name, value in key_document(made).items() if name != "key"}
        print(json.dumps({**told, "metadata_file": str(path)}, indent=2))
    else:
        print(f"{text.hint} stands in the store and expires {expiry_words(made.metadata.expires_ns)}, as {path} says.")
        print("A gate that sees this folder takes it over within a second. Delete the file that the key came from.")
    return EXIT_OK


def _read(path: Path) -> str:
    if path == _STANDARD_INPUT:
        return sys.stdin.read(_READ_BYTES).strip()
    with path.open("rb") as file:
        raw_bytes = file.read(_READ_BYTES)
    try:
        return raw_bytes.decode().strip()
    except UnicodeDecodeError:
        raise Usage(f"{path} is not UTF-8 text.") from None


def _parse(raw_key: str) -> KeyText:
    length = len(raw_key)
    if length < MIN_KEY_CHARS:
        raise _refusal(f"has {length} characters, fewer than {MIN_KEY_CHARS}")
    if length > MAX_KEY_CHARS:
        raise _refusal(f"has {length} characters, more than {MAX_KEY_CHARS}")
    if any(character.isspace() for character in raw_key):
        raise _refusal("holds a space or a line end, so that it may be more than one key")
    if not _VISIBLE.fullmatch(raw_key):
        raise _refusal("holds a character that no header carries; visible ASCII does")
    text = parse_key(raw_key)
    if text is None:
        raise _refusal("begins like a key of ours, and its checksum is wrong: a character is missing or mistyped")
    bits = 4.0 * len(text.body) if text.form is KeyForm.AEGIS else estimate_bits(raw_key)
    if bits < MIN_BITS:
        raise _refusal(f"holds about {bits:.0f} bits of chance, fewer than {MIN_BITS}, and could be guessed")
    return text


def _refusal(rule: str) -> Usage:
    return Usage(f"the key {rule}; nothing was stored. A new one is made by `aegis-trio keygen`.")
