"""Signs a log that nobody signed yet, because its operator says so."""

from __future__ import annotations

from pathlib import Path

from aegis_trio.audit.chain import BrokenRecord, ChainHead, begins_a_file, follow_record
from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.log_files import files_of_log, read_lines
from aegis_trio.audit.lost import AuditLost
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.opening import open_log
from aegis_trio.audit.recovery import judge_tail
from aegis_trio.audit.resume import is_signed_log
from aegis_trio.audit.signer import CheckpointSigner
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import CompactRange


def adopt_log(path: Path, key: SigningKey, ops: FileOps) -> int | None:
    """Sign every record that stands in the log at *path*.

    Returns:
        int | None: how many records are signed now; 0 where there is no log; None where it is signed already.

    Raises:
        AuditLost: another process has the log, or it is not a right one from record 0 on.
        LogUnavailable, OSError: the disk does not allow it.
    """
    if is_signed_log(path):
        return None
    if not path.exists() or path.stat().st_size == 0:
        return 0
    log = open_log(path, ops)
    try:
        _, torn = judge_tail(log)
        tree, head = CompactRange(), ChainHead()
        for file in files_of_log(path):
            for line in read_lines(file, 0, log.end - len(torn) if file == path else None):
                raw = line.raw.removesuffix(b"\n")
                try:
                    head, _ = follow_record(head, raw)
                except BrokenRecord as broken:
                    raise _unsignable(path, f"the record at byte {line.offset} of {file} is {broken}") from broken
                if line.number == 1 and not begins_a_file(raw):
                    raise _unsignable(path, f"{file} does not begin as a log does")
                tree.add(bytes.fromhex(head.prev))
        signer = CheckpointSigner(key, CheckpointFiles(path, ops), tree, bytes.fromhex(head.prev), 0)
        signer.write(log.end - len(torn))
    finally:
        log.close()
    return tree.size


def _unsignable(path: Path, reason: str) -> AuditLost:
    return AuditLost(
        f"AUDIT_LOG_PATH: {path} is not signed: {reason}. A tree begins with record 0: move this log away, and the "
        "new one is signed from its beginning."
    )
