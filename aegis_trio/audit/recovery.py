"""What is done with a log that was there before: judged at its tail, repaired when a crash tore it, else refused.

Laws:
    1. Bytes after the last newline were never acknowledged: they are moved to `<log>.torn-<time>`, and a record
       `audit_recovered` says how many they were and what they hash to.
    2. What was signed must be there (resume), before anything is repaired.
    3. Anything else that is not the chain we wrote is not repaired: the process does not start.
    4. Memory is bounded: the last `TAIL_BYTES` are looked at. `aegis_trio.audit.reader` looks at everything.

Trade: a crash between cutting the torn bytes off and recording it leaves the torn file without its record.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.canonical import MAX_LINE_BYTES, render
from aegis_trio.audit.chain import (
    LINE_START,
    RESUMED_EVENT,
    TREE_FIELD,
    BrokenRecord,
    ChainHead,
    begins_a_file,
    follow,
    leaf_hash,
    seal,
    tree_field,
)
from aegis_trio.audit.entry import AuditEntry, service_event
from aegis_trio.audit.files import LogFile, write_aside
from aegis_trio.audit.log_files import line_before, sealed_files
from aegis_trio.audit.lost import AuditLost, LogUnavailable, reason_of
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.opening import open_log, reopen_log, tidy_rotation
from aegis_trio.audit.resume import refuse_signed_log, resume_signing
from aegis_trio.audit.signer import CheckpointSigner
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import WallClock, as_timestamp
from aegis_trio.model.json import JsonValue

BATCH_BYTES: Final = 1024 * 1024  # what is written at once, and so what a crash can tear
TAIL_BYTES: Final = 4 * BATCH_BYTES  # a torn batch, and at least three whole ones before it
RECOVERED_EVENT: Final = "audit_recovered"
_MAX_TORN_FILES: Final = 100


def draft(entry: AuditEntry, now_ns: int) -> str:
    """Return *entry* as canonical text with its time; the chain's fields are still missing."""
    return render({"timestamp": as_timestamp(now_ns), "event": entry.event, **entry.fields})


def resumed_entry(signer: CheckpointSigner | None, reason: str, **fields: JsonValue) -> AuditEntry:
    """Return the record that the log goes on, which may be the first of a file: it says what stands before it."""
    tree: dict[str, JsonValue] = {} if signer is None else {TREE_FIELD: tree_field(signer.tree)}
    return service_event(RESUMED_EVENT, reason=reason, **fields, **tree)


@final
@dataclass(frozen=True, slots=True)
class Opened:
    """A log that may be continued."""

    file: LogFile
    head: ChainHead
    signer: CheckpointSigner | None
    """None where nobody signs."""


def open_and_recover(path: Path, clock: WallClock, ops: FileOps, key: SigningKey | None = None) -> Opened:
    """Open the log at start and bring it into order.

    Raises:
        AuditLost: it cannot be opened, or is not a log that may be continued.
    """
    log = open_log(path, ops)
    try:
        return _recover(log, clock, ops, key)
    except (LogUnavailable, OSError) as error:
        log.close()
        raise AuditLost(f"AUDIT_LOG_PATH: {path} cannot be repaired after a crash: {reason_of(error)}.") from error
    except AuditLost:
        log.close()
        raise


def reopen_and_compare(lost: LogFile, head: ChainHead, ops: FileOps) -> LogFile:
    """Open the log again after a fault, and make sure that its last record is the last acknowledged one.

    Raises:
        LogUnavailable: the disk is not back, or this is another log.
    """
    log = reopen_log(lost, ops)
    try:
        last_line = log.tail(MAX_LINE_BYTES).removesuffix(b"\n").rpartition(b"\n")[2]
        if log.end > 0 and leaf_hash(last_line) != head.prev:
            raise LogUnavailable("the log file was changed by another program")
    except OSError as error:
        log.close()
        raise LogUnavailable(reason_of(error)) from error
    except LogUnavailable:
        log.close()
        raise
    return log


def _recover(log: LogFile, clock: WallClock, ops: FileOps, key: SigningKey | None) -> Opened:
    head, torn = judge_tail(log)
    signer: CheckpointSigner | None = None
    # Invariant: nothing is moved or written before what was signed has been seen to be there.
    if key is None:
        refuse_signed_log(log.path)
        head = head if log.end > len(torn) else _head_of_segments(log)
    else:
        signer, head = resume_signing(log.path, key, ops, log.end - len(torn))
    tidy_rotation(log.path, ops)
    if torn:
        _put_aside(log, torn, clock.now_ns(), ops)
        log.cut(log.end - len(torn))
    if log.end == 0 and head.next_seq > 0:
        head = _append(log, head, signer, resumed_entry(signer, "the log goes on in a new file"), clock)
    if torn:
        digest = hashlib.sha256(torn).hexdigest()
        head = _append(log, head, signer, service_event(RECOVERED_EVENT, bytes=len(torn), sha256=digest), clock)
    return Opened(log, head, signer)


def judge_tail(log: LogFile) -> tuple[ChainHead, bytes]:
    """Return where the chain of the log ends, and the torn bytes behind it.

    Raises:
        AuditLost: it is not a log of ours.
    """
    tail = log.tail(TAIL_BYTES)
    whole = tail.rfind(b"\n") + 1
    torn = tail[whole:]
    if torn and not may_be_torn(torn):
        raise _refusal(log, log.end - len(torn), "bytes that no crash of ours leaves behind")
    # A tail that does not reach the start of the file begins inside a line.
    first = 0 if len(tail) == log.end else tail.find(b"\n", 0, MAX_LINE_BYTES) + 1
    if first == 0 and len(tail) < log.end:
        raise _refusal(log, log.end - len(tail), f"longer than {MAX_LINE_BYTES} bytes")
    return _follow_all(log, tail[first:whole], log.end - len(tail) + first), torn


def _head_of_segments(log: LogFile) -> ChainHead:
    """Return where the chain stands when the active file holds nothing: behind the newest segment, or nowhere."""
    segments = sealed_files(log.path)
    if not segments:
        return ChainHead()
    size = segments[-1].stat().st_size
    try:
        return follow(None, line_before(segments[-1], size) or b"")
    except BrokenRecord as broken:
        raise _refusal(log, 0, f"missing, and the last one of {segments[-1].name} is {broken}") from broken


def _follow_all(log: LogFile, lines: bytes, offset: int) -> ChainHead:
    head: ChainHead | None = None
    for line in lines.split(b"\n")[:-1]:
        try:
            follows = follow(head, line)
        except BrokenRecord as broken:
            raise _refusal(log, offset, str(broken)) from broken
        if offset == 0 and not begins_a_file(line):
            raise _refusal(log, offset, "not the first record of a log")
        head = follows
        offset += len(line) + 1
    return head or ChainHead()


def may_be_torn(torn: bytes) -> bool:
    """Return whether bytes behind the last newline may be what a crash of ours left there."""
    # Threat: a wrong AUDIT_LOG_PATH names somebody else's file; its bytes are not ours to move. After a power loss the
    # file system may show zeros where bytes were promised.
    begins_as_ours = torn.startswith(LINE_START[: len(torn)]) or not torn.strip(b"\x00")
    return begins_as_ours and len(torn) <= BATCH_BYTES + MAX_LINE_BYTES


def _append(
    log: LogFile, head: ChainHead, signer: CheckpointSigner | None, entry: AuditEntry, clock: WallClock
) -> ChainHead:
    line, head = seal(head, draft(entry, clock.now_ns()), entry.phase)
    log.append(line)
    if signer is not None:
        signer.add([bytes.fromhex(head.prev)], float("-inf"))
    return head


def _put_aside(log: LogFile, torn: bytes, now_ns: int, ops: FileOps) -> None:
    stamp = as_timestamp(now_ns).replace(":", "").replace("-", "")
    for number in range(_MAX_TORN_FILES):
        name = f"{log.path.name}.torn-{stamp}" + (f"-{number}" if number else "")
        try:
            write_aside(log.path.with_name(name), torn, ops)
        except FileExistsError:
            continue
        return
    raise LogUnavailable("there are too many torn files of this moment")


def _refusal(log: LogFile, offset: int, reason: str) -> AuditLost:
    return AuditLost(
        f"AUDIT_LOG_PATH: {log.path} is not continued: the record at byte {offset} is {reason}. Keep the file as "
        "evidence and find out who changed it. To serve meanwhile: `aegis-trio audit repair --accept-loss` goes on "
        "with a signed log; any other begins anew when it is moved away."
    )
