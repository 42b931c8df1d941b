"""Encryption for named recipients, in the format of age; the library `pyrage`, and nothing of our own.

Whom it trusts: whoever holds one of the identities can read; nobody is authenticated as the writer. Signatures on the
log do that.

Source: age-encryption.org/v1; X25519 recipients `age1…`, identities `AGE-SECRET-KEY-1…`.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from io import BufferedIOBase
from typing import Final, TypeAlias, final

import pyrage
from pyrage import x25519  # pyright: ignore[reportMissingModuleSource]  # compiled

_RECIPIENT: Final = "age1"
_NOT_FOR_US: Final = "No matching keys"
_IDENTITY: Final = "AGE-SECRET-KEY-1"


Recipient: TypeAlias = x25519.Recipient
"""A public key; `str` gives `age1…`."""

Identity: TypeAlias = x25519.Identity
"""A private key; `to_public` gives whose files it reads."""


@final
class MalformedAgeKey(ValueError):
    """A text is no recipient or identity; the message does not hold it."""


@final
class NotForUs(Exception):
    """None of the identities reads this file."""


def new_identity() -> Identity:
    """Return a new private key."""
    return x25519.Identity.generate()


def parse_recipient(raw_recipient: str) -> Recipient:
    """Return the recipient of `age1…`.

    Raises:
        MalformedAgeKey: it is none.
    """
    try:
        return x25519.Recipient.from_str(raw_recipient)
    except pyrage.RecipientError:
        raise MalformedAgeKey(f"a recipient begins with {_RECIPIENT} and has a checksum, which this has not") from None


def parse_identities(raw_file: str) -> list[Identity]:
    """Return the identities of a file as `age-keygen` makes it: one a line, `#` before comments.

    Raises:
        MalformedAgeKey: a line is none, or there is none.
    """
    lines = [line.strip() for line in raw_file.splitlines()]
    try:
        found = [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        raise MalformedAgeKey(f"an identity begins with {_IDENTITY}, and a line here is none") from None
    if not found:
        raise MalformedAgeKey("there is no identity in it")
    return found


def encrypt(source: BufferedIOBase, sink: BufferedIOBase, recipients: Sequence[Recipient]) -> None:
    """Encrypt everything that *source* gives.

    Raises:
        OSError: reading or writing failed.
    """
    pyrage.encrypt_io(source, sink, list(recipients))


def decrypt(source: BufferedIOBase, sink: BufferedIOBase, identities: Sequence[Identity]) -> None:
    """Decrypt everything that *source* gives.

    Raises:
        NotForUs: see there.
        OSError: it was changed or is not whole, or reading or writing failed.
    """
    if not identities:
        raise NotForUs
    try:
        pyrage.decrypt_io(source, sink, list(identities))
    except pyrage.DecryptError as error:
        if _NOT_FOR_US in str(error):
            raise NotForUs from error
        raise OSError(errno.EILSEQ, str(error)) from error
