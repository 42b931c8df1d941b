"""Key metadata: what is known of a key besides the key, one JSON file each in the keys' folder.

Laws:
    1. Never the key, nor anything that it could be found from.
    2. A file that cannot be read is a fault, not a key without expiry: what cannot be checked must not pass.

Whom it trusts: whoever may write into the folder decides when a key expires.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, final

from aegis_trio.auth.settings import KeyValidity
from aegis_trio.config.faults import Misfit
from aegis_trio.model.clock import as_timestamp
from aegis_trio.model.json import JsonObject, JsonValue

_KID: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMetadata:
    """What is known of one key; times are UTC nanoseconds."""

    kid: str
    hint: str
    created_ns: int | None
    """None for a key that was made before its metadata."""
    expires_ns: int | None
    """None never."""
    description: str = ""
    replaced_by: str | None = None
    """Hint of the key that takes this one's place."""

    def validity(self) -> KeyValidity:
        """Return what authentication needs of it."""
        return KeyValidity(kid=self.kid, expires_ns=self.expires_ns)


def read_key_metadata(folder: Path) -> tuple[list[KeyMetadata], list[Misfit]]:
    """Return what *folder* knows, and what is wrong with files that cannot be read; no folder knows nothing."""
    known: list[KeyMetadata] = []
    misfits: list[Misfit] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [Misfit(f"cannot be listed: {(error.strerror or 'error').lower()}", "Check its mode.")]
    for path in paths:
        try:
            known.append(parse_key_metadata(path.read_bytes()))
        except OSError as error:
            misfits.append(Misfit(f"{path.name} cannot be read: {(error.strerror or 'error').lower()}", "Check it."))
        except Misfit as misfit:
            misfits.append(Misfit(f"{path.name} {misfit.rule}", misfit.remedy))
    return known, misfits


def parse_key_metadata(raw_document: bytes) -> KeyMetadata:
    """Make metadata of the bytes of one file.

    Raises:
        Misfit: not JSON, or a member that is not what it should be.
    """
    try:
        document: JsonValue = json.loads(raw_document)
    except (ValueError, RecursionError):
        raise Misfit("is not JSON", "Restore it, or make new metadata with `aegis-trio rotate`.") from None
    if not isinstance(document, dict):
        raise Misfit("is not a JSON object", "Restore it from a backup.")
    kid, hint = _text(document, "kid"), _text(document, "hint")
    if kid is None or not _KID.fullmatch(kid) or hint is None:
        raise Misfit("does not name its key by kid and hint", "Restore it from a backup.")
    return KeyMetadata(
        kid=kid,
        hint=hint,
        created_ns=_time(document, "created"),
        expires_ns=_time(document, "expires"),
        description=_text(document, "description") or "",
        replaced_by=_text(document, "replaced_by"),
    )


def render_key_metadata(metadata: KeyMetadata) -> bytes:
    """Return the bytes of the file for *metadata*."""
    document: JsonObject = {
        "version": 1,
        "kid": metadata.kid,
        "hint": metadata.hint,
        "created": None if metadata.created_ns is None else as_timestamp(metadata.created_ns),
        "expires": None if metadata.expires_ns is None else as_timestamp(metadata.expires_ns),
        "description": metadata.description,
        "replaced_by": metadata.replaced_by,
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def parse_timestamp(raw_time: str) -> int:
    """Make UTC nanoseconds of an RFC 3339 time, or of a date alone (its first moment, UTC).

    Raises:
        Misfit: it is neither.
    """
    try:
        moment = datetime.fromisoformat(raw_time)
    except ValueError:
        raise Misfit("is not a time", "Write it as 2026-02-13 or 2026-02-13T10:00:00Z.") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) * 1000


def _text(document: JsonObject, name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise Misfit(f"has a {name} that is not text", "Restore it from a backup.")
    return value


def _time(document: JsonObject, name: str) -> int | None:
    raw_time = _text(document, name)
    if raw_time is None:
        return None
    try:
        return parse_timestamp(raw_time)
    except Misfit as misfit:
        raise Misfit(f"has a time in {name} that {misfit.rule}", misfit.remedy) from None
