"""A log in one thread, signed or not, which rotates when it is told to; every system call can be its last one."""

from __future__ import annotations

from pathlib import Path

from aegis_trio.audit.chain import ChainHead
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.opening import open_log
from aegis_trio.audit.recovery import open_and_recover
from aegis_trio.audit.rotation import Unsettled, rotate, rotation_record
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import leaf_digest
from aegis_trio.model.clock import SetClock
from tests.audit.conftest import NOON_NS
from tests.audit.logs import lines_of


class Life:
    """A log in one thread that rotates when it is told to."""

    def __init__(self, path: Path, key: SigningKey | None, ops: FileOps | None = None) -> None:
        self.path, self.ops = path, ops or FileOps()
        opened = open_and_recover(path, SetClock(NOON_NS), self.ops, key)
        self.file, self.head, self.signer = opened.file, opened.head, opened.signer

    def ticks(self, count: int) -> None:
        lines, head = lines_of(count, head=self.head)
        self.file.append(b"".join(lines))
        self._reach(head, lines)

    def rotate(self) -> None:
        self.sign()
        tree = None if self.signer is None else self.signer.tree
        line, head = rotation_record(self.head, self.file, "size", tree, NOON_NS)
        try:
            self.file = rotate(self.file, line, self.ops)
        except Unsettled as unsettled:
            if not unsettled.next_file.stands():
                raise
            self.file = open_log(self.path, FileOps())
        self._reach(head, [line])

    def sign(self) -> None:
        if self.signer is not None:
            self.signer.write(self.file.end)

    def _reach(self, head: ChainHead, lines: list[bytes]) -> None:
        self.head = head
        if self.signer is not None:
            self.signer.add([leaf_digest(line.removesuffix(b"\n")) for line in lines], 0.0)
