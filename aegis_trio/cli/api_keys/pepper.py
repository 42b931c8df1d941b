"""`aegis-trio keys pepper`: make the secret under which keys in the store are remembered, in a file of its own."""

from __future__ import annotations

import argparse
import json
import secrets
from pathlib import Path
from typing import Final

from aegis_trio.auth.keytext import pepper_id
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.safe_write import make_folder, write_new
from aegis_trio.cli.usage import Usage
from aegis_trio.model.secret import Secret

PEPPER_BYTES: Final = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `keys pepper` understands to *parser*."""
    parser.add_argument("file", metavar="FILE", type=Path, help="where it is written, readable by its owner alone")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Make the file; return 0.

    Raises:
        Usage: a file stands there; it is never replaced, as keys may hang on it.
        OSError: it cannot be written.
    """
    path: Path = arguments.file.absolute()
    if path.exists():
        raise Usage(f"{path} exists, and keys may hang on it; name another file.")
    pepper = Secret(secrets.token_hex(PEPPER_BYTES))
    make_folder(path.parent)
    try:
        write_new(path, f"{pepper.reveal()}\n".encode())
    except FileExistsError:
        raise Usage(f"{path} exists, and keys may hang on it; name another file.") from None
    line = f"AEGIS_KEY_PEPPER_FILE={path}"
    if arguments.json:
        print(json.dumps({"env_line": line, "pepper": pepper_id(pepper), "file": str(path)}, indent=2))
    else:
        print(f"The pepper {pepper_id(pepper)} stands in {path}. Keep it apart from the keys' folder. For .env:\n")
        print(f"    {line}\n")
        print("Where another pepper was in use, its file goes to AEGIS_KEY_PEPPER_FORMER_FILE until no key needs it.")
    return EXIT_OK
