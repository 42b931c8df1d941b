"""A program that forks small lives of a log, each of which waits until somebody has attached to it.

`python -m tests.audit.forking`; a line with the path of a log begins a life, and its process is printed; the next line
lets it go; then its exit status, how many records it had acknowledged, and whether it had forgotten a person are
printed. A life opens the log, appends, signs, rotates, packs, names a person and forgets it: in one thread, so that the
same call is the same call every time. Exit status: 0 done, 3 the disk did not allow it, 4 a bug, -9 killed.

Everything is imported and done once before the first life, so that no call of a life is one of Python's own.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
import tempfile
import traceback
from pathlib import Path

from aegis_trio.audit.age import Identity, parse_identities
from aegis_trio.audit.log_files import sealed_files
from aegis_trio.audit.lost import AuditLost, LogUnavailable
from aegis_trio.audit.packing import pack
from aegis_trio.audit.pseudonyms import Pseudonyms, shred
from aegis_trio.audit.rotation import CannotRotate
from aegis_trio.audit.system_calls import FileOps
from tests.audit.conftest import NOON_NS
from tests.audit.lives import Life
from tests.audit.signed import KEY
from tests.audit.test_pseudonyms import person

PR_SET_PTRACER, ANYBODY = 0x59616D61, -1
LOGIN = "ada"
# Made for these tests, and known to everybody who reads them.
IDENTITY: Identity = parse_identities("AGE-SECRET-KEY-1NW4DSSGRH6K3D5AQSQ5745402F53ZDXDK9QFNV6APRJ05MJNYENS4W7ZC4")[0]
RECIPIENT = IDENTITY.to_public()
BOARD = struct.Struct("qq")


class Board:
    """What a life says without a system call, and what outlives it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, BOARD.size)

    def say(self, acknowledged: int, forgotten: int) -> None:
        BOARD.pack_into(self._memory, 0, acknowledged, forgotten)

    def read(self) -> tuple[int, int]:
        acknowledged, forgotten = BOARD.unpack_from(self._memory)
        return acknowledged, forgotten


def nothing() -> None:
    """Look for a cancellation where there is none."""


def live(path: Path, board: Board) -> None:
    """Do everything that a writer and a keeper do."""
    ops = FileOps()
    life = Life(path, KEY, ops)
    names = Pseudonyms(path, ops)
    names.apply(person(LOGIN), NOON_NS)
    names.persist()
    for _ in range(2):
        life.ticks(2)
        board.say(life.head.next_seq, 0)
        try:
            life.rotate()
        except CannotRotate:
            life.ticks(1)
        board.say(life.head.next_seq, 0)
    for segment in sealed_files(path)[:-1]:
        pack(segment, [RECIPIENT], ops, nothing)
    shred(path, LOGIN, ops)
    board.say(life.head.next_seq, 1)
    life.sign()
    life.file.close()


def status_of(path: Path, board: Board) -> int:
    """Live, and return how it went."""
    try:
        live(path, board)
    except (LogUnavailable, AuditLost, OSError):
        return 3
    except BaseException:  # noqa: BLE001, ASYNC103 -- a fork must not go on as its parent, and no trio runs in it
        traceback.print_exc()
        return 4  # noqa: ASYNC104 -- the same
    return 0


def main() -> None:
    """Fork a life for each pair of lines."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_long(ANYBODY))
    board = Board()
    with tempfile.TemporaryDirectory() as folder:
        live(Path(folder) / "audit.log", board)
    while path := sys.stdin.readline().strip():
        board.say(0, 0)
        waiting, go = os.pipe()
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_long(ANYBODY))
            os.read(waiting, 1)
            os._exit(status_of(Path(path), board))
        print(child, flush=True)
        sys.stdin.readline()
        os.write(go, b"!")
        os.close(go)
        os.close(waiting)
        _, status = os.waitpid(child, 0)
        acknowledged, forgotten = board.read()
        print(os.waitstatus_to_exitcode(status), acknowledged, forgotten, flush=True)


if __name__ == "__main__":
    main()
