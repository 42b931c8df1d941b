"""`aegis-trio rotate`: make a new key and put it in the place of an old one, or beside it for a time of grace.

Order of writing: metadata of the new key, backups, tokens, keys, metadata of the old key. Whatever interrupts it, the
settings file is the old one or the new one, and its backup holds the old one.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from aegis_trio.auth.keytext import DigestScheme, KeyForm
from aegis_trio.auth.settings import KeyState
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.key_files import KeyFiles
from aegis_trio.cli.keygen import (
    TAKEN_OVER,
    TAKEN_OVER_STORED,
    add_expiry_argument,
    add_shared_arguments,
    days_from,
    description_from,
    expiry_words,
    key_document,
    keys_folder,
    pepper_for,
)
from aegis_trio.cli.new_key import KeyTerms, NewKey, create_key, store_metadata
from aegis_trio.cli.safe_write import back_up, replace_file
from aegis_trio.cli.usage import Usage, ask
from aegis_trio.config.faults import Misfit
from aegis_trio.config.key_entries import KeyEntry, parse_key_entry
from aegis_trio.config.key_metadata import KeyMetadata, read_key_metadata
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import Sources
from aegis_trio.config.variables import access
from aegis_trio.model.clock import as_timestamp

DEFAULT_GRACE_HOURS: Final = 24
MAX_GRACE_HOURS: Final = 168  # seven days
_HOUR_NS: Final = 3600 * 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `rotate` understands to *parser*."""
    parser.add_argument("--key", metavar="HINT", help="which key, by its hint; needed when there are several")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--replace", action="store_true", help="the old key ends when the gate reads the file again")
    mode.add_argument("--grace", action="store_true", help="the old key stays valid for a while beside the new one")
    parser.add_argument(
        "--grace-hours",
        type=int,
        default=DEFAULT_GRACE_HOURS,
        help=f"how long (default {DEFAULT_GRACE_HOURS}, at most {MAX_GRACE_HOURS})",
    )
    parser.add_argument("--description", help="who or what will use the key (default: as the old one)")
    add_expiry_argument(parser)
    add_shared_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Rotate one key; return 0."""
    if not 1 <= arguments.grace_hours <= MAX_GRACE_HOURS:
        raise Usage(f"--grace-hours is a whole number from 1 to {MAX_GRACE_HOURS}.")
    reader = Reader(Sources(os.environ, arguments.env_file))
    folder = keys_folder(arguments, reader)
    now_ns = arguments.clock.now_ns()
    stored = _stored(folder, now_ns)
    files = KeyFiles(os.environ, arguments.env_file, has_store=bool(stored))
    raw_entry, entry = _choose(files.key_entries(), stored, arguments.key)
    grace = _grace(arguments)
    # A key that the file does not hold is followed by one that it does not hold.
    scheme = None if raw_entry is not None and entry.kid is not None else entry.scheme
    pepper = pepper_for(scheme, reader)
    previous = _metadata_of(entry, folder)
    description = description_from(
        arguments, "What is the key for?", default="" if previous is None else previous.description
    )
    made = create_key(
        _form(arguments.form, raw_entry), days_from(arguments), arguments.clock, _terms(previous, description)
    )
    moved = _moved_token(files, entry, made, grace=grace)
    row, replaced = made.metadata, None
    if raw_entry is not None:
        new_entry = made.entry(scheme, pepper)
        replaced = raw_entry, f"{new_entry},{raw_entry}" if grace else new_entry
    elif pepper is not None:
        row = made.stored(pepper)
    changes = files.rotated(replaced, moved)

    store_metadata(folder, row)
    backups = [back_up(path, before, arguments.clock) for path, (before, _) in changes.items()]
    for path, (before, after) in changes.items():
        replace_file(path, after, expected=before)
    ends_ns = now_ns + arguments.grace_hours * _HOUR_NS if grace else None
    revoked_ns = now_ns if raw_entry is None and not grace else None
    ends_by_itself = _retire(folder, entry, previous, made, ends_ns=ends_ns, revoked_ns=revoked_ns)
    if arguments.json:
        print(json.dumps(_document(made, entry, backups, ends_ns, in_store=raw_entry is None), indent=2))
    elif raw_entry is None:
        print("\n".join(_report_stored(made, entry, backups, ends_ns)))
    else:
        print("\n".join(_report(made, entry, backups, ends_ns, ends_by_itself=ends_by_itself)))
    return EXIT_OK


def _stored(folder: Path, now_ns: int) -> list[KeyEntry]:
    """Return the keys that stand in the store and are good."""
    known, misfits = read_key_metadata(folder)
    if misfits:
        raise Usage(f"{folder}: {misfits[0]}")
    return [
        KeyEntry(scheme=DigestScheme.HMAC, digest=row.digest, hint=row.hint, kid=row.kid, short=False)
        for row in known
        if row.digest is not None and row.validity().state(now_ns) in {KeyState.ACTIVE, KeyState.GRACE}
    ]


def _terms(previous: KeyMetadata | None, description: str) -> KeyTerms:
    """Return the terms of the new key: those of the old one, or it would reach further."""
    if previous is None:
        return KeyTerms(description=description)
    return KeyTerms(
        description=description,
        owner=previous.owner,
        bounds=previous.bounds,
        gitea_token_file=previous.gitea_token_file,
    )


def _choose(
    raw_entries: Sequence[str], stored: Sequence[KeyEntry], raw_hint: str | None
) -> tuple[str | None, KeyEntry]:
    """Return a key, and how it stands in MCP_API_KEYS; None for one in the store."""
    try:
        entries: list[tuple[str | None, KeyEntry]] = [
            (raw_entry, parse_key_entry(raw_entry)) for raw_entry in raw_entries
        ]
    except Misfit as misfit:
        raise Usage(f"MCP_API_KEYS holds an entry that {misfit}") from None
    entries.extend((None, entry) for entry in stored)
    if not entries:
        raise Usage("MCP_API_KEYS holds no key; make the first one with `aegis-trio keygen`.")
    labels = [entry.label for _, entry in entries]
    if raw_hint is None and len(entries) == 1:
        return entries[0]

    def parse(raw_answer: str) -> tuple[str | None, KeyEntry]:
        if labels.count(raw_answer) != 1:
            raise Misfit("names no one key", f"The keys are: {', '.join(labels)}.")
        return entries[labels.index(raw_answer)]

    if raw_hint is None:
        return ask(f"Which key ({', '.join(labels)})?", parse, flag=f"--key (one of {', '.join(labels)})")
    try:
        return parse(raw_hint)
    except Misfit as misfit:
        raise Usage(f"--key {misfit}") from None


def _grace(arguments: argparse.Namespace) -> bool:
    if arguments.grace or arguments.replace:
        return bool(arguments.grace)

    def parse(raw_answer: str) -> bool:
        if raw_answer.lower() not in {"replace", "grace"}:
            raise Misfit("is neither replace nor grace", "Answer with one of these words.")
        return raw_answer.lower() == "grace"

    question = f"Replace the old key at once, or keep it for {arguments.grace_hours} h of grace?"
    return ask(question, parse, flag="--replace or --grace", default="grace")


def _form(raw_form: str | None, raw_entry: str | None) -> KeyForm:
    if raw_form is not None:
        return KeyForm(raw_form)
    return KeyForm.AEGIS if raw_entry is not None and raw_entry.startswith("aegis_") else KeyForm.HEX


def _metadata_of(entry: KeyEntry, folder: Path) -> KeyMetadata | None:
    known, _ = read_key_metadata(folder)
    for metadata in known:
        if entry.kid == metadata.kid or (entry.kid is None and entry.hint == metadata.hint):
            return metadata
    return None


def _moved_token(files: KeyFiles, entry: KeyEntry, made: NewKey, *, grace: bool) -> tuple[str, str] | None:
    """Return the entry of GITEA_KEY_TOKENS that names the old key, and what stands there for the new one."""
    if files.tokens is None or entry.hint is None:
        return None
    for raw_entry in files.tokens.entries():
        hint, _, raw_token = (part.strip() for part in raw_entry.partition("="))
        if hint == entry.hint:
            moved = f"{made.text.hint}={raw_token}"
            return raw_entry, f"{moved},{raw_entry}" if grace else moved
    return None


def _retire(
    folder: Path,
    entry: KeyEntry,
    previous: KeyMetadata | None,
    made: NewKey,
    *,
    ends_ns: int | None,
    revoked_ns: int | None,
) -> bool:
    """Write into the old key's metadata what replaces it and when it ends; return whether its end is known now."""
    known = previous
    if known is None:
        if entry.kid is None or entry.hint is None:
            return False
        known = KeyMetadata(kid=entry.kid, hint=entry.hint, created_ns=None, expires_ns=None)
    expires_ns = known.expires_ns
    if ends_ns is not None:
        expires_ns = ends_ns if expires_ns is None else min(expires_ns, ends_ns)
    retired = replace(
        known, expires_ns=expires_ns, replaced_by=made.text.hint, revoked_ns=revoked_ns or known.revoked_ns
    )
    store_metadata(folder, retired)
    return True


def _document(
    made: NewKey, entry: KeyEntry, backups: Sequence[Path], ends_ns: int | None, *, in_store: bool
) -> dict[str, str | bool | list[str] | None]:
    return {
        **key_document(made),
        "replaces": entry.label,
        "old_key_ends": None if ends_ns is None else as_timestamp(ends_ns),
        "backups": [str(backup) for backup in backups],
        "restart_needed": not in_store and bool(os.environ.get(access.MCP_API_KEYS.name, "").strip()),
    }


def _report(
    made: NewKey, entry: KeyEntry, backups: Sequence[Path], ends_ns: int | None, *, ends_by_itself: bool
) -> list[str]:
    lines = [
        *_shown(made),
        *_left(backups),
        "",
        "Next steps:",
        f"1. {TAKEN_OVER}",
        "2. Give the new key to the client.",
    ]
    if ends_ns is None:
        lines.append(f"3. The old key {entry.label} ends then.")
    elif ends_by_itself:
        lines.append(f"3. The old key {entry.label} ends at {as_timestamp(ends_ns)}; then remove it from MCP_API_KEYS.")
    else:
        lines.append(f"3. Remove the old key {entry.label} from MCP_API_KEYS: it does not end by itself.")
    if os.environ.get(access.MCP_API_KEYS.name, "").strip():
        lines.append(
            "MCP_API_KEYS is also set in this environment, which goes before the file and does not change while a gate "
            "runs: unset or change it, and restart the gate."
        )
    return lines


def _report_stored(made: NewKey, entry: KeyEntry, backups: Sequence[Path], ends_ns: int | None) -> list[str]:
    ends = "ends then" if ends_ns is None else f"ends at {as_timestamp(ends_ns)}"
    return [
        *_shown(made),
        *_left(backups),
        "",
        "Next steps:",
        # With a Gitea token of its own in GITEA_KEY_TOKENS, that file changes as well.
        f"1. {TAKEN_OVER if backups else TAKEN_OVER_STORED}",
        "2. Give the new key to the client.",
        f"3. The old key {entry.label} {ends}; nothing has to be removed.",
    ]


def _shown(made: NewKey) -> list[str]:
    return [
        "The new key, shown this once:",
        "",
        f"    {made.key.reveal()}",
        "",
        f"It is known as {made.metadata.hint} and expires {expiry_words(made.metadata.expires_ns)}.",
    ]


def _left(backups: Sequence[Path]) -> list[str]:
    return [f"The file as it was: {backup} (it holds the old key: delete it when all is well)" for backup in backups]
