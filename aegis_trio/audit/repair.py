"""Goes on with a signed log of which records are missing or changed, when a person has decided to.

Laws:
    1. Nothing is thrown away: the file that is there is moved to `<log>.rejected-<time>`.
    2. The first record of the new file is `audit_repaired`. It stands where the newest checkpoint ended, carries the
       tree of what was signed, and is signed at once: every earlier checkpoint and pin still holds.
    3. Without a state that leads to the newest signed root there is nothing to go on from, and a new log must begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from aegis_trio.audit.chain import REPAIRED_EVENT, TREE_FIELD, ChainHead, seal, tree_field
from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.entry import service_event
from aegis_trio.audit.files import sync_folder
from aegis_trio.audit.lost import AuditLost, LogCannotOpen, LogIsHeld
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.opening import open_log
from aegis_trio.audit.recovery import draft, open_and_recover
from aegis_trio.audit.resume import newest_provable
from aegis_trio.audit.signer import CheckpointSigner
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import WallClock, as_timestamp


@final
@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done."""

    reason: str
    """Why the log was not continued."""
    rejected: Path
    """Where the file is now."""
    seq: int
    """Of the record that says so."""


def accept_loss(path: Path, key: SigningKey, clock: WallClock, ops: FileOps) -> Repaired | None:
    """Go on with the log at *path*, or return None when nothing is wrong with it.

    Raises:
        AuditLost: it cannot be opened, another process has it, or there is nothing to go on from.
        LogUnavailable, OSError: the disk does not allow it.
    """
    try:
        open_and_recover(path, clock, ops, key).file.close()
    except (LogCannotOpen, LogIsHeld):
        raise
    except AuditLost as lost:
        reason = str(lost)
    else:
        return None
    state = newest_provable(path, key, ops)
    if state is None or state.size == 0:
        raise AuditLost(
            f"AUDIT_LOG_PATH: {path} cannot be repaired: nothing beside it leads to the newest signed root. Move it "
            "and the files beside it away, make another key with `aegis-trio audit init`, and a new log begins."
        )
    rejected = _move_away(path, clock, ops)
    log = open_log(path, ops)
    try:
        tree = state.tree()
        entry = service_event(
            REPAIRED_EVENT,
            reason=_without_place(reason, path),
            rejected=rejected.name,
            **{TREE_FIELD: tree_field(tree)},
        )
        line, head = seal(ChainHead(state.size, state.leaf.hex()), draft(entry, clock.now_ns()), entry.phase)
        log.append(line)
        signer = CheckpointSigner(key, CheckpointFiles(path, ops), tree, state.leaf, state.size)
        signer.add([bytes.fromhex(head.prev)], 0.0)
        signer.write(log.end)
    finally:
        log.close()
    return Repaired(reason, rejected, state.size)


def _move_away(path: Path, clock: WallClock, ops: FileOps) -> Path:
    held = open_log(path, ops)  # nobody else writes it while it moves
    try:
        stamp = as_timestamp(clock.now_ns()).replace(":", "").replace("-", "")
        rejected = path.with_name(f"{path.name}.rejected-{stamp}")
        number = 1
        while rejected.exists():
            rejected = path.with_name(f"{path.name}.rejected-{stamp}-{number}")
            number += 1
        ops.replace(path, rejected)
        sync_folder(path.parent, ops)
    finally:
        held.close()
    return rejected


def _without_place(reason: str, path: Path) -> str:
    return reason.partition(" is not continued: ")[2].partition(". ")[0] or reason.replace(str(path), path.name)
