"""A new key: asking for what should be known of it, making it, and keeping that beside it.

Not here: putting it into the settings (rotate.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from aegis_trio.auth.keytext import DigestScheme, KeyForm, KeyText, make_key, parse_key, pepper_id
from aegis_trio.cli.safe_write import make_folder, replace_file
from aegis_trio.config.faults import Misfit
from aegis_trio.config.key_metadata import KeyMetadata, render_key_metadata
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.clock import WallClock
from aegis_trio.model.secret import Secret

RECOMMENDED_DAYS: Final = 90
MAX_DAYS: Final = 3650
DAY_NS: Final = 86_400 * 1_000_000_000
MAX_DESCRIPTION_CHARS: Final = 200


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What the operator says of a key that is made."""

    description: str = ""
    owner: str = ""
    bounds: KeyBounds = UNBOUNDED
    gitea_token_file: Path | None = None


@final
@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; its text is shown once and kept nowhere."""

    key: Secret
    text: KeyText
    metadata: KeyMetadata

    def entry(self, scheme: DigestScheme | None, pepper: Secret | None) -> str:
        """Return what stands in MCP_API_KEYS for it: itself, or its digest under *scheme* with its hint."""
        if scheme is None:
            return self.key.reveal()
        return f"{scheme.value}:{self.text.digest(scheme, pepper).hex()}:{self.text.hint}"

    def stored(self, pepper: Secret) -> KeyMetadata:
        """Return its row with its digest, so that it stands in the store and nowhere else."""
        digest = self.text.digest(DigestScheme.HMAC, pepper)
        return replace(self.metadata, digest=digest, pepper=pepper_id(pepper))


def create_key(form: KeyForm, days: int | None, clock: WallClock, terms: KeyTerms) -> NewKey:
    """Make a key that expires after *days* (None never)."""
    return new_key(make_key(form), days, clock, terms)


def new_key(key: Secret, days: int | None, clock: WallClock, terms: KeyTerms) -> NewKey:
    """Return *key*, which somebody made, with what is known of it from now on.

    Raises:
        ValueError: it does not parse — our caller's bug.
    """
    text = parse_key(key.reveal())
    if text is None:
        raise ValueError("a key that was made does not parse")
    now_ns = clock.now_ns()
    metadata = KeyMetadata(
        kid=text.kid,
        hint=text.hint,
        created_ns=now_ns,
        expires_ns=None if days is None else now_ns + days * DAY_NS,
        description=terms.description,
        owner=terms.owner,
        bounds=terms.bounds,
        gitea_token_file=terms.gitea_token_file,
    )
    return NewKey(key, text, metadata)


def store_metadata(folder: Path, metadata: KeyMetadata) -> Path:
    """Write *metadata* into *folder*, in the place of what was known of the same key; return where.

    Raises:
        OSError: it cannot be written; says which setting names another place.
    """
    path = folder / f"{metadata.kid}.json"
    try:
        make_folder(folder)
        previous = path.read_bytes() if path.exists() else None
        replace_file(path, render_key_metadata(metadata), expected=previous)
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise OSError(
            fault.errno,
            f"the key's metadata cannot be written: {reason}. "
            "Let this user write there, or name another folder by --keys-dir or KEYS_DIR",
            str(folder),
        ) from fault
    return path


def parse_description(raw_description: str) -> str:
    """Make a description of *raw_description*: one line."""
    if len(raw_description) > MAX_DESCRIPTION_CHARS or not all(c.isprintable() for c in raw_description):
        raise Misfit("is not one line of text", f"Use at most {MAX_DESCRIPTION_CHARS} printable characters.")
    return raw_description


def parse_days(raw_days: str) -> int | None:
    """Make a number of days of *raw_days*; `never` is None."""
    if raw_days.lower() == "never":
        return None
    if not re.fullmatch(r"[0-9]{1,5}", raw_days, re.ASCII) or not 1 <= int(raw_days) <= MAX_DAYS:
        raise Misfit(f"is not a number of days from 1 to {MAX_DAYS}", "Write a number such as 90, or never.")
    return int(raw_days)
