"""`aegis-trio keygen`: make an API key, show it once, and say what to do with it."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Final

from aegis_trio.auth.keytext import DigestScheme, KeyForm
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.key_terms import add_terms_arguments, terms_from
from aegis_trio.cli.new_key import (
    RECOMMENDED_DAYS,
    NewKey,
    create_key,
    parse_days,
    parse_description,
    store_metadata,
)
from aegis_trio.cli.usage import Usage, ask, can_ask
from aegis_trio.config.faults import ConfigurationFaults, Misfit
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import DEFAULT_ENV_FILE, Sources
from aegis_trio.config.variables import access
from aegis_trio.model.clock import as_timestamp
from aegis_trio.model.secret import Secret

TAKEN_OVER: Final = (
    "A gate that reads the file itself takes it over within a second; one whose environment is made of it "
    "(compose's env_file, systemd's EnvironmentFile) must be restarted."
)
TAKEN_OVER_STORED: Final = "A gate that sees the keys' folder takes it over within a second."
_FORMATS: Final = {"bare": KeyForm.HEX, "prefixed": KeyForm.AEGIS}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `keygen` understands to *parser*."""
    parser.add_argument("--description", "--label", help="who or what will use the key; asked for when left out")
    add_expiry_argument(parser)
    add_shared_arguments(parser)
    add_terms_arguments(parser)
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--store",
        action="store_true",
        help="keep the key's digest in the keys' folder; MCP_API_KEYS need not name it (needs AEGIS_KEY_PEPPER)",
    )
    kept.add_argument(
        "--hash",
        choices=[scheme.value for scheme in DigestScheme],
        nargs="?",
        const=DigestScheme.SHA256.value,
        help="print an entry for MCP_API_KEYS that does not hold the key (default: sha256)",
    )


def add_expiry_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--expires-days` to *parser*."""
    parser.add_argument(
        "--expires-days",
        metavar="DAYS",
        help=f"days until the key expires, or never (default where nobody can be asked: {RECOMMENDED_DAYS})",
    )


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command that makes keys understands to *parser*."""
    written = parser.add_mutually_exclusive_group()
    written.add_argument(
        "--format",
        dest="form",
        type=_format,
        default=None,
        metavar="{bare,prefixed}",
        help="bare: 64 hexadecimal characters (default); prefixed: the same with aegis_ in front and a checksum behind",
    )
    written.add_argument("--form", choices=[form.value for form in KeyForm], help="the same, as hex and aegis")
    add_place_arguments(parser)


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where settings and keys are, and `--json`, to *parser*."""
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")
    parser.add_argument("--keys-dir", type=Path, help="folder of the keys' rows (default: KEYS_DIR)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _format(raw_format: str) -> str:
    if raw_format not in _FORMATS:
        raise argparse.ArgumentTypeError(f"{raw_format!r} is neither bare nor prefixed")
    return _FORMATS[raw_format].value


def run(arguments: argparse.Namespace) -> int:
    """Make the key; return 0."""
    reader = Reader(Sources(os.environ, arguments.env_file))
    folder = keys_folder(arguments, reader)
    scheme = None if arguments.hash is None else DigestScheme(arguments.hash)
    pepper = store_pepper(reader) if arguments.store else pepper_for(scheme, reader)
    description = description_from(arguments, "What is the key for?", default=None)
    days = days_from(arguments)
    terms = terms_from(arguments, description)
    made = create_key(KeyForm(arguments.form or KeyForm.HEX.value), days, arguments.clock, terms)
    stored = made.stored(pepper) if arguments.store and pepper is not None else None
    path = store_metadata(folder, made.metadata if stored is None else stored)
    line = None if stored is not None else f"MCP_API_KEYS={made.entry(scheme, pepper)}"
    if arguments.json:
        print(json.dumps({**key_document(made), "env_line": line, "metadata_file": str(path)}, indent=2))
    else:
        print(_introduction(made, line, path))
    return EXIT_OK


def keys_folder(arguments: argparse.Namespace, reader: Reader) -> Path:
    """Return the folder of metadata: the flag's, or KEYS_DIR's.

    Raises:
        ConfigurationFaults: the settings file cannot be read.
    """
    folder: Path = reader.read(access.KEYS_DIR) if arguments.keys_dir is None else arguments.keys_dir
    if reader.sources.faults:
        raise ConfigurationFaults(reader.sources.faults)
    return folder


def pepper_for(scheme: DigestScheme | None, reader: Reader) -> Secret | None:
    """Return the pepper, if *scheme* needs it.

    Raises:
        Usage: it does, and there is none.
    """
    if scheme is not DigestScheme.HMAC:
        return None
    pepper = reader.read(access.AEGIS_KEY_PEPPER)
    if pepper is None:
        raise Usage("an hmac entry needs AEGIS_KEY_PEPPER of at least 32 bytes; set it, or take sha256.")
    return pepper


def store_pepper(reader: Reader) -> Secret:
    """Return the pepper for keys in the store.

    Raises:
        Usage: there is none.
    """
    pepper = reader.read(access.AEGIS_KEY_PEPPER)
    if pepper is None:
        raise Usage(
            "a key in the store needs AEGIS_KEY_PEPPER of at least 32 bytes; `aegis-trio keys pepper FILE` makes one."
        )
    return pepper


def description_from(arguments: argparse.Namespace, question: str, *, default: str | None) -> str:
    """Return the description: the flag's, the default where nobody can be asked, or the answer.

    Raises:
        Usage: it is none, or nobody is there to ask.
    """
    if arguments.description is None:
        if default is not None and not can_ask():
            return default
        return ask(question, parse_description, flag="--description", default=default or "")
    try:
        return parse_description(arguments.description)
    except Misfit as misfit:
        raise Usage(f"--description {misfit}") from None


def days_from(arguments: argparse.Namespace) -> int | None:
    """Return the days until expiry: the flag's, the recommended ones where nobody can be asked, or the answer."""
    if arguments.expires_days is None:
        if not can_ask():
            return RECOMMENDED_DAYS
        return ask(
            "After how many days does it expire?", parse_days, flag="--expires-days", default=str(RECOMMENDED_DAYS)
        )
    try:
        return parse_days(arguments.expires_days)
    except Misfit as misfit:
        raise Usage(f"--expires-days {misfit}") from None


def key_document(made: NewKey) -> dict[str, str | None]:
    """Return a new key and what is known of it, for programs."""
    expires_ns = made.metadata.expires_ns
    return {
        "key": made.key.reveal(),
        "hint": made.metadata.hint,
        "kid": made.metadata.kid,
        "expires": None if expires_ns is None else as_timestamp(expires_ns),
    }


def expiry_words(expires_ns: int | None) -> str:
    """Return when a key expires, in words."""
    return "never" if expires_ns is None else f"on {as_timestamp(expires_ns)[:10]} (UTC)"


def _introduction(made: NewKey, line: str | None, path: Path) -> str:
    put = (
        ("1. It stands in the store; nothing has to be put into .env.",)
        if line is None
        else ("1. Put it into .env (several keys have a comma between them):", f"   {line}")
    )
    return "\n".join(
        (
            "The new key, shown this once and kept nowhere:",
            "",
            f"    {made.key.reveal()}",
            "",
            f"It is known as {made.metadata.hint} and expires {expiry_words(made.metadata.expires_ns)},",
            f"as {path} says.",
            "",
            "Next steps:",
            *put,
            f"2. {TAKEN_OVER_STORED if line is None else TAKEN_OVER}",
            "3. Give the key itself to the client: Authorization: Bearer <key>.",
            "4. Ask `aegis-trio key-age` from cron; `aegis-trio rotate` makes the next key.",
        )
    )
