"""Key rows: what the keys' folder says to authentication: keys that stand in it, and what holds for every key.

Laws:
    1. A row that cannot be read, whose pepper is not at hand or whose token file is missing is a fault; there is no
       key with less than its row says.
    2. Files are looked for where the row says; every one of them is named in `Reader.sources.files`, so that a change
       is seen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from aegis_trio.auth.keytext import DigestScheme, pepper_id
from aegis_trio.auth.settings import KeyValidity
from aegis_trio.config.faults import Misfit
from aegis_trio.config.key_entries import KeyEntry
from aegis_trio.config.key_metadata import KeyMetadata, read_key_metadata
from aegis_trio.config.parsing import parse_token
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import access
from aegis_trio.model.secret import Secret

_MAX_TOKEN_FILE_BYTES = 4096


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRows:
    """What the folder says."""

    entries: tuple[KeyEntry, ...]
    """Keys that stand in the folder."""
    validities: tuple[KeyValidity, ...]
    own_tokens: Mapping[str, Secret]
    """Gitea tokens of single keys, by the id of the key."""


def read_rows(reader: Reader, folder: Path, peppers: Sequence[Secret]) -> KeyRows:
    """Return what *folder* says; faults are noted in *reader*.

    Args:
        peppers: every one that is at hand.
    """
    known, misfits = read_key_metadata(folder)
    for misfit in misfits:
        reader.refuse(access.KEYS_DIR, f"{folder}: {misfit.rule}", misfit.remedy)
    if folder != access.KEYS_DIR.default and not (os.access(folder, os.R_OK | os.X_OK) and folder.is_dir()):
        reader.refuse(access.KEYS_DIR, "names no folder that can be read", "Make it, or leave KEYS_DIR out.")
    own_tokens: dict[str, Secret] = {}
    for metadata in known:
        if metadata.gitea_token_file is not None:
            path = folder / metadata.gitea_token_file
            reader.sources.files.append(path)
            try:
                own_tokens[metadata.kid] = _read_token(path)
            except Misfit as misfit:
                where = f"{folder / metadata.kid}.json: its gitea_token_file {path}"
                reader.refuse(access.KEYS_DIR, f"{where} {misfit.rule}", misfit.remedy)
    return KeyRows(
        entries=_entries(reader, known, {pepper_id(pepper) for pepper in peppers}),
        validities=tuple(metadata.validity(own_tokens.get(metadata.kid)) for metadata in known),
        own_tokens=own_tokens,
    )


def _entries(reader: Reader, known: Sequence[KeyMetadata], peppers: set[str]) -> tuple[KeyEntry, ...]:
    entries: list[KeyEntry] = []
    for metadata in known:
        if metadata.digest is None:
            continue
        if metadata.pepper not in peppers and metadata.revoked_ns is None:
            reader.refuse(
                access.AEGIS_KEY_PEPPER,
                f"is required by the key {metadata.hint}, which was made with the pepper {metadata.pepper}",
                "Set that pepper here or in AEGIS_KEY_PEPPER_FORMER, or revoke the key with `aegis-trio keys revoke`.",
            )
        entries.append(
            KeyEntry(
                scheme=DigestScheme.HMAC, digest=metadata.digest, hint=metadata.hint, kid=metadata.kid, short=False
            )
        )
    return tuple(entries)


def _read_token(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_TOKEN_FILE_BYTES + 1)
        text = content.decode().strip()
    except OSError as error:
        raise Misfit(f"cannot be read: {(error.strerror or 'error').lower()}", "Check its path and mode.") from None
    except UnicodeDecodeError:
        raise Misfit("is not UTF-8 text", "Write the token as text.") from None
    if len(content) > _MAX_TOKEN_FILE_BYTES or not text:
        raise Misfit("holds no token", "Write the Gitea token of this key into it, and nothing else.")
    return parse_token(text)
