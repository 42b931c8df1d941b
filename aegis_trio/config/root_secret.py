"""The root secret: given by the operator, or made once beside the audit log.

Laws:
    1. It is made whole or not at all, with mode 0600; two processes that make it at once get the same one.
    2. A file that is there is never overwritten, whatever it holds.

Whom it trusts: whoever can read the file can forge cursors and session tickets, and undo digests of arguments.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults, Misfit
from aegis_trio.config.parsing import parse_ring
from aegis_trio.model.keyring import Keyring
from aegis_trio.model.secret import Secret

ROOT_FILE_NAME: Final = "root.key"
_ROOT_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RootSecretSettings:
    """Where the root secret is."""

    roots: tuple[Secret, ...] = ()
    """Given by `ROOT_SECRET`, newest first; empty when the file decides."""
    path: Path
    """The file that is read, or made, when none is given."""


def open_keyring(settings: RootSecretSettings) -> Keyring:
    """Return the keyring, making its file at the first start.

    Raises:
        ConfigurationFaults: the file cannot be read or made, or holds no secret of enough bytes.
    """
    if settings.roots:
        return Keyring(settings.roots)
    try:
        text = _read_or_make(settings.path)
        return Keyring(parse_ring(text))
    except OSError as error:
        rule = f"cannot be read or made: {(error.strerror or 'error').lower()}"
        raise _refused(settings.path, rule, "Make its folder writable, or set ROOT_SECRET.") from None
    except (Misfit, UnicodeDecodeError, ValueError):
        raise _refused(
            settings.path, "holds no root secret", "Restore it, or remove it so that a new one is made."
        ) from None


def _read_or_make(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 -- a descriptor has no path
            file.write(f"{secrets.token_hex(_ROOT_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        # Invariant: link fails when the name is taken, so of two processes one makes the file and both read it.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)
    return path.read_text(encoding="utf-8")


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, rule: str, remedy: str) -> ConfigurationFaults:
    return ConfigurationFaults([ConfigurationFault(variable="ROOT_SECRET", rule=f"{path} {rule}", remedy=remedy)])
