"""Signed logs for tests, made step by step in one thread, so that every system call can be the last one."""

from __future__ import annotations

from pathlib import Path

from aegis_trio.audit.chain import seal
from aegis_trio.audit.entry import AuditEntry, Phase
from aegis_trio.audit.notes import SignatureKind, SigningKey
from aegis_trio.audit.recovery import Opened, draft, open_and_recover
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import SetClock
from tests.audit.conftest import NOON_NS
from tests.audit.logs import tick

KEY = SigningKey("gate.example/audit/1f0c9a2b-3d4e-4f60-8a7b-9c0d1e2f3a4b", SignatureKind.NOTE, b"\x01" * 32)
STRANGER = SigningKey(KEY.name, SignatureKind.NOTE, b"\x02" * 32)


def beside(path: Path, suffix: str) -> Path:
    """Return the file `<log>.<suffix>`."""
    return path.with_name(f"{path.name}.{suffix}")


class SignedLog:
    """A log that was opened with a key; appends and signs when it is told to."""

    def __init__(self, path: Path, ops: FileOps | None = None, key: SigningKey = KEY) -> None:
        opened: Opened = open_and_recover(path, SetClock(NOON_NS), ops or FileOps(), key)
        assert opened.signer is not None
        self.file, self.head, self.signer = opened.file, opened.head, opened.signer
        self.durable = self.head.next_seq

    def append(self, *entries: AuditEntry) -> None:
        """Make records durable, and then leaves of the tree."""
        lines: list[bytes] = []
        leaves: list[bytes] = []
        head = self.head
        for entry in entries:
            line, head = seal(head, draft(entry, NOON_NS), entry.phase)
            lines.append(line)
            leaves.append(bytes.fromhex(head.prev))
        self.file.append(b"".join(lines))
        self.head = head
        self.signer.add(leaves, 0.0)
        self.durable = head.next_seq

    def ticks(self, count: int) -> None:
        """Append numbered records."""
        self.append(*(tick(number, Phase.EVENT) for number in range(count)))

    def sign(self) -> None:
        """Write a checkpoint."""
        self.signer.write(self.file.end)

    def close(self) -> None:
        """Give the log back without a last checkpoint, as a kill does."""
        self.file.close()


def make_signed_log(path: Path, sizes: tuple[int, ...] = (10, 10, 10), *, tail: int = 0) -> None:
    """Make a log with a checkpoint after each of *sizes*, and *tail* records that none covers."""
    log = SignedLog(path)
    for size in sizes:
        log.ticks(size)
        log.sign()
    if tail:
        log.ticks(tail)
    log.close()
