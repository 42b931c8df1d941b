"""Where the console's key comes from: a file, the environment, the command line, or the person.

Laws:
    1. Exactly one source counts: a flag before the environment, and the person last.
    2. The key is never printed and never kept.
"""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aegis_trio.cli.usage import Usage
from aegis_trio.config.sources import MAX_FILE_BYTES
from aegis_trio.model.secret import Secret

KEY_VARIABLE: Final = "AEGIS_CONSOLE_KEY"
VISIBLE_KEY_WARNING: Final = (
    f"--key can be read by every user of this machine (`ps`), and stands in your shell's history: use {KEY_VARIABLE} "
    "or --key-file."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the key may come from to *parser*."""
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument("--key-file", type=Path, help=f"file with the API key (default: {KEY_VARIABLE}, or asked for)")
    sources.add_argument("--key", help="the API key itself; every user of this machine can see it in `ps`")
    sources.add_argument("--no-key", action="store_true", help="send none, for a gate with AUTH_ENABLED=false")


def find_key(arguments: argparse.Namespace, environ: Mapping[str, str], *, can_ask: bool) -> Secret | None:
    """Return the key; None when none is to be sent.

    Raises:
        Usage: there is none, or it cannot be one.
        OSError: its file cannot be read.
    """
    if arguments.no_key:
        return None
    raw_key: str | None = arguments.key
    if arguments.key_file is not None:
        raw_key = _read(arguments.key_file)
    elif raw_key is None:
        raw_key = environ.get(KEY_VARIABLE)
    if raw_key is None and can_ask:
        try:
            raw_key = getpass.getpass("API key (not shown): ")
        except EOFError:
            raise Usage("no key was given.") from None
    if raw_key is None:
        raise Usage(
            f"the key is missing: give --key-file or {KEY_VARIABLE} (or --no-key where the gate asks for none)."
        )
    key = raw_key.strip()
    # Threat: a line end would begin another header; what is no key is also not repeated here.
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Usage("the key is empty, or holds what a key cannot: give it alone, without a name or quotes around it.")
    return Secret(key)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES)
    return content.decode("utf-8", "replace")
