"""Key metadata: what is known of a key besides the key, one JSON file (a row) each in the keys' folder.

A row may also hold the key's digest under a pepper; then the key stands in the store, and MCP_API_KEYS need not name
it. A row without one says more of a key that MCP_API_KEYS names.

Laws:
    1. Never the key, nor anything that it could be found from without the pepper.
    2. A file that cannot be read, or holds a member that is not known, is a fault, not a key without expiry or bounds:
       what cannot be checked must not pass.

Whom it trusts: whoever may write into the folder makes keys, bounds them, and decides when they end.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, final

from aegis_trio.auth.settings import KeyValidity
from aegis_trio.config.faults import Misfit
from aegis_trio.config.key_bounds import MEMBERS, parse_bounds, render_bounds
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.clock import as_timestamp
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.secret import Secret

MAX_ROWS: Final = 10_000
MAX_ROW_BYTES: Final = 64 * 1024  # a row with every bound full of patterns
_MEMBERS: Final = MEMBERS | {
    *("version", "kid", "hint", "created", "expires", "description", "replaced_by"),
    *("owner", "revoked", "digest", "pepper", "gitea_token_file"),
}
_REMEDY: Final = "Restore it from a backup."
_DIGEST: Final = re.compile(r"hmac:([0-9a-f]{64})", re.ASCII)
_PEPPER: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)
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
    """The key's label."""
    replaced_by: str | None = None
    """Hint of the key that takes this one's place."""
    owner: str = ""
    """Who answers for the key."""
    revoked_ns: int | None = None
    """When it was revoked; None while it was not."""
    digest: bytes | None = None
    """HMAC-SHA256 of its body under the pepper; None for a key that MCP_API_KEYS names."""
    pepper: str | None = None
    """Id of the pepper that made the digest."""
    bounds: KeyBounds = UNBOUNDED
    gitea_token_file: Path | None = None
    """File with the Gitea token of this key alone; relative to the keys' folder."""

    def validity(self, gitea_token: Secret | None = None) -> KeyValidity:
        """Return what authentication needs of it, with the token that its file holds."""
        return KeyValidity(
            kid=self.kid,
            expires_ns=self.expires_ns,
            revoked=self.revoked_ns is not None,
            replaced_by=self.replaced_by,
            bounds=self.bounds,
            gitea_token=gitea_token,
            created_ns=self.created_ns,
            hint=self.hint,
        )


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
    if len(paths) > MAX_ROWS:
        return [], [Misfit(f"holds more than {MAX_ROWS} keys", "Remove the files of keys that have ended.")]
    for path in paths:
        try:
            known.append(_read_row(path))
        except OSError as error:
            misfits.append(Misfit(f"{path.name} cannot be read: {(error.strerror or 'error').lower()}", "Check it."))
        except Misfit as misfit:
            misfits.append(Misfit(f"{path.name} {misfit.rule}", misfit.remedy))
    kids = Counter(metadata.kid for metadata in known)
    misfits.extend(
        # Threat: of two rows one may have no bounds.
        Misfit(f"holds {count} files about the key {kid}", "Keep the right one.")
        for kid, count in kids.items()
        if count > 1
    )
    return known, misfits


def _read_row(path: Path) -> KeyMetadata:
    with path.open("rb") as file:
        raw_document = file.read(MAX_ROW_BYTES + 1)
    if len(raw_document) > MAX_ROW_BYTES:
        raise Misfit(f"has more than {MAX_ROW_BYTES} bytes", _REMEDY)
    return parse_key_metadata(raw_document)


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
        raise Misfit("is not a JSON object", _REMEDY)
    for name in document:
        if name not in _MEMBERS:
            raise Misfit(f"has a member {name[:40]!r} that is not known", _near(name))
    kid, hint = _text(document, "kid"), _text(document, "hint")
    if kid is None or not _KID.fullmatch(kid) or hint is None:
        raise Misfit("does not name its key by kid and hint", _REMEDY)
    token_file = _text(document, "gitea_token_file")
    return KeyMetadata(
        kid=kid,
        hint=hint,
        created_ns=_time(document, "created"),
        expires_ns=_time(document, "expires"),
        description=_text(document, "description") or "",
        replaced_by=_text(document, "replaced_by"),
        owner=_text(document, "owner") or "",
        revoked_ns=_time(document, "revoked"),
        digest=_digest(document),
        pepper=_text(document, "pepper"),
        bounds=parse_bounds(document),
        gitea_token_file=None if token_file is None else Path(token_file),
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
    more = render_bounds(metadata.bounds)
    if metadata.owner:
        more["owner"] = metadata.owner
    if metadata.revoked_ns is not None:
        more["revoked"] = as_timestamp(metadata.revoked_ns)
    if metadata.digest is not None:
        more |= {"digest": f"hmac:{metadata.digest.hex()}", "pepper": metadata.pepper}
    if metadata.gitea_token_file is not None:
        more["gitea_token_file"] = str(metadata.gitea_token_file)
    if more:
        document |= {"version": 2, **more}
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
        raise Misfit(f"has a {name} that is not text", _REMEDY)
    return value


def _digest(document: JsonObject) -> bytes | None:
    digest, pepper = _text(document, "digest"), _text(document, "pepper")
    if digest is None:
        return None
    found = _DIGEST.fullmatch(digest)
    if found is None or pepper is None or not _PEPPER.fullmatch(pepper):
        raise Misfit("has a digest that is not hmac:<64 hexadecimal characters> with the id of its pepper", _REMEDY)
    return bytes.fromhex(found[1])


def _near(name: str) -> str:
    near = difflib.get_close_matches(name[:40], _MEMBERS, n=1)
    return f"Did you mean {near[0]}?" if near else f"Its members are: {', '.join(sorted(_MEMBERS))}."


def _time(document: JsonObject, name: str) -> int | None:
    raw_time = _text(document, name)
    if raw_time is None:
        return None
    try:
        return parse_timestamp(raw_time)
    except Misfit as misfit:
        raise Misfit(f"has a time in {name} that {misfit.rule}", misfit.remedy) from None
