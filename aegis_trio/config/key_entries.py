"""Key entries: what MCP_API_KEYS and GITEA_KEY_TOKENS say, entry by entry.

Laws:
    1. A plain key becomes a digest here; no later room ever holds its text.
    2. A fault names the entry by its place or its hint, never by its text.
    3. Every key has exactly one Gitea identity, or the configuration is refused: there is no fallback at a call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.keytext import (
    ADVISED_KEY_CHARS,
    MIN_KEY_CHARS,
    DigestScheme,
    is_hint,
    parse_key,
)
from aegis_trio.auth.settings import ConfiguredKey
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_token, split_entries
from aegis_trio.model.secret import Secret

_HASHED: Final = re.compile(r"(sha256|hmac):([0-9a-fA-F]{64})(?::(.+))?", re.ASCII)
_REMEDY: Final = "Make one with `aegis-trio keygen`."


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """One entry of MCP_API_KEYS."""

    scheme: DigestScheme
    digest: bytes
    hint: str | None
    kid: str | None
    short: bool
    """Fewer characters than recommended."""

    @property
    def label(self) -> str:
        """What the operator calls it: its hint, or the beginning of its digest."""
        return self.hint or f"{self.scheme.value}:{self.digest.hex()[:8]}"


def parse_key_entry(raw_entry: str) -> KeyEntry:
    """Make one entry of *raw_entry*.

    Raises:
        Misfit: too short, a character that no header carries, a wrong checksum, or a digest that is none.
    """
    hashed = _HASHED.fullmatch(raw_entry)
    if hashed is not None:
        hint: str | None = hashed[3]
        if hint is not None and not is_hint(hint):
            raise Misfit("has something behind its digest that is no hint", "Write a hint such as :a1b2c3d4...e1f2.")
        return KeyEntry(
            scheme=DigestScheme(hashed[1]), digest=bytes.fromhex(hashed[2]), hint=hint, kid=None, short=False
        )
    if raw_entry.startswith(("sha256:", "hmac:")):
        raise Misfit("is not a digest of 64 hexadecimal characters", "Make one with `aegis-trio keygen --hash`.")
    if len(raw_entry) < MIN_KEY_CHARS:
        raise Misfit(f"has {len(raw_entry)} characters, fewer than {MIN_KEY_CHARS}", _REMEDY)
    text = parse_key(raw_entry)
    if text is None:
        raise Misfit("is too long, holds a character that a key cannot have, or its checksum is wrong", _REMEDY)
    return KeyEntry(
        scheme=DigestScheme.SHA256,
        digest=text.digest(DigestScheme.SHA256, None),
        hint=text.hint,
        kid=text.kid,
        short=len(text.body) < ADVISED_KEY_CHARS,
    )


def parse_key_entries(raw_keys: str) -> tuple[list[KeyEntry], list[Misfit]]:
    """Return the entries of *raw_keys*, and what is wrong with those that are none."""
    entries: list[KeyEntry] = []
    misfits: list[Misfit] = []
    raw_entries = split_entries(raw_keys)
    for place, raw_entry in enumerate(raw_entries, start=1):
        try:
            entries.append(parse_key_entry(raw_entry))
        except Misfit as misfit:
            misfits.append(Misfit(f"key {place} of {len(raw_entries)} {misfit.rule}", misfit.remedy))
    return entries, misfits


def parse_key_tokens(raw_tokens: str) -> tuple[dict[str, Secret], list[Misfit]]:
    """Return the Gitea tokens in *raw_tokens* by the hint of their key, and what is wrong with the others."""
    tokens: dict[str, Secret] = {}
    misfits: list[Misfit] = []
    raw_entries = split_entries(raw_tokens)
    for place, raw_entry in enumerate(raw_entries, start=1):
        hint, separator, raw_token = (part.strip() for part in raw_entry.partition("="))
        where = f"entry {place} of {len(raw_entries)}"
        if not separator or not is_hint(hint):
            misfits.append(Misfit(f"{where} is not <hint>=<token>", "Write a1b2c3d4...e1f2=<token of Gitea>."))
        elif hint in tokens:
            misfits.append(Misfit(f"{where} gives {hint} a second token", "Keep one of them."))
        else:
            try:
                tokens[hint] = parse_token(raw_token)
            except Misfit as misfit:
                misfits.append(Misfit(f"{where} ({hint}) {misfit.rule}", misfit.remedy))
    return tokens, misfits


def misnamed_hints(entries: Sequence[KeyEntry], tokens: Mapping[str, Secret]) -> list[Misfit]:
    """Return what is wrong with the hints of *tokens*: each must name exactly one key."""
    misfits: list[Misfit] = []
    hints = [entry.hint for entry in entries]
    known = ", ".join(entry.label for entry in entries) or "none"
    for hint in tokens:
        if hints.count(hint) == 0:
            misfits.append(Misfit(f"{hint} names no key of MCP_API_KEYS", f"The keys there are: {known}."))
        elif hints.count(hint) > 1:
            misfits.append(Misfit(f"{hint} names more than one key of MCP_API_KEYS", "Replace one of these keys."))
    return misfits


def bind_identities(
    entries: Sequence[KeyEntry],
    tokens: Mapping[str, Secret],
    bot_token: Secret | None,
    own_tokens: Mapping[str, Secret],
) -> tuple[tuple[ConfiguredKey, ...], list[str]]:
    """Give each key its Gitea identity.

    Args:
        tokens: by the hint of the key.
        bot_token: of every other key.
        own_tokens: by the id of the key; they go before all others.

    Returns:
        tuple: the keys that have one, and the labels of those that have none.
    """
    keys: list[ConfiguredKey] = []
    without: list[str] = []
    for entry in entries:
        token = tokens.get(entry.hint, bot_token) if entry.hint is not None else bot_token
        token = own_tokens.get(entry.kid, token) if entry.kid is not None else token
        if token is None:
            without.append(entry.label)
        else:
            keys.append(
                ConfiguredKey(
                    scheme=entry.scheme, digest=entry.digest, gitea_token=token, hint=entry.hint, kid=entry.kid
                )
            )
    return tuple(keys), without
