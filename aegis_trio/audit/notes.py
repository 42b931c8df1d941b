"""Signed notes: a text, and beneath it who signed it. The form in which checkpoints and cosignatures travel.

Laws:
    1. What is verified is the text's bytes; nothing of a note counts before a known key's signature on it did.
    2. Signatures of unknown keys are ignored; a bad one of a known key spoils the whole note.
    3. What is parsed and written again is the same bytes: base64, numbers and names have one spelling.

Whom it trusts: nobody; keys come from whoever asks.

Source: c2sp.org/signed-note and c2sp.org/tlog-cosignature (C2SP repository, 5ba5ee8); the text form of signing keys
is that of Go's golang.org/x/mod/sumdb/note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NoReturn, final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aegis_trio.model.secret import MASK

MAX_NOTE_BYTES: Final = 1_000_000  # Source: golang.org/x/mod/sumdb/note, Open
MAX_SIGNATURES: Final = 100  # the same
SIGNATURE_START: Final = "\N{EM DASH} "

_ED25519_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_MAX_TIME_S: Final = 2**63 - 1
_PRIVATE: Final = "PRIVATE+KEY+"
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class SignatureKind(IntEnum):
    """What a signature is made over; the byte that a key's identifier is derived with."""

    NOTE = 0x01
    """Ed25519 over the text."""
    COSIGNATURE = 0x04
    """Ed25519 over a time and the text of a checkpoint (cosignature/v1)."""


@final
class MalformedNote(ValueError):
    """This is not a note, or not a key; the text says why, without the bytes."""


@final
class UntrustedNote(Exception):
    """No known key signed this note, or a known key's signature on it is wrong."""


@final
@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who may sign: a name, and an Ed25519 public key for one kind of signature."""

    name: str
    kind: SignatureKind
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || kind || public key)."""
        material = self.name.encode() + b"\n" + bytes((self.kind,)) + self.public
        return hashlib.sha256(material).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return the text form, `name+id+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes((self.kind,)) + self.public)}"


@final
class SigningKey:
    """A name and an Ed25519 private key, which is never shown but by `reveal`."""

    __slots__ = ("_private", "verifier")

    def __init__(self, name: str, kind: SignatureKind, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(_checked_name(name), kind, self._private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, kind: SignatureKind = SignatureKind.NOTE) -> SigningKey:
        """Make a new key.

        Raises:
            MalformedNote: the name is empty, or holds a space or plus.
        """
        return cls(name, kind, secrets.token_bytes(_ED25519_BYTES))

    @property
    def name(self) -> str:
        """The name that its signatures carry."""
        return self.verifier.name

    def reveal(self) -> str:
        """Return the text form, `PRIVATE+KEY+name+id+base64`; the caller must not log it."""
        material = encode_base64(bytes((self.verifier.kind,)) + self._private.private_bytes_raw())
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{material}"

    def sign(self, text: str, *, time_s: int | None = None) -> str:
        """Return the signature line for *text*, newline included.

        Args:
            text: of the note, ending in a newline.
            time_s: UTC seconds since 1970, for a cosignature; None for any other.

        Raises:
            ValueError: a time where none belongs, or none where one does — our bug.
        """
        if (time_s is None) == (self.verifier.kind is SignatureKind.COSIGNATURE):
            raise ValueError("cosignatures have a time, and no other signatures do")
        signature = self._private.sign(_message(text, time_s))
        if time_s is not None:
            signature = time_s.to_bytes(_TIME_BYTES) + signature
        return f"{SIGNATURE_START}{self.name} {encode_base64(self.verifier.key_id + signature)}\n"

    def __repr__(self) -> str:
        return f"SigningKey({self.name}, {MASK})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not pickled")


@final
@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line beneath a note, unverified."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """Return the line without its newline."""
        return f"{SIGNATURE_START}{self.name} {encode_base64(self.key_id + self.signature)}"


@final
@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and the signatures beneath it, unverified; `str` gives the note as it travels."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{signature}\n" for signature in self.signatures)


@final
@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A known key has signed."""

    key: VerifierKey
    time_s: int | None
    """When, UTC seconds since 1970, as a cosigner says; None for any other kind."""


def parse_note(raw_note: str) -> SignedNote:
    """Take a note apart.

    Raises:
        MalformedNote: it is not one.
    """
    if len(raw_note) > MAX_NOTE_BYTES or _CONTROL.search(raw_note):
        raise MalformedNote("it is too long, or holds control characters")
    text, blank, lines = raw_note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise MalformedNote("there are no signatures beneath it")
    return SignedNote(f"{text}\n", parse_signatures(lines))


def parse_signatures(raw_lines: str) -> tuple[NoteSignature, ...]:
    """Take signature lines apart, each with its newline; witnesses answer with such lines alone.

    Raises:
        MalformedNote: one is not of that form, or there are too many.
    """
    lines = raw_lines.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedNote(f"it has more than {MAX_SIGNATURES} signatures")
    return tuple(_parse_signature(line) for line in lines)


def parse_verifier_key(raw_key: str) -> VerifierKey:
    """Return the key of its text form.

    Raises:
        MalformedNote: it is none, or of a kind that is not verified here.
    """
    name, key_id, kind, material = _parse_key(raw_key)
    key = VerifierKey(name, kind, material)
    if key.key_id != key_id:
        raise MalformedNote("the identifier in the key is not that of its name and bytes")
    return key


def parse_signing_key(raw_key: str) -> SigningKey:
    """Return the private key of its text form.

    Raises:
        MalformedNote: it is none.
    """
    if not raw_key.startswith(_PRIVATE):
        raise MalformedNote(f"a signing key begins with {_PRIVATE}")
    name, key_id, kind, seed = _parse_key(raw_key.removeprefix(_PRIVATE))
    key = SigningKey(name, kind, seed)
    if key.verifier.key_id != key_id:
        raise MalformedNote("the identifier in the key is not that of its name and bytes")
    return key


def sign_note(text: str, keys: Iterable[SigningKey]) -> SignedNote:
    """Return *text*, which ends in a newline, signed by every one of *keys*."""
    lines = "".join(key.sign(text) for key in keys)
    return SignedNote(text, parse_signatures(lines))


def verify_note(note: SignedNote, keys: Sequence[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """Return the signatures of known keys, at least one; of each key the first counts.

    Raises:
        UntrustedNote: there is none, or a known key's signature is wrong.
    """
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, VerifiedSignature] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None and key not in verified:
            verified[key] = _verify(note.text, signature, key)
    if not verified:
        raise UntrustedNote("no known key has signed it")
    return tuple(verified.values())


def encode_base64(data: bytes) -> str:
    """Return *data* in base64. Source: RFC 4648 section 4."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(raw_text: str) -> bytes:
    """Return the bytes of base64 in its one spelling.

    Raises:
        MalformedNote: it is not that.
    """
    try:
        data = base64.b64decode(raw_text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedNote("something that must be base64 is not") from None
    if encode_base64(data) != raw_text:
        raise MalformedNote("base64 has unused bits that are set")
    return data


def _verify(text: str, signature: NoteSignature, key: VerifierKey) -> VerifiedSignature:
    raw, time_s = signature.signature, None
    if key.kind is SignatureKind.COSIGNATURE:
        time_s, raw = int.from_bytes(raw[:_TIME_BYTES]), raw[_TIME_BYTES:]
    if len(raw) != _SIGNATURE_BYTES or (time_s or 0) > _MAX_TIME_S:
        raise UntrustedNote(f"the signature of {key.name} is not of its form")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, _message(text, time_s))
    except InvalidSignature:
        raise UntrustedNote(f"the signature of {key.name} is not on this text") from None
    return VerifiedSignature(key, time_s)


def _message(text: str, time_s: int | None) -> bytes:
    # Source: c2sp.org/tlog-cosignature, "Ed25519 signed message"
    return (text if time_s is None else f"cosignature/v1\ntime {time_s}\n{text}").encode()


def _parse_signature(line: str) -> NoteSignature:
    name, space, raw_signature = line.removeprefix(SIGNATURE_START).partition(" ")
    if not line.startswith(SIGNATURE_START) or not space:
        raise MalformedNote("a line beneath it is no signature")
    data = decode_base64(raw_signature)
    if len(data) <= _KEY_ID_BYTES:
        raise MalformedNote("a signature is too short")
    return NoteSignature(_checked_name(name), data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _parse_key(raw_key: str) -> tuple[str, bytes, SignatureKind, bytes]:
    parts = raw_key.split("+", 2)
    if len(parts) != 3 or not re.fullmatch("[0-9a-f]{8}", parts[1]):
        raise MalformedNote("a key has the form name+identifier+base64")
    data = decode_base64(parts[2])
    if len(data) != 1 + _ED25519_BYTES or data[0] not in set(SignatureKind):
        raise MalformedNote("only Ed25519 keys, for notes or cosignatures, are known")
    return _checked_name(parts[0]), bytes.fromhex(parts[1]), SignatureKind(data[0]), data[1:]


def _checked_name(name: str) -> str:
    if not name or "+" in name or _CONTROL.search(name) or any(character.isspace() for character in name):
        raise MalformedNote("a key's name is not empty, and has no space or plus")
    return name
