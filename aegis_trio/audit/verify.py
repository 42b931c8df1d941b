"""Verifies a whole log, alone with its files: every line, the chain, the tree, and what was signed or pinned.

Laws:
    1. Memory is constant, whatever the files hold.
    2. The first thing that is wrong is named by file, line, sequence, byte and reason; nothing behind it is judged.
    3. A line counts only when it is the one form of what it says (canonical), so no two readers see different records.
    4. What stands behind the last checkpoint is chained and not signed: it is counted, never called proved.

Not here: words and exit codes (cli), which files (log_files), who signed (claims).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.age import Identity
from aegis_trio.audit.canonical import MAX_LINE_BYTES
from aegis_trio.audit.chain import (
    PRUNED_EVENT,
    REPAIRED_EVENT,
    BrokenRecord,
    ChainHead,
    begins_a_file,
    follow_link,
    follow_record,
    tree_before,
)
from aegis_trio.audit.checkpoint_files import NotesFault
from aegis_trio.audit.claims import Claim, claims_about
from aegis_trio.audit.log_files import Line, read_lines
from aegis_trio.audit.notes import VerifierKey
from aegis_trio.audit.open_intents import OpenIntents
from aegis_trio.audit.packing import DamagedSegment
from aegis_trio.audit.recovery import may_be_torn
from aegis_trio.audit.tree import CompactRange, leaf_digest
from aegis_trio.model.json import JsonObject

_TIME: Final = slice(15, 42)  # of a line: what stands behind `{"timestamp": "`


@final
@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong."""

    file: Path
    line: int | None
    """From 1, as editors count; None in a file of checkpoints."""
    seq: int | None
    """The record that stands there, or must stand there."""
    offset: int
    """Of its first byte in the file."""
    reason: str


@final
@dataclass(frozen=True, slots=True)
class Loss:
    """The operator went on although records were missing or changed, and said so in a signed record."""

    seq: int
    """Of the record that says so: the loss is before it."""
    reason: str


@final
@dataclass(slots=True, kw_only=True)
class Findings:
    """What a log holds, as far as it is right."""

    records: int = 0
    first_seq: int | None = None
    head: ChainHead = field(default_factory=ChainHead)
    root: bytes | None = None
    """Of the tree over all records; None when it cannot be known, as earlier records are not here."""
    checkpoints: int = 0
    """Checkpoints and pins that the log was held against."""
    covered: int = 0
    """How many records, from the first of all, the newest of them covers."""
    newest_age_s: float | None = None
    """Since the newest checkpoint, or pin where pins were given, as its witness or its last record says."""
    torn_bytes: int = 0
    """Behind the last record: a crash, or a copy made while the gate was writing."""
    losses: list[Loss] = field(default_factory=list)
    pruned: int = 0
    """How many records, from the first of all, a record says were pruned by the operator's rule."""
    intents: OpenIntents = field(default_factory=OpenIntents)
    fault: Fault | None = None

    @property
    def unsigned(self) -> int:
        """Records behind the newest checkpoint."""
        return max(0, self.head.next_seq - self.covered)


@final
class Incomplete(Exception):
    """The log cannot be judged: records that it goes on from are neither here nor described."""


def verify_log(
    files: Sequence[Path],
    log: Path,
    *,
    pins: Sequence[Path] = (),
    keys: Sequence[VerifierKey] = (),
    witnesses: Sequence[VerifierKey] = (),
    since: str = "",
    now_s: float = 0.0,
    identities: Sequence[Identity] = (),
) -> Findings:
    """Read a log to its end, or to the first thing that is wrong.

    Args:
        files: of one log, in order.
        log: the one that checkpoints stand beside.
        pins: copies of checkpoints that were kept elsewhere.
        keys: verifier keys of the log and its witnesses; without them signatures are not looked at.
        witnesses: whose cosignatures must stand beside the log; what they cosigned counts as pins.
        since: a timestamp as records have it; older records are hashed and chained, and not looked into.
        now_s: UTC seconds since 1970, for the age of the newest checkpoint.
        identities: read what is encrypted.

    Raises:
        UnusablePin: a pin is none, or not signed by the keys.
        Incomplete: the first record does not say what stood before it, and there are checkpoints to hold it against.
        OSError: a file cannot be read.
    """
    findings = Findings()
    try:
        claims = claims_about(log, pins, keys, witnesses)
        _Reading(findings, claims, since, now_s, pinned=bool(pins or witnesses)).read(files, identities)
    except NotesFault as fault:
        findings.fault = Fault(fault.path, None, None, fault.offset, fault.reason)
    except _Wrong as wrong:
        findings.fault = wrong.fault
    return findings


@final
class _Wrong(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record stands, or would stand."""

    file: Path
    line: int
    seq: int
    offset: int

    def wrong(self, reason: str) -> _Wrong:
        return _Wrong(Fault(self.file, self.line, self.seq, self.offset, reason))


@final
class _Reading:
    """One way through the files."""

    def __init__(self, findings: Findings, claims: Iterator[Claim], since: str, now_s: float, *, pinned: bool) -> None:
        self._findings = findings
        self._claims = claims
        self._claim = next(claims, None)
        self._since = since.encode()
        self._looks_inside = not since
        self._now_s = now_s
        self._pinned = pinned
        self._head: ChainHead | None = None
        self._tree: CompactRange | None = None
        self._time = b""
        self._proved_to: dict[bool, _Place] = {}
        """Where what is not yet held against a checkpoint begins, and against a pin: who has the key forges the one."""

    def read(self, files: Sequence[Path], identities: Sequence[Identity]) -> None:
        end = _Place(files[-1], 1, 0, 0)
        for file in files:
            for line in self._lines(file, identities):
                place = _Place(file, line.number, self._findings.head.next_seq, line.offset)
                if not line.raw.endswith(b"\n") and len(line.raw) <= MAX_LINE_BYTES:
                    self._note_torn(place, line, is_last=file == files[-1])
                    end = place
                    break
                if self._head is None:
                    place = self._begin(place, line)
                leaf = self._follow(place, line)
                end = _Place(file, line.number + 1, self._findings.head.next_seq, line.end)
                if self._tree is not None:
                    self._tree.add(leaf)
                    self._pass_claims(end)
        if self._head is None:
            self._tree = CompactRange()
            self._pass_claims(end)
        self._findings.root = None if self._tree is None else self._tree.root()
        if self._claim is not None:
            raise end.wrong(f"the log ends with {end.seq} records, and {self._claim} says that there were more")

    def _lines(self, file: Path, identities: Sequence[Identity]) -> Iterator[Line]:
        number, offset = 1, 0
        try:
            for line in read_lines(file, identities=identities):
                number, offset = line.number + 1, line.end
                yield line
        except DamagedSegment as damaged:
            place = _Place(file, number, self._findings.head.next_seq, offset)
            raise place.wrong(str(damaged.strerror)) from damaged

    def _begin(self, place: _Place, line: Line) -> _Place:
        """Take up the log at its first record, which need not be the first of all."""
        raw = line.raw.removesuffix(b"\n")
        try:
            head, record = follow_record(None, raw)
        except BrokenRecord as broken:
            raise place.wrong(str(broken)) from broken
        if not begins_a_file(raw):
            raise place.wrong("not the first record of a log")
        place = _Place(place.file, place.line, head.next_seq - 1, place.offset)
        self._head = ChainHead(place.seq, str(record["prev"]))
        self._findings.first_seq = place.seq
        self._proved_to = {False: place, True: place}
        self._take_up(CompactRange() if place.seq == 0 else tree_before(record), place)
        return place

    def _take_up(self, tree: CompactRange | None, place: _Place) -> None:
        """Go on with a tree that a record tells of; what is said of smaller ones cannot be looked at."""
        self._tree = tree
        while self._claim is not None and self._claim.size < place.seq:
            self._claim = next(self._claims, None)
        if tree is not None:
            self._pass_claims(place)
        elif self._claim is not None:
            raise Incomplete(
                f"the records before {place.seq} are not in these files, and the first one does not say what they "
                "were: name the older files too"
            )

    def _pass_claims(self, end: _Place) -> None:
        """Hold the tree against everything that is said of exactly its records."""
        tree = self._tree or CompactRange()
        while self._claim is not None and self._claim.size == tree.size:
            self._hold_against(self._claim, tree, end)
            self._claim = next(self._claims, None)

    def _follow(self, place: _Place, line: Line) -> bytes:
        raw = line.raw.removesuffix(b"\n")
        head = self._head or ChainHead()
        time = raw[_TIME]
        self._looks_inside = self._looks_inside or time >= self._since
        try:
            if not self._looks_inside and place.line != 1:
                self._head, leaf = follow_link(head, raw)
            else:
                self._head, leaf = self._look_inside(place, head, raw)
        except BrokenRecord as broken:
            raise place.wrong(str(broken)) from broken
        if place.line == 1 and not begins_a_file(raw):
            raise place.wrong("not a record that a file may begin with")
        self._time = time
        self._findings.records += 1
        self._findings.head = self._head
        return leaf

    def _look_inside(self, place: _Place, head: ChainHead, raw: bytes) -> tuple[ChainHead, bytes]:
        after_loss = place.line == 1 and f'"event": "{REPAIRED_EVENT}"'.encode() in raw
        reached, record = follow_record(None if after_loss else head, raw)
        if after_loss:
            self._note_loss(place, head, record)
        self._findings.intents.note(record)
        last = record.get("last")
        if record["event"] == PRUNED_EVENT and isinstance(last, int):
            self._findings.pruned = max(self._findings.pruned, last + 1)
        return reached, leaf_digest(raw)

    def _note_loss(self, place: _Place, head: ChainHead, record: JsonObject) -> None:
        tree = tree_before(record)
        if record["event"] != REPAIRED_EVENT or tree is None or tree.size < head.next_seq:
            raise BrokenRecord("does not follow, and accounts for no loss")
        self._findings.losses.append(Loss(tree.size, str(record.get("reason", ""))))
        self._take_up(tree, _Place(place.file, place.line, tree.size, place.offset))

    def _hold_against(self, claim: Claim, tree: CompactRange, end: _Place) -> None:
        if tree.root() != claim.root:
            place = self._proved_to.get(claim.is_pin, end)
            raise place.wrong(
                f"one of the records {place.seq} to {end.seq - 1} is not what it was, or was not there: {claim} "
                "has another root"
            )
        self._proved_to |= {claim.is_pin: end, False: end}
        self._findings.checkpoints += 1
        self._findings.covered = claim.size
        if claim.is_pin or not self._pinned:
            seen_s = claim.time_s if claim.time_s is not None else _seconds(self._time)
            self._findings.newest_age_s = None if seen_s is None else self._now_s - seen_s

    def _note_torn(self, place: _Place, line: Line, *, is_last: bool) -> None:
        if not is_last or not may_be_torn(line.raw):
            raise place.wrong("torn: it has no newline")
        self._findings.torn_bytes = len(line.raw)


def _seconds(time: bytes) -> float | None:
    try:
        return datetime.fromisoformat(time.decode("ascii", "replace")).timestamp()
    except ValueError:
        return None
