"""People in the log under keyed names, so that a person can be forgotten and every hash and proof still holds.

    <log>.pii/index.key                         names the files of persons, so that a file name tells no name
    <log>.pii/<year-month>/general.key          for records that name no person
    <log>.pii/<year-month>/<32 hex>.key         for the records of one person
    <log>.pii/shredded/<32 hex>                 a person was forgotten, and no record says so yet

In a record `client_ip`, `user_agent`, and of a person `login`, `principal` and `grant` stand as `p1:` and 16
hexadecimal digits, the beginning of HMAC-SHA256(key of that person and month, field || 0 || value). A record that gives
a person's number alone is of whom other records said that it is; of nobody who can be found, where none said it yet.

Laws:
    1. A key is durable before a record that it was used in.
    2. Who has the keys can compute the name of somebody he thinks of; nobody can turn a name back. Without the key
       nobody can do either, and no two months can be linked.
    3. Forgetting is durable before it is done: what a kill leaves of it is finished by the gate.

Threat: an address has few values, so an unkeyed hash of it is the address. While its key exists, a pseudonym is still
personal data: the life of the keys is the real time of keeping. Copies of the keys undo the forgetting.

Not here: whom limits and blocks are about (they work on real addresses, in memory), the ordinary log.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.files import make_folder, sync_folder, write_all
from aegis_trio.audit.lost import LogUnavailable, reason_of
from aegis_trio.audit.replacing import replace_durably
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import as_timestamp

PERSON_FIELD: Final = "login"
PRINCIPAL_FIELD: Final = "principal"
FIELDS: Final = ("client_ip", "user_agent", PERSON_FIELD, PRINCIPAL_FIELD, "grant")
PREFIX: Final = "p1:"

_OF_PERSONS_ALONE: Final = frozenset({PRINCIPAL_FIELD, "grant"})  # a key's identifier is no person
_PERSON: Final = "person:"
_NOBODY: Final = frozenset({"local", "various"})
_GENERAL: Final = "general"
_INDEX: Final = "index.key"
_SHREDDED: Final = "shredded"
_KEY_BYTES: Final = 32
_DIGITS: Final = 16
_MONTH: Final = len("2026-02")


@final
@dataclass(frozen=True, slots=True)
class Shredded:
    """A person whose keys are gone, and of whom no record says so yet."""

    subject: str
    months: tuple[str, ...]


def pii_folder(log: Path) -> Path:
    """Return where the keys of a log stand."""
    return log.with_name(f"{log.name}.pii")


@final
class Pseudonyms:
    """Gives names for one writer. Methods block only where it is said."""

    def __init__(self, log: Path, ops: FileOps) -> None:
        """Take up the keys that are there. Blocks.

        Raises:
            LogUnavailable, OSError: they cannot be read, or the first one cannot be made.
        """
        self._folder = pii_folder(log)
        self._ops = ops
        self._keys: dict[tuple[str, str], bytes] = {}
        self._loaded: set[str] = set()
        self._fresh: list[tuple[str, str]] = []
        self._logins: dict[str, str] = {}
        make_folder(self._folder, ops)
        self._index = _read_key(self._folder / _INDEX) or _make_index(self._folder, ops)

    def apply(self, entry: AuditEntry, now_ns: int) -> AuditEntry:
        """Return *entry* with names for what tells of a person. At the first record of a month it looks at the disk."""
        login, principal = entry.fields.get(PERSON_FIELD), entry.fields.get(PRINCIPAL_FIELD)
        is_number = isinstance(principal, str) and principal.startswith(_PERSON)
        if is_number and not isinstance(login, str):
            login = self._logins.get(str(principal))
        month = as_timestamp(now_ns)[:_MONTH]
        if isinstance(login, str):
            key = self._key(month, subject_of(self._index, login))
            if is_number:
                self._logins[str(principal)] = login
        elif is_number:
            key = secrets.token_bytes(_KEY_BYTES)  # a key that stays could not be found when the person is forgotten
        else:
            key = self._key(month, _GENERAL)
        fields = dict(entry.fields)
        for name in FIELDS:
            value = fields.get(name)
            if isinstance(value, str) and (name not in _OF_PERSONS_ALONE or is_number or isinstance(login, str)):
                fields[name] = value if value in _NOBODY else pseudonym(key, name, value)
        return replace(entry, fields=fields)

    def persist(self) -> None:
        """Make every key durable that was handed out. Blocks: for the writer's thread.

        Raises:
            LogUnavailable: the disk does not allow it.
        """
        while self._fresh:
            month, subject = self._fresh[0]
            key = self._keys.get((month, subject))
            if key is not None:  # else it was forgotten in between
                try:
                    make_folder(self._folder / month, self._ops)
                    replace_durably(self._folder / month / f"{subject}.key", key, self._ops)
                except (OSError, LogUnavailable) as error:
                    # Without the name of the file, which readiness would show.
                    why = reason_of(error) if isinstance(error, OSError) else error.reason.rpartition(": ")[2]
                    raise LogUnavailable(f"a key of persons cannot be written: {why}") from error
            del self._fresh[0]

    def forget(self, subject: str) -> None:
        """Drop what memory holds of a person; a next record gets another name."""
        for month, known in list(self._keys):
            if known == subject:
                del self._keys[month, known]
        for principal, login in list(self._logins.items()):
            if subject_of(self._index, login) == subject:
                del self._logins[principal]

    def _key(self, month: str, subject: str) -> bytes:
        if month not in self._loaded:
            self._keys |= {(month, known): key for known, key in _keys_of_month(self._folder / month)}
            self._loaded.add(month)
        key = self._keys.get((month, subject))
        if key is None:
            key = self._keys[month, subject] = secrets.token_bytes(_KEY_BYTES)
            self._fresh.append((month, subject))
        return key


def pseudonym(key: bytes, field: str, value: str) -> str:
    """Return the name of *value* in *field*; Gitea takes logins of any case for the same, and so do their names."""
    text = value.casefold() if field == PERSON_FIELD else value
    digest = hmac.digest(key, field.encode() + b"\x00" + text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return PREFIX + digest.hex()[:_DIGITS]


def subject_of(index: bytes, login: str) -> str:
    """Return the name of a person's key files."""
    return hmac.digest(index, login.casefold().encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:32]


def pseudonyms_of(log: Path, field: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield every month with a name that *value* may have in *field*, by any key that is there. Blocks.

    Raises:
        OSError: the keys cannot be read.
    """
    for folder in _months(pii_folder(log)):
        for _, key in _keys_of_month(folder):
            yield folder.name, pseudonym(key, field, value)


def shred(log: Path, login: str, ops: FileOps) -> Shredded | None:
    """Destroy every key of a person; None when there is none. Blocks.

    The gate records it, at its next look or start.

    Raises:
        LogUnavailable, OSError: the disk does not allow it; repeat it.
    """
    folder = pii_folder(log)
    index = _read_key(folder / _INDEX)
    if index is None:
        return None
    subject = subject_of(index, login)
    months = tuple(month.name for month in _months(folder) if (month / f"{subject}.key").exists())
    if not months:
        return None
    found = Shredded(subject, months)
    make_folder(folder / _SHREDDED, ops)
    replace_durably(folder / _SHREDDED / subject, f"{json.dumps({'months': months})}\n".encode(), ops)
    finish_shredding(log, found, ops)
    return found


def pending_shreddings(log: Path) -> list[Shredded]:
    """Return who was forgotten, and stands in no record yet. Blocks.

    Raises:
        OSError: the folder cannot be read.
    """
    found: list[Shredded] = []
    folder = pii_folder(log) / _SHREDDED
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix:  # a draft of a kill
            continue
        months = (parse(file.read_bytes()) or {}).get("months")
        found.append(Shredded(file.name, tuple(str(month) for month in months) if isinstance(months, list) else ()))
    return found


def finish_shredding(log: Path, shredded: Shredded, ops: FileOps) -> None:
    """Destroy what is still there of a person's keys. Blocks.

    Raises:
        LogUnavailable, OSError: the disk does not allow it.
    """
    for month in _months(pii_folder(log)):
        for file in (month / f"{shredded.subject}.key", month / f"{shredded.subject}.key.new"):  # a kill left a draft
            if file.exists():
                _overwrite(file, ops)
                ops.unlink(file)
                sync_folder(month, ops)


def settle_shredding(log: Path, shredded: Shredded, ops: FileOps) -> None:
    """Take away the notice: a record says it now. Blocks.

    Raises:
        OSError: the disk does not allow it.
    """
    with suppress(FileNotFoundError):
        ops.unlink(pii_folder(log) / _SHREDDED / shredded.subject)
    sync_folder(pii_folder(log) / _SHREDDED, ops)


def _make_index(folder: Path, ops: FileOps) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    replace_durably(folder / _INDEX, key, ops)
    return key


def _months(folder: Path) -> list[Path]:
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [month for month in found if len(month.name) == _MONTH and month.is_dir()]


def _keys_of_month(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.glob("*.key")):
        key = _read_key(file)
        if key is not None:
            yield file.stem, key


def _read_key(file: Path) -> bytes | None:
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _overwrite(file: Path, ops: FileOps) -> None:
    # What the disk keeps of old blocks is beyond a program; this is what it can do.
    fd = ops.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        write_all(fd, bytes(_KEY_BYTES), ops)
        ops.fdatasync(fd)
    finally:
        ops.close(fd)
